"""Pure functions on tensors that methods are built from.

=========================  ==================================================================
``losses``                 one loss per class, contracted with a target; the margin
``smoothing``              label smoothing of either sign, and rates that suit a noise rate
``bounded_logits``         bounds on logits
``selection``              small-loss selection and sample weights
``gaussian_mixture``       probability that a label is clean, from its loss
``class_balance``          frequencies of classes; selection per class; balance of predictions
``neighbors``              nearest neighbours and their labels
``mixup``                  convex combinations of the samples of a batch
``cutmix``                 samples with a part that comes from another sample of the batch
``augment``                random views of a batch
``augmentations``          random views by name
``rand_augment``           strong random views of images
``contrastive``            losses between the samples of a batch, without labels
``jensen_shannon``         Jensen-Shannon divergences
``power_iteration``        leading eigenvectors of many matrices
``temperature``            sharpened probabilities, and log losses at several temperatures
``tempered``               logarithm and softmax with a temperature
``transition``             transition matrices, and the correction of predictions
=========================  ==================================================================
"""

from sknoisy.functional.augment import FeatureCorruption, RandomFlip, RandomShift
from sknoisy.functional.augmentations import make_augment
from sknoisy.functional.bounded_logits import bound_logits, squash_logits
from sknoisy.functional.class_balance import (
    class_balance_penalty,
    class_frequencies,
    select_small_loss_per_class,
)
from sknoisy.functional.contrastive import contrastive_loss, neighborhood_divergence
from sknoisy.functional.cutmix import Cut, draw_cut
from sknoisy.functional.gaussian_mixture import fit_gaussian_mixture, gmm_clean_probability
from sknoisy.functional.jensen_shannon import (
    class_jensen_shannon,
    jensen_shannon_divergence,
)
from sknoisy.functional.losses import (
    class_cross_entropy,
    class_generalized_cross_entropy,
    cross_entropy,
    elr_regularizer,
    expected_loss,
    log_softmax,
    margin,
    normalize_class_losses,
    one_hot,
    to_double,
)
from sknoisy.functional.mixup import Mixture, draw_mixture
from sknoisy.functional.neighbors import (
    knn_label_distribution,
    nearest_neighbors,
    self_and_nearest_neighbors,
)
from sknoisy.functional.power_iteration import leading_eigenvectors
from sknoisy.functional.rand_augment import Cutout, RandAugment
from sknoisy.functional.selection import normalize_weights, select_small_loss
from sknoisy.functional.smoothing import (
    logit_bound_for_rate,
    smooth_labels,
    smoothing_rate_for_noise,
)
from sknoisy.functional.temperature import sharpen, temperature_log_losses
from sknoisy.functional.tempered import tempered_log, tempered_log_softmax
from sknoisy.functional.transition import (
    confident_counts,
    confident_transition,
    correct_log_predictions,
    correct_predictions,
    counts_to_transition,
    ridge_class_scores,
    trusted_transition,
)

__all__ = [
    "Cutout",
    "Cut",
    "FeatureCorruption",
    "Mixture",
    "RandAugment",
    "RandomFlip",
    "RandomShift",
    "bound_logits",
    "class_balance_penalty",
    "class_cross_entropy",
    "class_frequencies",
    "class_generalized_cross_entropy",
    "class_jensen_shannon",
    "confident_counts",
    "confident_transition",
    "contrastive_loss",
    "correct_log_predictions",
    "correct_predictions",
    "counts_to_transition",
    "cross_entropy",
    "draw_cut",
    "draw_mixture",
    "elr_regularizer",
    "expected_loss",
    "fit_gaussian_mixture",
    "gmm_clean_probability",
    "jensen_shannon_divergence",
    "knn_label_distribution",
    "leading_eigenvectors",
    "log_softmax",
    "logit_bound_for_rate",
    "make_augment",
    "margin",
    "nearest_neighbors",
    "neighborhood_divergence",
    "normalize_class_losses",
    "normalize_weights",
    "one_hot",
    "ridge_class_scores",
    "select_small_loss",
    "select_small_loss_per_class",
    "self_and_nearest_neighbors",
    "sharpen",
    "smooth_labels",
    "smoothing_rate_for_noise",
    "squash_logits",
    "to_double",
    "temperature_log_losses",
    "tempered_log",
    "tempered_log_softmax",
    "trusted_transition",
]
