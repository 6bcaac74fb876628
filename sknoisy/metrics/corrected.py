"""Scores of which the expectation is that on right labels, by the transition matrix."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils.validation import check_consistent_length

from sknoisy._validation.labels import check_labels_and_proba, encode_together
from sknoisy._validation.matrices import transition_matrix as checked
from sknoisy.metrics._score import Score, summary, weights

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
    check_consistent_length(y_noisy, y_pred)
    known, (given, said) = encode_together(classes, y=y_noisy, y_pred=y_pred)
    inverse = inverse_of(transition_matrix, known)
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
    right labels is estimated too, so there is a bias, which falls with the number of samples; and
    as it divides, each has to come out above its standard error, or the score could be anything.

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
        If the share of a class in the right labels comes out no larger than its standard error.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_balanced_accuracy
    >>> T = [[1.0, 0.0], [0.5, 0.5]]
    >>> noise_corrected_balanced_accuracy([0, 0, 0, 1], [0, 0, 1, 1], T)
    1.0
    """
    check_consistent_length(y_noisy, y_pred)
    known, (given, said) = encode_together(classes, y=y_noisy, y_pred=y_pred)
    inverse = inverse_of(transition_matrix, known)
    weight = weights(given, sample_weight)
    hits = inverse[given] * (said[:, None] == np.arange(len(known)))
    share, right = weight @ inverse[given], weight @ hits
    error = np.sqrt(weight**2 @ (inverse[given] - share) ** 2)
    if (share <= error).any():
        least = (share - error).argmin()
        raise ValueError(
            f"The share of class {known.tolist()[least]!r} in the right labels is not clearly "
            f"above zero: it comes out as {share[least]:.3g}, with a standard error of "
            f"{error[least]:.3g}. The balanced accuracy needs more samples."
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
    given, p, known = check_labels_and_proba(y_noisy, proba, classes)
    losses = -np.log(p.clip(np.finfo(p.dtype).eps))
    losses = _expected(losses, given, transition_matrix, known)
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
    given, p, known = check_labels_and_proba(y_noisy, proba, classes)
    losses = (p**2).sum(axis=1, keepdims=True) - 2 * p + 1
    losses = _expected(losses, given, transition_matrix, known)
    return summary(losses, sample_weight, confidence_level)


def noise_corrected_calibration_error(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    n_bins: int = 10,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate how far the confidence of predictions is from their accuracy on right labels.

    The expected calibration error: samples are sorted by the probability of their likeliest class
    into bins of equal width, and the distances of mean probability and corrected accuracy averaged.
    Takes for granted what :func:`noise_corrected_accuracy` does. Few samples in a bin look badly
    calibrated by chance, more so with noisy labels.

    The standard error is that of a mean (the delta method), which takes the bins where confidence
    is too high and those where it is too low as known. Where they are not, chance adds to the error
    and never takes away; so the interval reaches farther down, by what it would add were each
    distance smaller by its standard error. It is at least 0, and too wide rather than too narrow.

    Parameters
    ----------
    y_noisy, proba, transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_log_loss`.
    n_bins : int, default=10
        At least 1.

    Returns
    -------
    float or Score
        At least 0.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. 3. Leone et al., "The
    Folded Normal Distribution", Technometrics 1961, for what chance adds.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_calibration_error
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_calibration_error([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    if not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(
            f"The 'n_bins' parameter must be an int in the range [1, inf). Got {n_bins!r} instead."
        )
    given, p, known = check_labels_and_proba(y_noisy, proba, classes)
    inverse, weight = inverse_of(transition_matrix, known), weights(given, sample_weight)
    said = p.argmax(axis=1)
    confidence = p[np.arange(len(p)), said]
    place = np.ceil(confidence * n_bins).astype(int).clip(1, n_bins)
    distance = weight * (confidence - inverse[given, said])
    gap, error = np.bincount(place, distance), np.sqrt(np.bincount(place, distance**2))
    # A sum of absolute values is a sum with known signs, and so a mean over the samples.
    signed = np.sign(gap)[place] * (confidence - inverse[given, said])
    found = summary(signed, sample_weight, confidence_level)
    if not isinstance(found, Score):
        return found
    some = error > 0
    added = _folded(abs(gap[some]), error[some]).sum()
    return found._replace(low=max(0.0, float(found.low - added)))


def _folded(distance: np.ndarray, error: np.ndarray) -> np.ndarray:
    """What chance adds to an absolute value that is smaller by its error than what came out."""
    z = (distance / error - 1).clip(0)
    return 2 * error * (norm.pdf(z) - z * norm.sf(z))


def _expected(
    losses: np.ndarray, given: np.ndarray, transition_matrix: Any, classes: np.ndarray
) -> np.ndarray:
    """What each sample costs, of (n_samples, n_classes) losses for each class as the right one."""
    inverse = inverse_of(transition_matrix, classes)
    return (inverse[given] * losses).sum(axis=1)


def inverse_of(transition_matrix: Any, classes: np.ndarray) -> np.ndarray:
    """Invert a transition matrix, if that can be done with any digits left."""
    given = checked(transition_matrix, len(classes), classes=classes)
    condition = np.linalg.cond(given)
    if not condition < _WORST_CONDITION:
        raise ValueError(
            "The 'transition_matrix' parameter must have an inverse: two classes whose labels come "
            "out alike cannot be told "
            f"apart. Got one with condition number {condition:.3g}."
        )
    return np.linalg.inv(given)
