"""Mean absolute error: the simplest loss that symmetric noise cannot mislead."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional import log_softmax
from sknoisy.methods._base import ClassLoss

__all__ = ["MAE"]


class MAE(ClassLoss):
    """Pay for the probability that the given label lacks, and no more.

    The loss of a label given probability p is ``2 * (1 - p)``. Its sum over the classes is a
    constant, so that symmetric noise only scales the risk and leaves its minimum where it is. What
    is hard to fit hardly pulls, be it wrong or rare: with many classes it underfits, and ``gce``,
    ``sce`` and ``nce_rce`` are then the better choices.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    References
    ----------
    Ghosh, Kumar and Sastry, "Robust Loss Functions under Label Noise for Deep Neural Networks",
    AAAI 2017, Theorem 1. The factor of two is theirs (the distance of two distributions); later
    code often leaves it out, which only matters to the learning rate.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="mae", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    def class_losses(self, logits: Tensor) -> Tensor:
        return -2.0 * torch.expm1(log_softmax(logits))
