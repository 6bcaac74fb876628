"""Scores that mean something although the labels they are taken on are wrong in part.

Each says what it takes for granted. With ``confidence_level`` a score comes with its standard error
and an interval, which count the test samples as drawn at random and the transition matrix as known.
"""

from sknoisy.metrics._score import Score
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
