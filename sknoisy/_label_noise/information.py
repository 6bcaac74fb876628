"""Test whether predicted probabilities tell more about labels than the class frequencies."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

__all__ = ["are_informative"]

# Rows that are drawn for the test, with a fixed seed, and numbers in them.
_MAX_SAMPLES, _MAX_PROBABILITIES = 10_000, 1_000_000
# Lower probabilities are not distinguished: forests predict zeros.
_MIN_P = 1e-6
# Twice the gain in the log-likelihood, above which it is not by chance: that of useless predictions
# is the square of a normal deviate, as the exponent is the only parameter that they add.
_MIN_RATIO = 9.0
# With fewer samples, only predictions that do not depend on the samples are called uninformative.
_MIN_SAMPLES = 20
# A gain in the log-likelihood that is due to rounding.
_MIN_GAIN = 1e-6


def are_informative(codes: np.ndarray, p: np.ndarray) -> bool:
    """Tell whether labels are more likely under calibrated predictions than by their frequencies.

    The predictions are calibrated by one non-negative exponent and a factor of each class, so they
    need not be calibrated themselves. Without the exponent, these are the class frequencies. The
    gain in the log-likelihood is tested by its ratio (Wilks, 1938).

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    p : ndarray of shape (n_samples, n_classes)
        Out-of-sample probabilities of these labels.

    Returns
    -------
    bool
        True also if all labels are equal, which frequencies predict perfectly.
    """
    rows = np.random.RandomState(0).permutation(len(codes))
    rows = rows[: min(_MAX_SAMPLES, _MAX_PROBABILITIES // p.shape[1])]
    present, codes, counts = np.unique(codes[rows], return_inverse=True, return_counts=True)
    n = len(rows)
    if len(present) < 2:
        return True
    log_p = np.log(np.maximum(p[np.ix_(rows, present)], _MIN_P))
    by_frequency = np.log(counts / n)
    theta = _calibrate(codes, log_p, by_frequency)
    log_likelihoods = log_softmax(theta[0] * log_p + theta[1:], axis=1)[np.arange(n), codes]
    gains = log_likelihoods - by_frequency[codes]
    if n < _MIN_SAMPLES:
        return bool(gains.sum() > _MIN_GAIN)
    return bool(2 * gains.sum() > _MIN_RATIO)


def _calibrate(codes: np.ndarray, log_p: np.ndarray, log_frequencies: np.ndarray) -> np.ndarray:
    """Fit the exponent of the predictions, followed by the logarithm of each class's factor."""
    n, k = log_p.shape
    rows, frequencies = np.arange(n), np.exp(log_frequencies)

    def loss_and_gradient(theta: np.ndarray) -> tuple[float, np.ndarray]:
        log_probs = log_softmax(theta[0] * log_p + theta[1:], axis=1)
        probs = np.exp(log_probs)
        slope = np.vdot(probs, log_p) / n - log_p[rows, codes].mean()
        gradient = np.r_[slope, probs.mean(axis=0) - frequencies]
        return float(-log_probs[rows, codes].mean()), gradient

    bounds = [(0.0, None), *[(None, None)] * k]
    start = np.r_[0.0, log_frequencies]
    return minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds).x
