"""Scores that are valid although the test labels are noisy.

Each score documents its assumptions. With ``confidence_level`` it comes with a standard error and a
confidence interval, for randomly drawn test samples and a known transition matrix.
"""

from sknoisy.metrics._score import Score
from sknoisy.metrics.comparison import accuracy_difference
from sknoisy.metrics.conformal import conformal_threshold
from sknoisy.metrics.corrected import (
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_calibration_error,
    noise_corrected_log_loss,
)
from sknoisy.metrics.issues import issue_average_precision, issue_precision_at_k
from sknoisy.metrics.matrix_free import cores_score, peer_accuracy, trusted_accuracy
from sknoisy.metrics.scorer import METRICS, NoisyScorer, make_noisy_scorer

__all__ = [
    "METRICS",
    "NoisyScorer",
    "Score",
    "accuracy_difference",
    "conformal_threshold",
    "cores_score",
    "issue_average_precision",
    "issue_precision_at_k",
    "make_noisy_scorer",
    "noise_corrected_accuracy",
    "noise_corrected_balanced_accuracy",
    "noise_corrected_brier_score",
    "noise_corrected_calibration_error",
    "noise_corrected_log_loss",
    "peer_accuracy",
    "trusted_accuracy",
]
