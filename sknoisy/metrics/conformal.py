"""Conformal prediction sets that hold the true label, calibrated on noisy ones."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from scipy.stats import norm
from sklearn.utils._param_validation import Interval

from sknoisy._validation.constraints import checked
from sknoisy._validation.labels import check_labels_and_proba
from sknoisy.metrics.corrected import invert_transition

__all__ = ["conformal_threshold"]

_FRACTION = Interval(Real, 0, 1, closed="neither")


@checked(coverage=[_FRACTION], confidence_level=[_FRACTION, None])
def conformal_threshold(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    coverage: float = 0.9,
    confidence_level: float | None = None,
    classes: Any = None,
) -> float:
    """Calibrate prediction sets that contain the true label, from noisy labels.

    The set of a new sample consists of the classes whose probability is at least the threshold:
    ``sets = clf.predict_proba(X_new) >= threshold``. It contains the true label with probability
    ``coverage``, on average over new samples and calibration sets. Calibrated on noisy labels as if
    they were clean, sets would contain the noisy label so often, and be too large.

    The probability that the score of the true label, ``s[i, k] = 1 - proba[i, k]``, is at most t,
    is estimated without bias by the mean over samples of ``sum_k inv(T)[y_noisy, k] * (s[i, k] <=
    t)``, as for the accuracy. The threshold is the smallest t from which on this estimate is at
    least ``coverage * (1 + 1 / n_samples)``. Without noise, this is split conformal prediction
    [1]_. With noise, the estimate is no longer monotone, and the last crossing is on the safe side
    of the first one [2]_, which needs a correction for choosing the lucky one.

    Assumes class-conditional noise, a correct transition matrix, and that samples for calibration
    are drawn as new ones are and were not used to train. Nothing is assumed of the probabilities:
    worse ones make larger sets. With noise, coverage is exact only for many samples; the noisier
    the labels, the more are needed. An estimated matrix adds its own error.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        Noisy labels of the samples for calibration.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the true labels.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i.
    coverage : float, default=0.9
        Probability that a set contains the true label, in (0, 1).
    confidence_level : float, default=None
        If given, in (0, 1): the coverage of the sets from this calibration is at least ``coverage``
        with this probability, by the normal distribution; the sets are larger. None: it is so on
        average.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns; None: the labels in ``y_noisy``.

    Returns
    -------
    float
        The threshold on the probability, in [0, 1]. At 0 all classes are in all sets: there are too
        few samples.

    Raises
    ------
    ValueError
        If the transition matrix is almost singular.

    References
    ----------
    .. [1] Sadinle et al., "Least Ambiguous Set-Valued Classifiers With Bounded Error Levels", JASA
       2019.
    .. [2] Sesia et al., "Adaptive Conformal Classification with Noisy Labels", JRSS B 2024, who
       correct the distribution of scores in this way; Bortolotti et al., "Noise-Adaptive Conformal
       Classification with Marginal Coverage", 2025. The last crossing instead of their correction
       for finite samples, and the ``confidence_level``, are our own.

    Examples
    --------
    The labels of a quarter of the samples are flipped:

    >>> import numpy as np
    >>> from sknoisy.metrics import conformal_threshold
    >>> from sknoisy.noise import corrupt_labels, symmetric
    >>> rng = np.random.default_rng(0)
    >>> p = rng.random(20000)
    >>> proba = np.column_stack([1 - p, p])
    >>> y = (rng.random(20000) < p).astype(int)
    >>> T = symmetric(2, 0.25)
    >>> y_noisy = corrupt_labels(y, T, random_state=0)
    >>> threshold = conformal_threshold(y_noisy, proba, T)
    >>> float((proba >= threshold)[np.arange(20000), y].mean().round(2))
    0.9
    """
    noisy, probs, classes = check_labels_and_proba(y_noisy, proba, classes, name="y_noisy")
    inverse = invert_transition(transition_matrix, classes)
    n_samples = len(probs)
    # Classes of each sample, the most likely one first, as they enter its set.
    order = np.argsort(-probs, axis=1, kind="stable")
    covered = np.take_along_axis(inverse[noisy], order, axis=1).cumsum(axis=1)
    before = np.hstack([np.zeros((n_samples, 1)), covered[:, :-1]])
    entering = np.take_along_axis(probs, order, axis=1).ravel()
    in_turn = np.argsort(-entering, kind="stable")
    estimate = (covered - before).ravel()[in_turn].cumsum() / n_samples
    needed = coverage * (1 + 1 / n_samples)
    if confidence_level is not None:
        squares = (covered**2 - before**2).ravel()[in_turn].cumsum() / n_samples
        error = np.sqrt((squares - estimate**2).clip(0) / n_samples)
        needed = needed + norm.ppf(confidence_level) * error
    # Classes of the same probability enter together, so only the last of them counts.
    thresholds = entering[in_turn]
    is_last = np.append(thresholds[1:] < thresholds[:-1], True)
    # Rounding of sums must not decide.
    fails = np.flatnonzero(is_last & (estimate < needed - 1e-12))
    if not len(fails):
        return float(thresholds[is_last][0])
    after = np.flatnonzero(is_last[fails[-1] + 1 :])
    return float(thresholds[fails[-1] + 1 + after[0]]) if len(after) else 0.0
