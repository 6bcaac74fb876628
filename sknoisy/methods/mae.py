"""Mean absolute error: the simplest loss that is robust to symmetric noise."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional import log_softmax
from sknoisy.methods._base import ClassLoss

__all__ = ["MAE"]


class MAE(ClassLoss):
    """Minimise a bounded loss that is linear in the probability of the given label.

    The loss of a label that is predicted with probability p is ``2 * (1 - p)``. The sum
    over all classes is constant, so symmetric noise only scales and shifts the risk and does not
    move its minimum. Samples that are hard to fit (mislabelled or rare) have small gradients. It
    learns slowly, the more so the more classes there are, and can leave out whole classes: warm-up
    lets them be learned first. In the robustness benchmark, with at most ten classes, it is ahead
    of ``gce`` and ``sce``.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    References
    ----------
    Ghosh, Kumar and Sastry, "Robust Loss Functions under Label Noise for Deep Neural Networks",
    AAAI 2017, Theorem 1. The factor of two follows the paper and comes from the L1 distance of two
    distributions; other implementations often omit it, which acts as a smaller learning rate.
    Departure: warm-up, a tenth of the epochs; ``warmup=0`` is the loss of the paper from the start.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="mae", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = 0.1

    def class_losses(self, logits: Tensor) -> Tensor:
        return -2.0 * torch.expm1(log_softmax(logits))
