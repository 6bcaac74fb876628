"""Early-learning regularization (ELR): stay close to predictions made before memorisation."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import elr_regularizer, expected_loss
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._consistency import consistent_step
from sknoisy.methods._elr_weight import elr_weight

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, TrainingStep

__all__ = ["ELR"]


class ELR(Method):
    """Regularise towards a moving average of each sample's predictions.

    Early predictions, before memorisation, are mostly correct, even for mislabelled samples. If the
    moving average contradicts the given label, the regulariser cancels the gradient of this label.
    In the robustness benchmark it is well ahead of cross-entropy with symmetric, pair and
    instance-dependent noise; ``bagging`` is better with every kind of noise.

    Cost: one network, one pass per step, ``n_classes`` numbers per sample. Needs: nothing.

    Parameters
    ----------
    beta : float, default=0.7
        Momentum of the moving average, in [0, 1).
    lam : float or "auto", default="auto"
        Weight of the regulariser, at least 0. 0 is cross-entropy. "auto": 2 for two classes, 3 for
        ten and 7 for a hundred or more, linear in the logarithm of their number in between. The
        authors set ``beta=0.7, lam=3`` for symmetric noise on CIFAR-10, ``beta=0.9, lam=1`` for
        asymmetric noise, and ``beta=0.9, lam=7`` for CIFAR-100.
    consistency : float, default=0.0
        Weight of the divergence of the prediction for a random view of each sample from that for
        the sample itself, as in ``sop_plus``, whose authors set 0.9 for images; at least 0. Then
        each step has one more pass, and ``augment`` must keep the class.

    Attributes
    ----------
    memory : Tensor of shape (n_samples, n_classes)
        Moving average of the predictions; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020,
    Eq. 6 and 9. As in the authors' code, the average is updated before it is used. Departures: the
    code clamps each probability to [1e-4, 1 - 1e-4]; here the inner product of the probabilities
    and the average is multiplied by 1 - 1e-4, so that the lower bound of the loss does not depend
    on the number of classes. The authors have no warm-up (``warmup=0``). It ends by itself here: on
    tables that are learned slowly, the first predictions are wrong, and would be kept.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="elr", method__lam=2.0, random_state=0).fit(X, y)
    >>> clf.method_.memory.shape
    torch.Size([150, 3])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "beta": [Interval(Real, 0, 1, closed="left")],
        "lam": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "consistency": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(
        self, beta: float = 0.7, lam: float | str = "auto", consistency: float = 0.0
    ) -> None:
        self.beta = beta
        self.lam = lam
        self.consistency = consistency

    @property
    def makes_views(self) -> bool:
        return self.consistency > 0

    def setup(self, net: NetworkView, y: Tensor) -> None:
        memory = torch.zeros(len(y), net.n_classes, dtype=net.dtype, device=y.device)
        self.register_buffer("memory", memory)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = torch.log_softmax(logits, dim=-1)
        p = log_p.exp()
        memory, index = self.memory, batch.index
        average = torch.lerp(p.detach(), memory.index_select(0, index), self.beta)
        memory.index_copy_(0, index, average)
        lam = elr_weight(self.lam, logits.shape[-1])
        return lam * elr_regularizer(p, average) - expected_loss(log_p, batch.target)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        if self.consistency == 0:
            return super().training_step(net, batch)
        return consistent_step(self, net, batch, self.consistency)
