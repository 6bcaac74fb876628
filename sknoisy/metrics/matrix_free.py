"""Scores on noisy labels that need no transition matrix."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sknoisy._label_noise.estimators import wilson_interval
from sknoisy._validation.labels import check_labels_and_proba, check_trusted, encode_together
from sknoisy.metrics._score import Score, errors_around, summary, weights

__all__ = ["cores_score", "peer_accuracy", "trusted_accuracy"]


def peer_accuracy(
    y_noisy: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Accuracy on the given labels, less what chance would give with such labels and predictions.

    It needs no transition matrix. Takes for granted that wrong labels hang on nothing but the right
    one and, with more than two classes, that all wrong labels are equally likely; then it ranks
    classifiers as it would on right labels, where no class is favoured. It is no accuracy: 0 is
    chance, and its height hangs on the noise.

    Parameters
    ----------
    y_noisy, y_pred, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    References
    ----------
    Liu and Guo, "Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates",
    ICML 2020, with the 0-1 loss, and all pairs of samples as peers.

    Examples
    --------
    Guessing the more frequent label is worth nothing:

    >>> from sknoisy.metrics import peer_accuracy
    >>> peer_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.0
    >>> peer_accuracy([0, 0, 1, 1], [0, 0, 1, 1])
    0.5
    """
    check_consistent_length(y_noisy, y_pred)
    known, (given, said) = encode_together(y=y_noisy, y_pred=y_pred)
    weight, k = weights(given, sample_weight), len(known)
    labels, guesses = np.bincount(given, weight, k), np.bincount(said, weight, k)
    chance = labels @ guesses
    moved = chance - labels[said] - guesses[given]
    return summary((given == said) + moved, sample_weight, confidence_level)


def cores_score(
    y_noisy: Any,
    proba: Any,
    *,
    beta: float = 2.0,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Log likelihood of the given labels, less that of labels drawn at random.

    The higher the better. Predictions that are sure gain, whatever they say, and those that follow
    the labels gain more; so it compares networks, and not a model that says 0 and 1 with another.
    Takes for granted that each right label is likelier than any other to be given. Its height means
    nothing by itself.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    beta : float, default=2.0
        Weight of the labels drawn at random, at least 0; at 0 it is the log likelihood.
    classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    References
    ----------
    Cheng et al., "Learning with Instance-Dependent Label Noise: A Sample Sieve Approach", ICLR
    2021, Eq. 3: the loss, with the sign turned. ``beta`` is the last value of their schedule.

    Examples
    --------
    >>> from sknoisy.metrics import cores_score
    >>> round(cores_score([0, 1], [[0.9, 0.1], [0.1, 0.9]]), 2)
    2.3
    """
    if not isinstance(beta, Real) or not 0 <= beta < np.inf:
        raise ValueError(
            f"The 'beta' parameter must be a float in the range [0, inf). Got {beta!r} instead."
        )
    given, p, known = check_labels_and_proba(y_noisy, proba, classes)
    weight = weights(given, sample_weight)
    log_p = np.log(p.clip(np.finfo(p.dtype).eps))
    prior, mean = np.bincount(given, weight, len(known)), weight @ log_p
    # Labels drawn at random come from the samples too: what each adds by its own has the mean 0,
    # and an error.
    moved = log_p @ prior + mean[given] - mean @ prior
    scores = log_p[np.arange(len(given)), given] - beta * moved
    return summary(scores, sample_weight, confidence_level)


def trusted_accuracy(
    y: Any,
    y_pred: Any,
    trusted: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Accuracy on the samples whose labels are known to be right.

    Takes for granted that these are like the others. The interval is Wilson's, which stays in
    [0, 1] and holds what it should for few samples and accuracies near 1, too; with weights it
    counts as many samples as, weighted alike, would have such an error. As a scorer it takes the
    mask by metadata routing: ``make_scorer(trusted_accuracy).set_score_request(trusted=True)``.

    Parameters
    ----------
    y, y_pred : array-like of shape (n_samples,)
    trusted : array-like of bool of shape (n_samples,)
        Marks the samples whose labels are right.
    sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.

    Examples
    --------
    >>> from sknoisy.metrics import trusted_accuracy
    >>> trusted_accuracy([0, 1, 1], [0, 0, 1], [True, False, True])
    1.0
    """
    check_consistent_length(y, y_pred)
    _, (given, said) = encode_together(y=y, y_pred=y_pred)
    mask = check_trusted(trusted, len(given))
    if mask is None:
        raise ValueError("trusted_accuracy needs trusted samples. Got trusted=None.")
    rows = np.flatnonzero(mask)
    weight = None if sample_weight is None else weights(given, sample_weight)[rows]
    found = summary((given == said)[rows].astype(float), weight, confidence_level)
    if confidence_level is None or not isinstance(found, Score):
        return found
    n = 1 / (weights(rows, weight) ** 2).sum()
    low, high = np.clip(wilson_interval(found.value, n, errors_around(confidence_level)), 0, 1)
    # At 0 and at 1 an end is the value, but for the last digit.
    return found._replace(low=min(float(low), found.value), high=max(float(high), found.value))
