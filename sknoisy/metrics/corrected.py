"""Scores of which the expectation is that on right labels, by the transition matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._checks import transition_matrix as checked
from sknoisy._labels import with_proba
from sknoisy.metrics._score import Score, coded, summary, weights

__all__ = [
    "inverse_of",
    "noise_corrected_accuracy",
    "noise_corrected_balanced_accuracy",
    "noise_corrected_brier_score",
    "noise_corrected_calibration_error",
    "noise_corrected_log_loss",
]

# Beyond it an error in the sixth digit of a matrix changes the first of a score.
_WORST_CONDITION = 1e6


def noise_corrected_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the accuracy on right labels, without bias.

    Takes for granted that the transition matrix is right and that wrong labels hang on nothing but
    the right one. It may come out above 1 or below 0 on few samples, the more so the noisier the
    labels: an unbiased estimate has to.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    y_pred : array-like of shape (n_samples,)
        The predicted ones.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is right.
    classes : array-like of shape (n_classes,), default=None
        What rows and columns stand for, sorted; None: the labels given or predicted.
    sample_weight : array-like of shape (n_samples,), default=None
    confidence_level : float, default=None
        Of an interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score

    References
    ----------
    Natarajan et al., "Learning with Noisy Labels", NeurIPS 2013, Lemma 1, for two classes; Patrini
    et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR
    2017, Theorem 1, for more.

    Examples
    --------
    A perfect classifier, of whose test labels a quarter was turned:

    >>> from sknoisy.metrics import noise_corrected_accuracy
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_accuracy([0, 0, 0, 1], [0, 0, 0, 0], T)
    1.0
    """
    given, said, known = coded(y_noisy, y_pred, classes)
    inverse = inverse_of(transition_matrix, len(known))
    return summary(inverse[given, said], sample_weight, confidence_level)


def noise_corrected_balanced_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the mean over classes of the share of right predictions.

    Takes for granted what :func:`noise_corrected_accuracy` does. The share of each class among the
    right labels is estimated too, so there is a bias, which falls with the number of samples.

    Parameters
    ----------
    y_noisy, y_pred, transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    Raises
    ------
    ValueError
        If a class has no share in the right labels, by these samples.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_balanced_accuracy
    >>> T = [[1.0, 0.0], [0.5, 0.5]]
    >>> noise_corrected_balanced_accuracy([0, 0, 0, 1], [0, 0, 1, 1], T)
    1.0
    """
    given, said, known = coded(y_noisy, y_pred, classes)
    inverse = inverse_of(transition_matrix, len(known))
    weight = weights(given, sample_weight)
    hits = inverse[given] * (said[:, None] == np.arange(len(known)))
    share, right = weight @ inverse[given], weight @ hits
    if (share <= 0).any():
        label = known[share.argmin()]
        raise ValueError(
            f"By these labels and this matrix no sample is of class {label!r} (its share comes out "
            f"as {share.min():.3g}); the balanced accuracy needs more samples."
        )
    recall = right / share
    # The first terms of a series: how each sample moves the ratio.
    moved = (hits - recall * inverse[given]) / share
    return summary(recall.mean() + moved.mean(axis=1), sample_weight, confidence_level)


def noise_corrected_log_loss(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the log loss on right labels, without bias: the lower the better.

    Takes for granted what :func:`noise_corrected_accuracy` does. Probabilities are cut at the
    precision of their type; sure ones weigh heavily in both directions.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the right labels.
    transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_log_loss
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> round(noise_corrected_log_loss([0, 0, 0, 1], [[0.5, 0.5]] * 4, T), 3)
    0.693
    """
    given, p, _ = with_proba(y_noisy, proba, classes)
    losses = _expected(-np.log(p.clip(np.finfo(p.dtype).eps)), given, transition_matrix)
    return summary(losses, sample_weight, confidence_level)


def noise_corrected_brier_score(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the Brier score on right labels, without bias: the lower the better.

    The squared distance of the probabilities from the right label, in [0, 2]. Takes for granted
    what :func:`noise_corrected_accuracy` does.

    Parameters
    ----------
    y_noisy, proba, transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_log_loss`.

    Returns
    -------
    float or Score

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_brier_score
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_brier_score([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    given, p, _ = with_proba(y_noisy, proba, classes)
    losses = _expected((p**2).sum(axis=1, keepdims=True) - 2 * p + 1, given, transition_matrix)
    return summary(losses, sample_weight, confidence_level)


def noise_corrected_calibration_error(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    n_bins: int = 10,
    classes: Any = None,
    sample_weight: Any = None,
) -> float:
    """Estimate how far the confidence of predictions is from their accuracy on right labels.

    The expected calibration error: samples are sorted by the probability of their likeliest class
    into bins of equal width, and the distances of mean probability and corrected accuracy averaged.
    Takes for granted what :func:`noise_corrected_accuracy` does. Few samples in a bin look badly
    calibrated by chance, more so with noisy labels.

    Parameters
    ----------
    y_noisy, proba, transition_matrix, classes, sample_weight
        As in :func:`noise_corrected_log_loss`.
    n_bins : int, default=10

    Returns
    -------
    float
        At least 0.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. 3.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_calibration_error
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_calibration_error([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    given, p, known = with_proba(y_noisy, proba, classes)
    inverse, weight = inverse_of(transition_matrix, len(known)), weights(given, sample_weight)
    said = p.argmax(axis=1)
    confidence = p[np.arange(len(p)), said]
    place = np.ceil(confidence * n_bins).astype(int).clip(1, n_bins)
    gap = np.bincount(place, weight * (confidence - inverse[given, said]))
    return float(abs(gap).sum())


def _expected(losses: np.ndarray, given: np.ndarray, transition_matrix: Any) -> np.ndarray:
    """What each sample costs, of (n_samples, n_classes) losses for each class as the right one."""
    inverse = inverse_of(transition_matrix, losses.shape[1])
    return (inverse[given] * losses).sum(axis=1)


def inverse_of(transition_matrix: Any, n_classes: int) -> np.ndarray:
    """Invert a transition matrix, if that can be done with any digits left."""
    given = checked(transition_matrix, n_classes)
    condition = np.linalg.cond(given)
    if not condition < _WORST_CONDITION:
        raise ValueError(
            "The 'transition_matrix' parameter must have an inverse: two classes whose labels come "
            "out alike cannot be told "
            f"apart. Got one with condition number {condition:.3g}."
        )
    return np.linalg.inv(given)
