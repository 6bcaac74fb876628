"""What a search over rates of smoothing found."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["rates_and_scores"]


def rates_and_scores(cv_results: Any) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Read the rate of each candidate, its mean score and the standard error of that.

    Parameters
    ----------
    cv_results : dict or DataFrame
        Of a search by one score, over ``smoothing`` of the estimator or of the last step of a
        pipeline.

    Returns
    -------
    rates : list
    mean, error : ndarray of shape (n_candidates,)

    Raises
    ------
    ValueError
        If the rate was not searched.
    """
    names = [name for name in cv_results if str(name).rpartition("__")[2] == "param_smoothing"]
    names += [name for name in cv_results if str(name).endswith("__smoothing")]
    if not names:
        raise ValueError("cv_results has no parameter 'smoothing'.")
    n_splits = sum(
        str(name).startswith("split") and str(name).endswith("_test_score") for name in cv_results
    )
    mean = np.asarray(cv_results["mean_test_score"], dtype=float)
    spread = np.asarray(cv_results["std_test_score"], dtype=float)
    return list(cv_results[names[0]]), mean, spread / np.sqrt(max(n_splits, 1))
