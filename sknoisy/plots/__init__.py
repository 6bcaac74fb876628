"""Displays of label noise, with the interface of scikit-learn's displays.

matplotlib is imported only when something is drawn.
"""

from sknoisy.plots.label_quality import LabelQualityDisplay
from sknoisy.plots.loss_distribution import LossDistributionDisplay
from sknoisy.plots.memorization import MemorizationDisplay
from sknoisy.plots.smoothing_curve import SmoothingCurveDisplay
from sknoisy.plots.transition_matrix import TransitionMatrixDisplay

__all__ = [
    "LabelQualityDisplay",
    "LossDistributionDisplay",
    "MemorizationDisplay",
    "SmoothingCurveDisplay",
    "TransitionMatrixDisplay",
]
