"""Scores corrected by the transition matrix: estimates of the score on clean labels."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils._param_validation import Interval

from sknoisy._validation.constraints import checked
from sknoisy._validation.labels import check_labels_and_proba, encode_together
from sknoisy._validation.matrices import check_transition_matrix
from sknoisy._validation.shapes import check_same_length
from sknoisy.metrics._score import Score, mean_score, normalized_weights

__all__ = [
    "invert_transition",
    "noise_corrected_accuracy",
    "noise_corrected_balanced_accuracy",
    "noise_corrected_brier_score",
    "noise_corrected_calibration_error",
    "noise_corrected_log_loss",
]

# Above it, an error in the sixth digit of the matrix changes the first digit of the score.
_MAX_CONDITION = 1e6


def noise_corrected_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the accuracy on clean labels without bias.

    Assumes class-conditional noise and a correct transition matrix. On few samples the estimate may
    be above 1 or below 0, the more so the noisier the labels: no unbiased estimate can avoid it.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels in ``y_noisy`` and ``y_pred``.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score
        The score; a :class:`Score` if ``confidence_level`` is given.

    Raises
    ------
    ValueError
        If the transition matrix is almost singular.

    References
    ----------
    Natarajan et al., "Learning with Noisy Labels", NeurIPS 2013, Lemma 1, for two classes; Patrini
    et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR
    2017, Theorem 1, for more.

    Examples
    --------
    A perfect classifier; a quarter of the test labels are flipped:

    >>> from sknoisy.metrics import noise_corrected_accuracy
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_accuracy([0, 0, 0, 1], [0, 0, 0, 0], T)
    1.0
    """
    classes, (noisy, predicted) = encode_together(classes, y_noisy=y_noisy, y_pred=y_pred)
    check_same_length(y_noisy=noisy, y_pred=predicted)
    inverse = invert_transition(transition_matrix, classes)
    return mean_score(inverse[noisy, predicted], sample_weight, confidence_level)


def noise_corrected_balanced_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the balanced accuracy on clean labels: the mean recall over the classes.

    Assumes the same as :func:`noise_corrected_accuracy`. The recall of a class is divided by the
    frequency of the class among the clean labels, which is estimated too. This causes a bias that
    vanishes as the number of samples grows. Each frequency must exceed its standard error.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score
        The score; a :class:`Score` if ``confidence_level`` is given.

    Raises
    ------
    ValueError
        If the estimated frequency of a class among the clean labels does not exceed its standard
        error, or the transition matrix is almost singular.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_balanced_accuracy
    >>> T = [[1.0, 0.0], [0.5, 0.5]]
    >>> noise_corrected_balanced_accuracy([0, 0, 0, 1], [0, 0, 1, 1], T)
    1.0
    """
    classes, (noisy, predicted) = encode_together(classes, y_noisy=y_noisy, y_pred=y_pred)
    check_same_length(y_noisy=noisy, y_pred=predicted)
    inverse = invert_transition(transition_matrix, classes)
    weight = normalized_weights(noisy, sample_weight)
    hits = inverse[noisy] * (predicted[:, None] == np.arange(len(classes)))
    prior, hit_rate = weight @ inverse[noisy], weight @ hits
    error = np.sqrt(weight**2 @ (inverse[noisy] - prior) ** 2)
    if (prior <= error).any():
        rarest = (prior - error).argmin()
        raise ValueError(
            f"The estimated frequency of class {classes.tolist()[rarest]!r} among the clean labels "
            f"is not clearly above zero: {prior[rarest]:.3g}, with a standard error of "
            f"{error[rarest]:.3g}. The balanced accuracy needs more samples."
        )
    recall = hit_rate / prior
    # Influence of each sample on the ratio, to first order (the delta method).
    influence = (hits - recall * inverse[noisy]) / prior
    return mean_score(recall.mean() + influence.mean(axis=1), sample_weight, confidence_level)


def noise_corrected_log_loss(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the log loss on clean labels without bias; lower is better.

    Assumes the same as :func:`noise_corrected_accuracy`. Probabilities are clipped at the machine
    epsilon of their type. Confident predictions have a large effect in both directions.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the true labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score
        The score; a :class:`Score` if ``confidence_level`` is given.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_log_loss
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> round(noise_corrected_log_loss([0, 0, 0, 1], [[0.5, 0.5]] * 4, T), 3)
    0.693
    """
    noisy, probs, classes = check_labels_and_proba(y_noisy, proba, classes, name="y_noisy")
    losses = -np.log(probs.clip(np.finfo(probs.dtype).eps))
    corrected = _corrected_losses(losses, noisy, transition_matrix, classes)
    return mean_score(corrected, sample_weight, confidence_level)


def noise_corrected_brier_score(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the Brier score on clean labels without bias; lower is better.

    It is the squared distance of the probabilities from the one-hot true label, in [0, 2]. Assumes
    the same as :func:`noise_corrected_accuracy`.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the true labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score
        The score; a :class:`Score` if ``confidence_level`` is given.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_brier_score
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_brier_score([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    noisy, probs, classes = check_labels_and_proba(y_noisy, proba, classes, name="y_noisy")
    losses = (probs**2).sum(axis=1, keepdims=True) - 2 * probs + 1
    corrected = _corrected_losses(losses, noisy, transition_matrix, classes)
    return mean_score(corrected, sample_weight, confidence_level)


@checked(n_bins=[Interval(Integral, 1, None, closed="left")])
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
    """Estimate the expected calibration error on clean labels; lower is better.

    Samples are binned by the probability of their most likely class, into bins of equal width. The
    score is the mean distance between confidence and noise-corrected accuracy over the bins.
    Assumes the same as :func:`noise_corrected_accuracy`. Bins with few samples look badly
    calibrated by chance, more so with noisy labels.

    The standard error is computed by the delta method, which treats the sign of the distance in
    each bin as known. If the sign is uncertain, chance can only increase the score. So the lower
    bound of the interval is reduced by the increase that would be expected if each distance were
    smaller by its standard error. The bound is at least 0, and the interval is conservative.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the true labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    classes : array-like of shape (n_classes,), default=None
        Classes of the rows and columns, sorted; None: the labels that occur.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.
    n_bins : int, default=10
        Number of bins, at least 1.

    Returns
    -------
    float or Score
        The score, at least 0; a :class:`Score` if ``confidence_level`` is given.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. 3. Leone et al., "The
    Folded Normal Distribution", Technometrics 1961, for the increase by chance.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_calibration_error
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_calibration_error([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    noisy, probs, classes = check_labels_and_proba(y_noisy, proba, classes, name="y_noisy")
    inverse = invert_transition(transition_matrix, classes)
    weight = normalized_weights(noisy, sample_weight)
    predicted = probs.argmax(axis=1)
    confidence = probs[np.arange(len(probs)), predicted]
    bins = np.ceil(confidence * n_bins).astype(int).clip(1, n_bins)
    distance = weight * (confidence - inverse[noisy, predicted])
    gap, error = np.bincount(bins, distance), np.sqrt(np.bincount(bins, distance**2))
    # With the sign of each bin, the sum of absolute values becomes a mean over samples.
    signed = np.sign(gap)[bins] * (confidence - inverse[noisy, predicted])
    score = mean_score(signed, sample_weight, confidence_level)
    if not isinstance(score, Score):
        return score
    varying = error > 0
    increase = _increase_by_chance(abs(gap[varying]), error[varying]).sum()
    return score._replace(low=max(0.0, float(score.low - increase)))


def _increase_by_chance(distance: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Compute E|N(m, error)| - m for the mean m = max(distance - error, 0)."""
    z = (distance / error - 1).clip(0)
    return 2 * error * (norm.pdf(z) - z * norm.sf(z))


def _corrected_losses(
    losses: np.ndarray, noisy: np.ndarray, transition_matrix: Any, classes: np.ndarray
) -> np.ndarray:
    """Correct losses of shape (n_samples, n_classes), one for each class as the true label."""
    inverse = invert_transition(transition_matrix, classes)
    return (inverse[noisy] * losses).sum(axis=1)


def invert_transition(transition_matrix: Any, classes: np.ndarray) -> np.ndarray:
    """Check a transition matrix and invert it, unless it is almost singular."""
    matrix = check_transition_matrix(transition_matrix, len(classes), classes=classes)
    condition = np.linalg.cond(matrix)
    if not condition < _MAX_CONDITION:
        raise ValueError(
            "The 'transition_matrix' parameter must be invertible: classes with the same "
            "distribution of noisy labels cannot be distinguished. Got a matrix with condition "
            f"number {condition:.3g} instead."
        )
    return np.linalg.inv(matrix)
