"""Comparison of two classifiers on the same noisy labels."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from sknoisy._validation.labels import encode_together
from sknoisy._validation.shapes import check_same_length
from sknoisy.metrics._score import Score, mean_score, normalized_weights, z_score
from sknoisy.metrics.corrected import invert_transition

__all__ = ["accuracy_difference"]


def accuracy_difference(
    y_noisy: Any,
    y_pred: Any,
    y_pred_other: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = 0.95,
) -> float | Score:
    """Estimate how much more accurate a classifier is than another one on clean labels.

    Both have predicted the same samples, which makes the interval narrow: samples on which they
    agree add nothing to its width. If it contains 0, these labels do not tell which one is better.

    Assumes class-conditional noise and a correct transition matrix. Noise shrinks the difference of
    accuracies that is seen on noisy labels, and never reverses it if noise is uniform; otherwise it
    may. The interval is that of the normal distribution, widened as if the classifiers differed on
    one more sample, so that it is not empty if they differ on none [2]_.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels of samples that neither classifier was trained on.
    y_pred, y_pred_other : array-like of shape (n_samples,)
        The labels that the classifiers predict.
    transition_matrix : array-like of shape (n_classes, n_classes) or float
        Entry (i, j) is the probability of noisy label j for true label i. A float is the rate of
        uniform noise: the probability that a label is wrong, when each other class is equally
        likely.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=0.95
        Level of the confidence interval, in (0, 1); None: return the difference alone.

    Returns
    -------
    float or Score
        The accuracy of the first classifier minus that of the other, in [-1, 1] up to the error of
        the estimate; a :class:`Score` if ``confidence_level`` is given.

    Raises
    ------
    ValueError
        If the transition matrix is almost singular, or the rate not below ``1 - 1 / n_classes``.

    References
    ----------
    .. [1] Natarajan et al., "Learning with Noisy Labels", NeurIPS 2013, Lemma 1.
    .. [2] Agresti and Min, "Simple Improved Confidence Intervals for Comparing Matched
       Proportions", Statistics in Medicine 2005, who add two samples, a half to each of four cells.

    Examples
    --------
    A quarter of the test labels are flipped. The first classifier is perfect, the other is wrong in
    half of the samples:

    >>> from sknoisy.metrics import accuracy_difference
    >>> y_noisy = [0, 0, 0, 1, 0, 0, 0, 1]
    >>> first, other = [0] * 8, [0] * 4 + [1] * 4
    >>> accuracy_difference(y_noisy, first, other, 0.25, confidence_level=None)
    0.5
    >>> accuracy_difference(y_noisy, first, other, 0.25).low < 0
    True
    """
    classes, (noisy, first, other) = encode_together(
        classes, y_noisy=y_noisy, y_pred=y_pred, y_pred_other=y_pred_other
    )
    check_same_length(y_noisy=noisy, y_pred=first, y_pred_other=other)
    matrix = _as_matrix(transition_matrix, len(classes))
    inverse = invert_transition(matrix, classes)
    difference = inverse[noisy, first] - inverse[noisy, other]
    score = mean_score(difference, sample_weight, confidence_level)
    if not isinstance(score, Score):
        return score
    largest_weight = normalized_weights(noisy, sample_weight).max()
    largest = (inverse.max(axis=1) - inverse.min(axis=1)).max()
    error = float(np.hypot(score.standard_error, largest_weight * largest))
    half_width = z_score(confidence_level) * error
    return Score(score.value, error, score.value - half_width, score.value + half_width)


def _as_matrix(transition_matrix: Any, n_classes: int) -> Any:
    """Turn the rate of uniform noise into a matrix; a matrix is returned unchanged."""
    if not isinstance(transition_matrix, Real) or isinstance(transition_matrix, bool):
        return transition_matrix
    rate, limit = float(transition_matrix), 1 - 1 / n_classes
    if not 0 <= rate < limit:
        raise ValueError(
            "The 'transition_matrix' parameter must be an array, or a rate of uniform noise in the "
            f"range [0, {limit:.3g}) for {n_classes} classes. Got {transition_matrix!r} instead."
        )
    is_other = 1 - np.eye(n_classes)
    return (1 - rate) * np.eye(n_classes) + rate / max(n_classes - 1, 1) * is_other
