"""Functions on tensors that methods share: losses, smoothing, selection, neighbours, views."""

from sknoisy.functional.augment import FeatureCorruption, RandomFlip, RandomShift, default_augment
from sknoisy.functional.losses import (
    class_cross_entropy,
    cross_entropy,
    disagreement,
    expected,
    log_softmax,
    margin,
    one_hot,
    shares,
)
from sknoisy.functional.mixup import Mixture, draw_mixture
from sknoisy.functional.neighbors import nearest, neighbour_labels
from sknoisy.functional.selection import lower_component, small_loss, two_normals
from sknoisy.functional.smoothing import bound_for, bounded, rate_for, smooth, squashed
from sknoisy.functional.transition import (
    class_scores,
    confident_transition,
    correct,
    sure_counts,
    transition_from,
    trusted_transition,
)

__all__ = [
    "FeatureCorruption",
    "Mixture",
    "RandomFlip",
    "RandomShift",
    "bound_for",
    "bounded",
    "class_cross_entropy",
    "class_scores",
    "confident_transition",
    "correct",
    "cross_entropy",
    "default_augment",
    "disagreement",
    "draw_mixture",
    "expected",
    "log_softmax",
    "lower_component",
    "margin",
    "nearest",
    "neighbour_labels",
    "one_hot",
    "rate_for",
    "shares",
    "small_loss",
    "smooth",
    "squashed",
    "sure_counts",
    "transition_from",
    "trusted_transition",
    "two_normals",
]
