"""SOP+: sparse over-parameterisation with consistent predictions and balanced classes."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._consistency import consistent_step
from sknoisy.methods._over_parameterization import make_corrections, over_parameterized_losses

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass, TrainingStep

__all__ = ["SOPPlus"]

_ON_IMAGES, _ON_TABLES = 0.9, 0.3


class SOPPlus(Method):
    """Learn how noisy each label is, with consistent predictions and balanced classes.

    It extends ``sop`` in two ways. The prediction for a random view of a sample is to be that for
    the sample itself: this does not depend on the label, and makes it harder to memorise. The mean
    prediction of a batch is to have the class frequencies of the labels, so that no class is lost.
    It is designed for images and long training.

    Cost: one network, two passes per step, ``n_classes + 1`` numbers per sample. Needs: views
    (``augment``) that do not change the class, and enough epochs for the corrections to grow.

    Parameters
    ----------
    lr_u : float, default=10.0
    lr_v : float, default=10.0
    start : float, default=1e-8
        As in ``sop``.
    consistency : float or "auto", default="auto"
        Weight of the divergence of the prediction for a random view from that for the sample, at
        least 0. "auto": the authors' 0.9 for images; 0.3 for tables, where views are more different
        from samples.
    balance : float, default=0.1
        Weight of the divergence of the class frequencies from the mean prediction of a batch, at
        least 0. With ``consistency`` and ``balance`` at 0 it is ``sop``, and if both learning rates
        are 0, too, cross-entropy with probabilities clipped at 1e-4.
    prior : {"labels", "uniform"}, default="labels"
        The class frequencies: those of the given labels, or equal ones, as in the paper.

    Attributes
    ----------
    u : Tensor of shape (n_samples, 1)
    v : Tensor of shape (n_samples, n_classes)
        As in ``sop``.
    frequencies : Tensor of shape (n_classes,)
        The class frequencies.

    References
    ----------
    Liu et al., "Robust Training under Label Noise by Over-parameterization", ICML 2022, SOP+, as in
    the authors' code: both penalties act from the first step, and on all samples; only predictions
    for random views get a gradient of the first. Departures: the weak view is the sample itself,
    and the strong one a view by ``augment``, while the authors use random crops and AutoAugment;
    the class frequencies; the weight of the first penalty on tables; and those of ``sop``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="sop_plus", random_state=0).fit(X, y)
    >>> clf.method_.v.shape
    torch.Size([150, 3])
    """

    per_sample = True
    _parameter_constraints = {
        "lr_u": [Interval(Real, 0, np.inf, closed="left")],
        "lr_v": [Interval(Real, 0, np.inf, closed="left")],
        "start": [Interval(Real, 0, 1, closed="right")],
        "consistency": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "balance": [Interval(Real, 0, np.inf, closed="left")],
        "prior": [StrOptions({"labels", "uniform"})],
    }

    def __init__(
        self,
        lr_u: float = 10.0,
        lr_v: float = 10.0,
        start: float = 1e-8,
        consistency: float | str = "auto",
        balance: float = 0.1,
        prior: str = "labels",
    ) -> None:
        self.lr_u = lr_u
        self.lr_v = lr_v
        self.start = start
        self.consistency = consistency
        self.balance = balance
        self.prior = prior

    @property
    def makes_views(self) -> bool:
        return self.consistency != 0

    def setup(self, net: NetworkView, y: Tensor) -> None:
        make_corrections(self, self.start, net, y)
        equal = torch.full((net.n_classes,), 1 / net.n_classes, dtype=net.dtype)
        self.register_buffer("frequencies", equal.to(y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.prior == "labels":
            weight = evaluation.weight / evaluation.weight.sum()
            self.frequencies.copy_(weight @ evaluation.target)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return over_parameterized_losses(self, logits, batch, self.balance, self.frequencies)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        strength = self.consistency
        if isinstance(strength, str):
            strength = _ON_TABLES if batch.x.dim() == 2 else _ON_IMAGES
        if strength == 0:
            return super().training_step(net, batch)
        return consistent_step(self, net, batch, strength)
