"""ELR+: two networks, each held to what the other one's averaged weights believe."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import draw_mixture, elr_regularizer, expected_loss, log_softmax
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["ELRPlus"]


class ELRPlus(Method):
    """Hold two networks, trained on mixtures, to what the other one believed early.

    As ``elr``, with three additions: the belief in a sample comes from the other network, so that
    none confirms its own errors; that network speaks with weights averaged over the steps, which
    memorise later; and both learn from mixtures of two samples. Works on all kinds of noise, better
    than ``elr`` where four times its training time is no matter. Where a class is rare, give
    ``class_weight="balanced"`` or a smaller ``lam``: early beliefs are in the common classes.

    Cost: two networks, two passes each per step, ``2 * n_classes`` numbers per sample and one more
    copy of the weights. Needs: samples that may be mixed entry by entry.

    Parameters
    ----------
    beta : float, default=0.7
        Memory of the running average of predictions, in [0, 1).
    lam : float, default=3.0
        Strength, at least 0. At 0 and with ``alpha=0`` it is cross-entropy on two networks. Where
        other settings serve better, they are those of ``elr``.
    alpha : float, default=1.0
        The shares of a mixture are drawn from Beta(alpha, alpha), once for a batch; 0: no mixing.
    momentum : float, default=0.997
        Memory of the averaged weights at the end of the ramp, per step, in [0, 1). At 0.997 it
        reaches over some 333 steps, which is many epochs of a small set.
    ramp_epochs : float, default=50.0
        Epochs, each of as many samples as X has rows, over which that memory grows from almost
        nothing.

    Attributes
    ----------
    memory : Tensor of shape (2, n_samples, n_classes)
        Running averages of the predictions of the *other* network; entry ``i`` of the second axis
        belongs to row ``i`` of X.
    average : Tensor of shape (n_weights,)
        Averaged weights and batch statistics of both networks.

    References
    ----------
    Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020,
    Eq. 6 and 9, and the algorithm of ELR+. Departures: both networks see the same batches, partners
    and shares; beliefs come from evaluation mode, and predictions are means of probabilities; as in
    ``elr``, the agreement is scaled where the code clamps. The ramp of the averaged weights counts
    epochs, as the authors' 40 000 steps are half of a training on CIFAR, and 50 epochs half of one
    at the estimator's defaults; batch statistics are averaged as the weights are, and the averages
    begin as the networks do, with the shorter memory of the first steps that the authors have on
    Clothing1M and WebVision. Where samples have weights, partners are drawn in proportion to them.
    Left out: the strength that grows and the labels multiplied by beliefs, which the authors' code
    has for CIFAR-100 alone.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="elr_plus", max_epochs=50, random_state=0).fit(X, y)
    >>> clf.method_.memory.shape
    torch.Size([2, 150, 3])
    """

    n_networks = 2
    per_sample = True
    _parameter_constraints = {
        "beta": [Interval(Real, 0, 1, closed="left")],
        "lam": [Interval(Real, 0, np.inf, closed="left")],
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Real, 0, np.inf, closed="neither")],
    }

    def __init__(
        self,
        beta: float = 0.7,
        lam: float = 3.0,
        alpha: float = 1.0,
        momentum: float = 0.997,
        ramp_epochs: float = 50.0,
    ) -> None:
        self.beta = beta
        self.lam = lam
        self.alpha = alpha
        self.momentum = momentum
        self.ramp_epochs = ramp_epochs

    def setup(self, net: NetworkView, y: Tensor) -> None:
        memory = torch.zeros(2, len(y), net.n_classes, dtype=net.dtype, device=y.device)
        self.register_buffer("memory", memory)
        self.register_buffer("average", net.weights())
        self.register_buffer("steps", torch.zeros((), dtype=net.dtype, device=y.device))

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        believed = self._believed(net, batch)
        mix = draw_mixture(batch.weight, self.alpha)
        notes = {"believed": mix(believed, dim=1)}
        return batch.replace(x=mix(batch.x), target=mix(batch.target), notes=notes)

    def _believed(self, net: NetworkView, batch: Batch) -> Tensor:
        """Update what the other network believes of the samples as they are, Eq. 9."""
        self._follow(net, len(batch.index))
        p = torch.softmax(net.logits(batch.x, self.average), dim=-1).flip(0)
        memory, index = self.memory, batch.index
        believed = torch.lerp(p, memory.index_select(1, index), self.beta)
        memory.index_copy_(1, index, believed)
        return believed

    def _follow(self, net: NetworkView, n_samples: int) -> None:
        """Draw the averages toward the weights; the first time, all the way."""
        steps = self.steps
        ramp = (steps * (n_samples / self.memory.shape[1]) / self.ramp_epochs).clamp(max=1.0)
        momentum = self.momentum * torch.exp(-5 * (1 - ramp) ** 2)
        momentum = torch.minimum(momentum, steps / (steps + 1))
        self.average.lerp_(net.weights(), 1 - momentum)
        steps.add_(1)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = log_softmax(logits)
        apart = elr_regularizer(log_p.exp(), batch.notes["believed"])
        return self.lam * apart - expected_loss(log_p, batch.target)
