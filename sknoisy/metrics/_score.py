"""What all scores are made of: checked labels, weights, a mean and its error."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import _check_sample_weight

__all__ = ["Score", "errors_around", "summary", "weights"]


class Score(NamedTuple):
    """A score and how far it is to be trusted.

    Attributes
    ----------
    value : float
    standard_error : float
    low, high : float
        Ends of the interval, which may reach beyond what the score can be.
    """

    value: float
    standard_error: float
    low: float
    high: float


def summary(
    scores: np.ndarray, sample_weight: Any, confidence_level: float | None
) -> float | Score:
    """The mean of what each sample scores, and its error."""
    weight = weights(scores, sample_weight)
    # A weighted mean of equal scores may miss them in the last digit.
    value = float(np.clip(weight @ scores, scores.min(), scores.max()))
    if confidence_level is None:
        return value
    reach = errors_around(confidence_level)
    error = float(np.sqrt((weight**2 * (scores - value) ** 2).sum()))
    return Score(value, error, value - reach * error, value + reach * error)


def errors_around(confidence_level: Any) -> float:
    """How many standard errors an interval reaches to either side."""
    if not isinstance(confidence_level, Real) or not 0 < float(confidence_level) < 1:
        raise ValueError(
            "The 'confidence_level' parameter must be None or a float in the range (0, 1). Got "
            f"{confidence_level!r} instead."
        )
    return float(norm.ppf((1 + float(confidence_level)) / 2))


def weights(like: np.ndarray, sample_weight: Any) -> np.ndarray:
    """Weights of samples that sum to one."""
    weight = _check_sample_weight(sample_weight, like, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight / weight.sum()
