"""Common parts of all scores: weights, the weighted mean and its standard error."""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from sknoisy._validation.weights import checked_weights

__all__ = ["Score", "mean_score", "normalized_weights", "z_score"]


class Score(NamedTuple):
    """A score with its standard error and confidence interval.

    Attributes
    ----------
    value : float
        The score.
    standard_error : float
        Standard error of the score.
    low, high : float
        Bounds of the confidence interval, which may lie outside the range of the score.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_accuracy
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> y_noisy, y_pred = [0, 0, 0, 1] * 25, [0] * 100
    >>> score = noise_corrected_accuracy(y_noisy, y_pred, T, confidence_level=0.95)
    >>> round(float(score.value), 2), bool(score.low < score.value < score.high)
    (1.0, True)
    """

    value: float
    standard_error: float
    low: float
    high: float


def mean_score(
    scores: np.ndarray, sample_weight: Any, confidence_level: float | None
) -> float | Score:
    """Compute the weighted mean of one score per sample, and its standard error on request."""
    weight = normalized_weights(scores, sample_weight)
    # Rounding may move a weighted mean of equal scores away from them in the last digit.
    value = float(np.clip(weight @ scores, scores.min(), scores.max()))
    if confidence_level is None:
        return value
    z = z_score(confidence_level)
    error = float(np.sqrt((weight**2 * (scores - value) ** 2).sum()))
    return Score(value, error, value - z * error, value + z * error)


def z_score(confidence_level: Any) -> float:
    """Return the half width of a normal confidence interval, in standard errors."""
    is_number = isinstance(confidence_level, Real) and not isinstance(confidence_level, bool)
    if not is_number or not 0 < float(confidence_level) < 1:
        raise ValueError(
            "The 'confidence_level' parameter must be None or a float in the range (0, 1). Got "
            f"{confidence_level!r} instead."
        )
    return float(norm.ppf((1 + float(confidence_level)) / 2))


def normalized_weights(X: np.ndarray, sample_weight: Any) -> np.ndarray:
    """Check the sample weights of the rows of X, and scale them to sum to one."""
    weight = checked_weights(sample_weight, X)
    return weight / weight.sum()
