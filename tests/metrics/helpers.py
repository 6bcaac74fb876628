"""Metrics, and predictions to score."""

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss

from sknoisy.metrics import (
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
    noise_corrected_log_loss,
)
from sknoisy.noise import asymmetric, pair, symmetric

MATRICES = [np.eye(3), symmetric(3, 0.3), pair(3, 0.4), asymmetric(3, 0.45, {0: 1, 2: 0})]
OF_LABELS = [noise_corrected_accuracy, noise_corrected_balanced_accuracy]
OF_PROBA = [
    noise_corrected_log_loss,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
]


def brier(y, p):
    return ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean()


def calibration_error(y, p, n_bins=10):
    total, sure = 0.0, p.max(axis=1)
    for i in range(n_bins):
        own = (sure > i / n_bins) & (sure <= (i + 1) / n_bins)
        if own.any():
            total += own.mean() * abs(sure[own].mean() - (p.argmax(axis=1) == y)[own].mean())
    return total


CLEAN = {
    noise_corrected_accuracy: accuracy_score,
    noise_corrected_balanced_accuracy: balanced_accuracy_score,
    noise_corrected_log_loss: log_loss,
    noise_corrected_brier_score: brier,
    noise_corrected_calibration_error: calibration_error,
}


def predictions(n=60, seed=0):
    local = np.random.default_rng(seed)
    y = local.integers(3, size=n)
    p = local.dirichlet(np.ones(3), size=n) + 0.7 * np.eye(3)[y]
    return y, p / p.sum(axis=1, keepdims=True)
