"""What a search over rates of smoothing found."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["rates_and_scores"]


def rates_and_scores(
    cv_results: Any, metric: str | None = None
) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Read the rate of each candidate, its mean score and the standard error of that.

    Parameters
    ----------
    cv_results : dict or DataFrame
        Of a search over ``smoothing`` of the estimator or of the last step of a pipeline.
    metric : str, default=None
        Name of the score, of a search by several; None: of a search by one score, that.

    Returns
    -------
    rates : list
    mean, error : ndarray of shape (n_candidates,)
        NaN for the candidates that a search by halving gave up before its last iteration: they
        were scored with less.

    Raises
    ------
    ValueError
        If the rate was not searched, or there is no such score.
    """
    names = [name for name in cv_results if str(name).rpartition("__")[2] == "param_smoothing"]
    names += [name for name in cv_results if str(name).endswith("__smoothing")]
    if not names:
        raise ValueError("cv_results has no parameter 'smoothing'.")
    means = [str(name) for name in cv_results if str(name).startswith("mean_test_")]
    known = [name.removeprefix("mean_test_") for name in means]
    metric = "score" if metric is None else metric
    if metric not in known:
        raise ValueError(
            f"The 'metric' parameter must be a score of the search, one of {known}. Got "
            f"{metric!r} instead."
        )
    n_splits = sum(
        str(name).startswith("split") and str(name).partition("_test_")[2] == metric
        for name in cv_results
    )
    mean = np.array(cv_results[f"mean_test_{metric}"], dtype=float)
    spread = np.asarray(cv_results[f"std_test_{metric}"], dtype=float)
    # scikit-learn's spread is that of the folds at hand, which divides by their number.
    error = spread / np.sqrt(max(n_splits - 1, 1))
    if "iter" in cv_results:
        iteration = np.asarray(cv_results["iter"])
        given_up = iteration < iteration.max()
        mean[given_up] = error[given_up] = np.nan
    return list(cv_results[names[0]]), mean, error
