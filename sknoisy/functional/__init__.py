"""Functions on tensors that methods share: losses, smoothing, selection, neighbours, views."""

from sknoisy.functional.augment import FeatureCorruption, RandomFlip, RandomShift, default_augment
from sknoisy.functional.bounded_logits import bound_logits, squash_logits
from sknoisy.functional.gaussian_mixture import fit_gaussian_mixture, gmm_clean_probability
from sknoisy.functional.losses import (
    class_cross_entropy,
    cross_entropy,
    elr_regularizer,
    expected_loss,
    log_softmax,
    margin,
    one_hot,
)
from sknoisy.functional.mixup import Mixture, draw_mixture
from sknoisy.functional.neighbors import knn_label_distribution, nearest_neighbors
from sknoisy.functional.selection import normalize_weights, select_small_loss
from sknoisy.functional.smoothing import (
    logit_bound_for_rate,
    smooth_labels,
    smoothing_rate_for_noise,
)
from sknoisy.functional.transition import (
    class_scores,
    confident_counts,
    confident_transition,
    correct_predictions,
    counts_to_transition,
    trusted_transition,
)

__all__ = [
    "FeatureCorruption",
    "Mixture",
    "RandomFlip",
    "RandomShift",
    "logit_bound_for_rate",
    "bound_logits",
    "class_cross_entropy",
    "class_scores",
    "confident_transition",
    "correct_predictions",
    "cross_entropy",
    "default_augment",
    "elr_regularizer",
    "draw_mixture",
    "expected_loss",
    "log_softmax",
    "gmm_clean_probability",
    "margin",
    "nearest_neighbors",
    "knn_label_distribution",
    "one_hot",
    "smoothing_rate_for_noise",
    "normalize_weights",
    "select_small_loss",
    "smooth_labels",
    "squash_logits",
    "confident_counts",
    "counts_to_transition",
    "trusted_transition",
    "fit_gaussian_mixture",
]
