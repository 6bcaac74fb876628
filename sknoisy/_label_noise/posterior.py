"""Probability that each class is the true one, from given labels and out-of-sample predictions."""

from __future__ import annotations

import numpy as np

from sknoisy._label_noise.given_labels import (
    GivenLabels,
    Parameters,
    evaluate,
    maximise,
    members,
    n_parameters,
    unpack,
)
from sknoisy._label_noise.most_confident import confident_lower_bound, most_confident
from sknoisy._runtime.threads import limit_threads

__all__ = ["true_label_posterior"]

# The parameters are fitted to this many samples at most, drawn with a fixed seed; to fewer if there
# are many classes, as more numbers take longer.
_MAX_FITTED, _MIN_FITTED = 10_000, 1000
_MAX_PROBABILITIES = 160_000
_CHUNK = 50_000
# Probabilities below this fraction of 1 / n_classes are not distinguished: forests predict zeros.
_MIN_RELATIVE_P = 1e-3
# Iterations of the correction by the noise of the most confident samples.
_N_ITER = 8

# Noise rate at the median of the prior of the log-odds of flips.
_NOISE_RATE = 0.005
# If the noise rate of the most confident samples is surely above this, their noise is the mean of
# the prior. Below, it may be overlap of classes.
_MIN_CONFIDENT_RATE = 0.1

# Limits of the logarithm of the sharpness, and of the dependence.
_LOG_SHARPNESS = (-1.5, 3.0)
_DEPENDENCE = (0.0, 1.5)
_STEP = 0.15

# A sample is a near tie if the odds of its two most likely classes are below 2. Where two classes
# overlap, there are as many near ties as errors if log-odds have a constant density around 0, and
# .80 to 1.06 times as many for two normal distributions 5 to 2 standard deviations apart.
_TIE_ODDS = 2.0
_TIES_PER_ERROR = 0.9
_Z_SCORE = 2.0
# Without ties, a class is hardly predicted: fewer of the samples with its label agree than this.
_MIN_AGREEMENT = 0.3


def true_label_posterior(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Compute the probability that each class is the true one, given features and noisy label.

    Predictions are calibrated and noise is estimated together, by penalised maximum likelihood of
    the given labels y::

        P(true = i | x)          proportional to  exp(bias[i]) * q[i] ** sharpness
        P(y = j | true = i, x)   proportional to  flips[i, j] * q[j] ** dependence,  1 if j is i

    Here q are the predictions p, corrected with the noise among the most confident samples, or with
    a lower bound of it where it is small. First the noise is class-conditional (``dependence`` is
    0): a constant rate of labels that confident predictions do not explain. What calibrated
    predictions explain is overlap of classes. But overlap has samples on the boundary: about as
    many near ties as errors. If near ties are too few, ``sharpness`` is raised until they agree,
    and ``dependence`` is fitted: the difference is noise that follows the hard samples.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    p : ndarray of shape (n_samples, n_classes)
        Out-of-sample probabilities of these labels, which need not be calibrated.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows sum to one.

    References
    ----------
    Bootkrajang and Kabán, "Label-Noise Robust Logistic Regression and Its Applications", ECML PKDD
    2012, with log-probabilities as features and, as in Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, one exponent. The dependence and the count of near ties are our own.
    """
    if p.shape[1] < 2:
        return np.ones_like(p)
    confident, is_noisy = _confident_noise(codes, p)
    log_flips = _prior_log_flips(confident if is_noisy else np.eye(len(confident)))
    codes, log_p = np.asarray(codes, dtype=np.int64), _corrected_log_p(p, confident)
    # Many small operations are slower with several threads.
    with limit_threads(0):
        drawn = _draw_rows(*p.shape)
        parameters = _fit_parameters(GivenLabels(log_p[drawn], codes[drawn], log_flips))
    chunks = (slice(i, i + _CHUNK) for i in range(0, len(codes), _CHUNK))
    given = (GivenLabels(log_p[rows], codes[rows], log_flips) for rows in chunks)
    return np.concatenate([evaluate(labels, parameters).posterior for labels in given])


def _draw_rows(n_samples: int, n_classes: int) -> np.ndarray:
    """Draw the positions of the samples to which the parameters are fitted."""
    n = min(_MAX_FITTED, max(_MIN_FITTED, _MAX_PROBABILITIES // n_classes))
    return np.sort(np.random.RandomState(0).permutation(n_samples)[:n])


def _confident_noise(codes: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, bool]:
    """Estimate the noise of the most confident samples, and tell whether it is surely noise.

    It is a lower bound if it may be overlap of classes.
    """
    bound = confident_lower_bound(codes, p)
    is_noisy = bool(1 - bound.diagonal()[codes].mean() >= _MIN_CONFIDENT_RATE)
    return most_confident(codes, p) if is_noisy else bound, is_noisy


def _prior_log_flips(transition: np.ndarray) -> np.ndarray:
    """Compute the mean of the prior of the log-odds of flips."""
    k = len(transition)
    log_odds = np.log((transition + _NOISE_RATE / (k - 1)) / transition.diagonal()[:, None])
    np.fill_diagonal(log_odds, -np.inf)
    return log_odds


def _corrected_log_p(p: np.ndarray, transition: np.ndarray) -> np.ndarray:
    """Correct predictions as :func:`sknoisy.functional.correct_predictions` does.

    Logarithms are not needed here, as low probabilities are not distinguished; they take longer.
    """
    p = corrected = np.asarray(p, dtype=float)
    for _ in range(_N_ITER):
        ratio = p / np.maximum(corrected @ transition, np.finfo(float).tiny)
        updated = corrected * (ratio @ transition.T)
        total = updated.sum(axis=1, keepdims=True)
        # Predictions that the matrix cannot explain are not changed.
        corrected = np.divide(updated, total, out=corrected.copy(), where=total > 0)
    return np.log(np.maximum(corrected, _MIN_RELATIVE_P / p.shape[1]))


def _fit_parameters(labels: GivenLabels) -> Parameters:
    """Fit class-conditional noise; while there are too few near ties, sharpen and fit again.

    The likelihood may have a second maximum: sharper predictions with more noise instead of
    overlap. It is not searched for: on forests' folds of tables with 1 % of planted flips it was
    higher now and then, and wrong.
    """
    k = labels.log_p.shape[1]
    theta, _ = maximise(labels, np.zeros(n_parameters(k)), _LOG_SHARPNESS, (0.0, 0.0))
    while theta[0] < _LOG_SHARPNESS[1] and _lacks_near_ties(labels, unpack(theta, k)):
        theta[0] = min(theta[0] + _STEP, _LOG_SHARPNESS[1])
        theta, _ = maximise(labels, theta, (theta[0], theta[0]), _DEPENDENCE)
    return unpack(theta, k)


def _lacks_near_ties(labels: GivenLabels, parameters: Parameters) -> bool:
    """Return whether near ties are significantly fewer than the errors of the true classes."""
    true = evaluate(labels, parameters).true
    second, first = np.partition(true, -2, axis=1)[:, -2:].T
    n_ties = np.count_nonzero(first < _TIE_ODDS * second)
    n_errors = _errors_with_ties(labels.codes, true)
    return n_ties + _Z_SCORE * np.sqrt(n_ties) < _TIES_PER_ERROR * n_errors


def _errors_with_ties(codes: np.ndarray, true: np.ndarray) -> float:
    """Count the expected errors of the true classes that come with ties.

    Overlap of a rare class with a common one has no ties if the rare class is nowhere the most
    likely one. So if there is a label of which few samples are predicted as this class, only errors
    are counted that are as frequent in the other direction: they lie on a boundary.
    """
    k, most_likely = true.shape[1], true.argmax(axis=1)
    errors = members(most_likely, k) @ true
    np.fill_diagonal(errors, 0.0)
    n_given = np.bincount(codes, minlength=k)
    n_agree = np.bincount(codes[codes == most_likely], minlength=k)
    if (n_agree >= _MIN_AGREEMENT * n_given).all():
        return float(errors.sum())
    return float(np.minimum(errors, errors.T).sum())
