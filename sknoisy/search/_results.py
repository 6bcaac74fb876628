"""The scores of a search by smoothing rate."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from sknoisy._validation.constraints import did_you_mean

__all__ = ["refuse_all_nan", "rates_and_scores"]


def refuse_all_nan(cv_results: Any, refit: Any, score: Callable[[], Any]) -> None:
    """Raise an error if a search has only NaN to choose by.

    Parameters
    ----------
    cv_results : dict
    refit : bool, str or callable
        As in the search; a str is the name of the score that matters.
    score : callable
        Scores once more, to find out what fails.

    Raises
    ------
    ValueError
        If all mean scores are NaN, or without a refit the scores of all folds.
    """
    # Without a refit nothing is chosen, and scores of single folds may be of use.
    of_folds = re.compile(r"mean_test_" if refit else r"split\d+_test_")
    names = [name for name in cv_results if of_folds.match(name)]
    # With a single score, the name in ``refit`` does not matter to scikit-learn.
    names = [f"mean_test_{refit}"] if f"mean_test_{refit}" in names else names
    if not all(np.isnan(cv_results[name]).all() for name in names):
        return
    message = "All scores of the search are NaN, so no candidate can be chosen."
    advice = "Soft labels need scoring=None; error_score='raise' shows where the error occurs."
    try:
        score()
    except Exception as error:
        raise ValueError(f"{message} {type(error).__name__}: {error} {advice}") from error
    raise ValueError(f"{message} {advice}")


def rates_and_scores(
    cv_results: Any, metric: str | None = None
) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Read the rate of each candidate, its mean score and the standard error of the mean.

    Parameters
    ----------
    cv_results : dict or DataFrame
        Results of a search over ``smoothing`` of an estimator or of a step of a pipeline.
    metric : str, default=None
        Name of the score; None: the only score.

    Returns
    -------
    rates : list
    mean, error : ndarray of shape (n_candidates,)
        NaN for candidates that a halving search dropped before its last iteration, because their
        scores used fewer resources.

    Raises
    ------
    ValueError
        If ``smoothing`` was not searched, or the score does not exist.
    """
    if not (hasattr(cv_results, "keys") and hasattr(cv_results, "__getitem__")):
        raise TypeError(
            "The 'cv_results' parameter must be the cv_results_ of a search. Got "
            f"{reprlib.repr(cv_results)} instead."
        )
    names = [name for name in cv_results if str(name).rpartition("__")[2] == "param_smoothing"]
    names += [name for name in cv_results if str(name).endswith("__smoothing")]
    if not names:
        raise ValueError("cv_results has no parameter 'smoothing'.")
    means = [str(name) for name in cv_results if str(name).startswith("mean_test_")]
    known = [name.removeprefix("mean_test_") for name in means]
    metric = "score" if metric is None else metric
    if not isinstance(metric, str) or metric not in known:
        raise ValueError(
            f"The 'metric' parameter must be a score of the search, one of {known}. Got "
            f"{metric!r} instead.{did_you_mean(metric, known)}"
        )
    n_splits = sum(
        str(name).startswith("split") and str(name).partition("_test_")[2] == metric
        for name in cv_results
    )
    mean = np.array(cv_results[f"mean_test_{metric}"], dtype=float)
    spread = np.asarray(cv_results[f"std_test_{metric}"], dtype=float)
    # scikit-learn's standard deviation over folds divides by the number of folds.
    error = spread / np.sqrt(max(n_splits - 1, 1))
    if "iter" in cv_results:
        iteration = np.asarray(cv_results["iter"])
        dropped = iteration < iteration.max()
        mean[dropped] = error[dropped] = np.nan
    return list(cv_results[names[0]]), mean, error
