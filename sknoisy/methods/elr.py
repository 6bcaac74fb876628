"""Early-learning regularization: hold on to what was believed before memorisation."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import elr_regularizer, expected_loss
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["ELR"]


class ELR(Method):
    """Hold on to what the network believed of each sample before it began to memorise.

    A running average of the predictions for each sample is a target the network is drawn to. Where
    it contradicts the given label, it cancels the pull of that label. Works on all kinds of noise;
    a strong first choice when nothing is known of it.

    Cost: one network, one pass per step, ``n_classes`` numbers per sample. Needs: nothing.

    Parameters
    ----------
    beta : float, default=0.7
        Memory of the running average, in [0, 1).
    lam : float, default=3.0
        Strength, at least 0. At 0 it is cross-entropy. These are the authors' values for symmetric
        noise on ten classes; for asymmetric noise they take ``beta=0.9, lam=1``, on a hundred
        classes ``beta=0.9, lam=7``.

    Attributes
    ----------
    memory : Tensor of shape (n_samples, n_classes)
        Running average of the predictions; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020,
    Eq. 6 and 9. As in the authors' code, the average is updated before it is used. Departure: the
    code clamps each probability to [1e-4, 1 - 1e-4]; here the agreement, their inner product with
    the average, is multiplied by 1 - 1e-4, which gives the loss a floor that does not depend on the
    number of classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="elr", method__lam=2.0, random_state=0).fit(X, y)
    >>> clf.method_.memory.shape
    torch.Size([150, 3])
    """

    per_sample = True
    _parameter_constraints = {
        "beta": [Interval(Real, 0, 1, closed="left")],
        "lam": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(self, beta: float = 0.7, lam: float = 3.0) -> None:
        self.beta = beta
        self.lam = lam

    def setup(self, net: NetworkView, y: Tensor) -> None:
        memory = torch.zeros(len(y), net.n_classes, dtype=net.dtype, device=y.device)
        self.register_buffer("memory", memory)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = torch.log_softmax(logits, dim=-1)
        p = log_p.exp()
        memory, index = self.memory, batch.index
        believed = torch.lerp(p.detach(), memory.index_select(0, index), self.beta)
        memory.index_copy_(0, index, believed)
        return self.lam * elr_regularizer(p, believed) - expected_loss(log_p, batch.target)
