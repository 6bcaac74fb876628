"""ELR+: two networks, each regularised towards earlier predictions of the other."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import draw_mixture, elr_regularizer, expected_loss, log_softmax
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._consistency import consistent_step
from sknoisy.methods._elr_weight import elr_weight
from sknoisy.methods._mixing import mixing_alpha

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, TrainingStep

__all__ = ["ELRPlus"]


class ELRPlus(Method):
    """Regularise two networks, trained on mixtures, towards predictions of each other.

    It extends ``elr`` in three ways. The moving average uses predictions of the other network, so
    that no network confirms its own errors. These predictions use weights averaged over training
    steps, which memorise later. Both networks are trained on mixtures of two samples, unless the
    samples are rows of a narrow table. At about three times the training time of ``elr``, it is
    better in the robustness benchmark on features of images with human label noise. If a class is
    rare, set ``class_weight="balanced"`` or a smaller ``lam``: early predictions favour the
    frequent classes.

    Cost: two networks, two passes each per step, ``2 * n_classes`` numbers per sample and one more
    copy of the weights. Needs: with ``alpha`` above 0, samples that may be mixed entry by entry.

    Parameters
    ----------
    beta : float, default=0.7
        Momentum of the moving average of predictions, in [0, 1).
    lam : float or "auto", default="auto"
        Weight of the regulariser, at least 0. "auto": as in ``elr``, which also has the settings of
        the authors. With ``lam=0`` and ``alpha=0`` it is cross-entropy on two networks.
    alpha : float or "auto", default="auto"
        Parameter of the distribution of the mixing coefficient, Beta(alpha, alpha), drawn once per
        batch; at least 0. 0: no mixing. "auto": 1, as the authors set, for samples of 64 entries
        and more, such as images; 0 for tables of fewer columns, in which mixtures of two samples
        of a class can be in the region of another.
    momentum : float, default=0.997
        Momentum of the averaged weights per step, at the end of the ramp, in [0, 1). With 0.997,
        the average covers about 333 steps, which are many epochs of a small training set.
    ramp_epochs : float, default=50.0
        Number of epochs in which this momentum grows from almost zero. An epoch is counted for each
        ``len(X)`` samples.
    consistency : float, default=0.0
        Weight of the divergence of the prediction for a random view of each mixture from that for
        the mixture itself, as in ``sop_plus``, whose authors set 0.9 for images; at least 0. Then
        each step has one more pass, and ``augment`` must keep the class.

    Attributes
    ----------
    memory : Tensor of shape (2, n_samples, n_classes)
        Moving averages of the predictions of the *other* network; entry ``i`` of the second axis
        belongs to row ``i`` of X.
    average : Tensor of shape (n_weights,)
        Averaged weights and batch statistics of both networks.

    References
    ----------
    Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020,
    Eq. 6 and 9, and the algorithm of ELR+. Departures: both networks use the same batches,
    partners and mixing coefficients; the averaged predictions are computed in evaluation mode;
    predictions are means of probabilities; the inner product is scaled as in ``elr``. The ramp of
    the averaged weights counts epochs: the authors' 40 000 steps are half of a training on CIFAR,
    and 50 epochs are half of a training with the estimator's defaults. Batch statistics are
    averaged as well as weights; the averages start at the weights of the networks, with a smaller
    momentum in the first steps, as the authors do on Clothing1M and WebVision. Warm-up ends by
    itself, as in ``elr``; the authors have none. With sample weights, partners are drawn in
    proportion to the weights. Left out: a growing ``lam``, and labels
    multiplied by the averaged predictions, which the authors' code uses for CIFAR-100 only.

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
    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "beta": [Interval(Real, 0, 1, closed="left")],
        "lam": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Real, 0, np.inf, closed="neither")],
        "consistency": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(
        self,
        beta: float = 0.7,
        lam: float | str = "auto",
        alpha: float | str = "auto",
        momentum: float = 0.997,
        ramp_epochs: float = 50.0,
        consistency: float = 0.0,
    ) -> None:
        self.beta = beta
        self.lam = lam
        self.alpha = alpha
        self.momentum = momentum
        self.ramp_epochs = ramp_epochs
        self.consistency = consistency

    @property
    def makes_views(self) -> bool:
        return self.consistency > 0

    def setup(self, net: NetworkView, y: Tensor) -> None:
        memory = torch.zeros(2, len(y), net.n_classes, dtype=net.dtype, device=y.device)
        self.register_buffer("memory", memory)
        self.register_buffer("average", net.weights())
        self.register_buffer("n_steps", torch.zeros((), dtype=net.dtype, device=y.device))

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        average = self._update_memory(net, batch)
        alpha = mixing_alpha(self.alpha, many=1.0, few=0.0, x=batch.x)
        mix = draw_mixture(batch.weight, alpha)
        notes = {"memory": mix(average, dim=1)}
        return batch.replace(x=mix(batch.x), target=mix(batch.target), notes=notes)

    def _update_memory(self, net: NetworkView, batch: Batch) -> Tensor:
        """Update the moving averages of the other network's predictions, Eq. 9."""
        self._update_weights(net, len(batch.index))
        p = torch.softmax(net.logits(batch.x, self.average), dim=-1).flip(0)
        memory, index = self.memory, batch.index
        average = torch.lerp(p, memory.index_select(1, index), self.beta)
        memory.index_copy_(1, index, average)
        return average

    def _update_weights(self, net: NetworkView, n_samples: int) -> None:
        """Update the averaged weights; in the first step they are the current weights."""
        n_steps = self.n_steps
        ramp = (n_steps * (n_samples / self.memory.shape[1]) / self.ramp_epochs).clamp(max=1.0)
        momentum = self.momentum * torch.exp(-5 * (1 - ramp) ** 2)
        momentum = torch.minimum(momentum, n_steps / (n_steps + 1))
        self.average.lerp_(net.weights(), 1 - momentum)
        n_steps.add_(1)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = log_softmax(logits)
        regularizer = elr_regularizer(log_p.exp(), batch.notes["memory"])
        lam = elr_weight(self.lam, logits.shape[-1])
        return lam * regularizer - expected_loss(log_p, batch.target)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        if self.consistency == 0:
            return super().training_step(net, batch)
        return consistent_step(self, net, batch, self.consistency)
