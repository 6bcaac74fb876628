"""Cross-entropy; with ``smoothing``, label smoothing and negative label smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from sknoisy.functional import class_cross_entropy, cross_entropy
from sknoisy.methods._base import ClassLoss

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["CrossEntropy"]


class CrossEntropy(ClassLoss):
    """Minimise cross-entropy with the given labels.

    This is the baseline. The estimator's ``smoothing`` makes it label smoothing (above zero),
    cross-entropy (zero) or negative label smoothing (below zero). The noisier the labels,
    the more negative the best rate.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022: generalised
    label smoothing. Departure: the authors first train on cross-entropy and continue with a
    negative rate at a learning rate of 1e-6; here the negative rate is used from the start, on
    bounded logits.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="ce", smoothing=-0.5, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    def class_losses(self, logits: Tensor) -> Tensor:
        return class_cross_entropy(logits)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)
