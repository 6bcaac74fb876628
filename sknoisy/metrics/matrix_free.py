"""Scores on noisy labels that need no transition matrix."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval

from sknoisy._label_noise.most_confident import wilson_interval
from sknoisy._validation.constraints import checked
from sknoisy._validation.labels import check_labels_and_proba, check_trusted, encode_together
from sknoisy._validation.shapes import check_same_length
from sknoisy.metrics._score import Score, mean_score, normalized_weights, z_score

__all__ = ["cores_score", "peer_accuracy", "trusted_accuracy"]


def peer_accuracy(
    y_noisy: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Compute the accuracy on noisy labels minus the accuracy expected by chance.

    Needs no transition matrix. Assumes class-conditional noise and, with more than two classes,
    that all wrong labels are equally likely. Then classifiers are ranked as by the same score on
    clean labels, which favours no class. It is not an accuracy: 0 is chance level, and the scale
    depends on the noise.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    confidence_level : float, default=None
        Level of the confidence interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score
        The score; a :class:`Score` if ``confidence_level`` is given.

    References
    ----------
    Liu and Guo, "Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates",
    ICML 2020, with the 0-1 loss, and all pairs of samples as peers.

    Examples
    --------
    Always predicting the most frequent label scores 0:

    >>> from sknoisy.metrics import peer_accuracy
    >>> peer_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.0
    >>> peer_accuracy([0, 0, 1, 1], [0, 0, 1, 1])
    0.5
    """
    classes, (noisy, predicted) = encode_together(y_noisy=y_noisy, y_pred=y_pred)
    check_same_length(y_noisy=noisy, y_pred=predicted)
    weight, k = normalized_weights(noisy, sample_weight), len(classes)
    label_freq, pred_freq = np.bincount(noisy, weight, k), np.bincount(predicted, weight, k)
    chance = label_freq @ pred_freq
    # For the standard error, chance becomes one term per sample; the mean of the terms is -chance.
    influence = chance - label_freq[predicted] - pred_freq[noisy]
    return mean_score((noisy == predicted) + influence, sample_weight, confidence_level)


@checked(beta=[Interval(Real, 0, None, closed="left")])
def cores_score(
    y_noisy: Any,
    proba: Any,
    *,
    beta: float = 2.0,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Compute the log-likelihood of noisy labels minus the log-likelihood of random labels.

    Higher is better. Needs no transition matrix. Confident predictions increase the score even
    if they are wrong, and more if they agree with the labels. So it can compare networks with
    each other, but not with models that predict probabilities of 0 and 1. Assumes that for each
    class the most likely noisy label is the true one. The value has no meaning by itself.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    beta : float, default=2.0
        Weight of the randomly drawn labels, at least 0; at 0 the score is the log-likelihood.
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

    References
    ----------
    Cheng et al., "Learning with Instance-Dependent Label Noise: A Sample Sieve Approach", ICLR
    2021, Eq. 3: the negative loss. The default ``beta`` is the last value of their schedule.

    Examples
    --------
    >>> from sknoisy.metrics import cores_score
    >>> round(cores_score([0, 1], [[0.9, 0.1], [0.1, 0.9]]), 2)
    2.3
    """
    noisy, probs, classes = check_labels_and_proba(y_noisy, proba, classes, name="y_noisy")
    weight = normalized_weights(noisy, sample_weight)
    log_p = np.log(probs.clip(np.finfo(probs.dtype).eps))
    prior, mean = np.bincount(noisy, weight, len(classes)), weight @ log_p
    # The prior is estimated from the same samples. The last two terms have mean 0 and add the
    # error of this estimate to the standard error.
    random_labels = log_p @ prior + mean[noisy] - mean @ prior
    scores = log_p[np.arange(len(noisy)), noisy] - beta * random_labels
    return mean_score(scores, sample_weight, confidence_level)


def trusted_accuracy(
    y: Any,
    y_pred: Any,
    trusted: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Compute the accuracy on trusted samples, whose labels are known to be clean.

    Assumes that the trusted samples are a random sample of all. The confidence interval is
    Wilson's: it stays in [0, 1] and has the right coverage for few samples and accuracies near 1,
    too. With sample weights it uses the effective sample size. A scorer gets the mask by
    metadata routing: ``make_scorer(trusted_accuracy).set_score_request(trusted=True)``.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels; only those of trusted samples are used.
    y_pred : array-like of shape (n_samples,)
        Predicted labels.
    trusted : array-like of bool of shape (n_samples,)
        Mask of the samples whose labels are clean.
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
        If ``trusted`` is not a boolean mask of the samples, or marks none.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.

    Examples
    --------
    >>> from sknoisy.metrics import trusted_accuracy
    >>> trusted_accuracy([0, 1, 1], [0, 0, 1], [True, False, True])
    1.0
    """
    _, (labels, predicted) = encode_together(y=y, y_pred=y_pred)
    check_same_length(y=labels, y_pred=predicted)
    mask = check_trusted(trusted, len(labels))
    if mask is None:
        raise ValueError("trusted_accuracy needs trusted samples. Got trusted=None.")
    weight = None if sample_weight is None else normalized_weights(labels, sample_weight)[mask]
    hits = (labels == predicted)[mask].astype(float)
    score = mean_score(hits, weight, confidence_level)
    if confidence_level is None or not isinstance(score, Score):
        return score
    n_effective = 1 / (normalized_weights(hits, weight) ** 2).sum()
    low, high = np.clip(wilson_interval(score.value, n_effective, z_score(confidence_level)), 0, 1)
    # Accuracies of 0 and 1 are bounds themselves, up to rounding.
    return score._replace(low=min(float(low), score.value), high=max(float(high), score.value))
