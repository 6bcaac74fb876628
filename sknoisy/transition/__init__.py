"""Estimators of transition matrices and noise rates.

Entry (i, j) of a transition matrix is the probability of given label j for true label i; rows and
columns are in the order of the sorted classes. All estimators except ``hoc`` need out-of-sample
predictions of the given labels: out-of-fold or out-of-bag. They take a fitted classifier that has
such predictions, or the probabilities, first, and the labels second.
"""

from sknoisy._label_noise.confusions import Confusion
from sknoisy._label_noise.estimators import NoiseRate
from sknoisy._label_noise.report import NoiseReport
from sknoisy.transition._estimate import ESTIMATORS, estimate_transition
from sknoisy.transition._from_neighbors import hoc
from sknoisy.transition._from_predictions import (
    anchor_points,
    confident_joint,
    dual_t,
    gold,
    most_confident,
)
from sknoisy.transition._noise_rate import noise_rate

__all__ = [
    "ESTIMATORS",
    "Confusion",
    "NoiseRate",
    "NoiseReport",
    "anchor_points",
    "confident_joint",
    "dual_t",
    "estimate_transition",
    "gold",
    "hoc",
    "most_confident",
    "noise_rate",
]
