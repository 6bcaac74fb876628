"""Lists of metrics, their counterparts on clean labels, and predictions to score."""

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
LABEL_METRICS = [noise_corrected_accuracy, noise_corrected_balanced_accuracy]
PROBA_METRICS = [
    noise_corrected_log_loss,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
]


def brier(y, p):
    return ((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean()


def calibration_error(y, p, n_bins=10):
    total, confidence, correct = 0.0, p.max(axis=1), p.argmax(axis=1) == y
    for i in range(n_bins):
        rows = (confidence > i / n_bins) & (confidence <= (i + 1) / n_bins)
        if rows.any():
            total += rows.mean() * abs(confidence[rows].mean() - correct[rows].mean())
    return total


CLEAN_COUNTERPARTS = {
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
