"""MetaLabelNet: learn soft labels such that training on them lowers the loss of trusted samples."""

# This file is long because the label layer is not trained by the optimizer of the network, as
# parameters made in `setup` would be, but by a second-order gradient and steps of Adam.

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional import expected_loss
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._trusted import trusted_loss, update_trusted

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["MetaLabelNet"]

_WEIGHT_DECAY = 1e-4
# The label layer is first fitted to the trusted samples.
_INITIAL_STEPS, _INITIAL_LR = 200, 0.01


class MetaLabelNet(Method):
    """Learn soft labels such that a step on them lowers the loss of trusted samples.

    At the end of warm-up the features of the network are frozen, and a linear layer on these
    features, the label layer, predicts a soft label for each sample. For each batch, a virtual step
    of the network on these labels is computed. The gradient of the loss of trusted samples after
    the virtual step trains the label layer. Then the network is trained on the improved labels. The
    given labels and their smoothing are used only in warm-up, so any kind of noise is possible. It
    is designed for some hundred trusted samples. In the robustness benchmark, without trusted
    samples, it is well ahead of cross-entropy with noisy labels, but behind simpler methods.

    Cost: one network, a pass in evaluation mode and three in training mode per step, one of them
    differentiated twice, which all layers must support; one number per sample and one more copy of
    the weights. Needs: trusted samples, passed to ``fit`` as ``trusted``; by default the samples
    with the smallest losses at the end of warm-up, and those whose label is predicted then.

    Parameters
    ----------
    virtual_lr : float, default=1.0
        Learning rate of the virtual step.
    label_lr : float, default=0.001
        Learning rate of the label layer. The authors set 0.01 for CIFAR-10 and 0.001 for other
        data; with 0.01, labels can diverge in long trainings with few trusted samples.
    trusted_batch : int, default=128
        Largest number of trusted samples drawn for each step.
    trusted_fraction : float, default=0.1
        If no trusted samples are passed: fraction of each class, in (0, 1], that is trusted because
        of its small losses.
    keep_agreeing : bool, default=True
        Whether, without trusted samples, all samples whose label the network predicts at the end of
        warm-up are trusted as well; few samples of small losses say little about the boundaries of
        the classes.

    Attributes
    ----------
    trust : Tensor of shape (n_samples,)
        Weights of the trusted samples, 0 for the others; row ``i`` belongs to row ``i`` of X.
    labeller : Tensor of shape (n_features + 1, n_classes)
        Weights of the label layer; the last row is the bias.

    References
    ----------
    Algan and Ulusoy, "MetaLabelNet: Learning to Generate Soft-Labels from Noisy-Labels", IEEE
    Transactions on Image Processing 2022, Algorithm 1. As in the authors' code, the layer is
    trained by Adam with a weight decay of 1e-4, and ``virtual_lr`` is not the learning rate of the
    network. Departures: trusted samples are part of the training set; the label layer is first
    fitted to them, since with random initial labels the network can collapse to one class; its
    features are normalised; divergence and entropy are summed over classes, while the code averages
    them, so that the same ``virtual_lr`` gives a virtual step ``n_classes`` times as long; warm-up
    ends by itself and is not a third of the epochs; the last epoch is kept, not the best one on
    trusted samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="meta_label_net", lr=0.01, random_state=0)
    >>> clf = clf.fit(X, y, trusted=[i % 5 == 0 for i in range(150)])
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = "auto"
    per_sample = True
    uses_trusted = True
    _parameter_constraints = {
        "virtual_lr": [Interval(Real, 0, np.inf, closed="left")],
        "label_lr": [Interval(Real, 0, np.inf, closed="left")],
        "trusted_batch": [Interval(Integral, 1, None, closed="left")],
        "trusted_fraction": [Interval(Real, 0, 1, closed="right")],
        "keep_agreeing": ["boolean"],
    }

    def __init__(
        self,
        virtual_lr: float = 1.0,
        label_lr: float = 0.001,
        trusted_batch: int = 128,
        trusted_fraction: float = 0.1,
        keep_agreeing: bool = True,
    ) -> None:
        self.virtual_lr = virtual_lr
        self.label_lr = label_lr
        self.trusted_batch = trusted_batch
        self.trusted_fraction = trusted_fraction
        self.keep_agreeing = keep_agreeing

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("trust", torch.zeros(len(y), dtype=net.dtype, device=y.device))
        self.register_buffer("frozen_weights", torch.zeros_like(net.weights()))
        shape = net.n_features + 1, net.n_classes
        self.register_buffer("labeller", self.trust.new_zeros(shape))
        self.register_buffer("first_moment", self.trust.new_zeros(shape))
        self.register_buffer("second_moment", self.trust.new_zeros(shape))
        self.register_buffer("n_steps", self.trust.new_zeros(()))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        is_first = not self.trust.any()
        update_trusted(self, net, evaluation, self.trusted_fraction, self.keep_agreeing)
        if is_first:
            self._start(net, evaluation)

    def _start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Freeze the features, and fit the label layer to the trusted samples."""
        self.frozen_weights.copy_(net.weights())
        rows = torch.nonzero(self.trust[evaluation.index]).squeeze(1)
        features, target = _layer_input(evaluation.features[rows]), evaluation.target[rows]
        trust = self.trust[evaluation.index[rows]].unsqueeze(-1)
        for _ in range(_INITIAL_STEPS):
            residual = torch.softmax(features @ self.labeller, dim=-1) - target
            self._adam_step(features.T @ (trust / trust.sum() * residual), _INITIAL_LR)
        for state in (self.first_moment, self.second_moment, self.n_steps):
            state.zero_()

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        features = _layer_input(net.features(batch.x, self.frozen_weights))
        labeller = self.labeller.clone().requires_grad_()
        weights = net.weights().requires_grad_()
        log_p = torch.log_softmax(net.infer(batch.x, weights), dim=-1)
        log_label = torch.log_softmax(features @ labeller, dim=-1)
        divergence = expected_loss(log_p - log_label, log_p.exp()) @ batch.weight
        (gradient,) = torch.autograd.grad(divergence, weights, create_graph=True)
        virtual_weights = weights - self.virtual_lr * gradient
        loss = trusted_loss(self, net, virtual_weights, self.trusted_batch)
        self._adam_step(torch.autograd.grad(loss, labeller)[0], self.label_lr)
        return batch.replace(target=torch.softmax(features @ self.labeller, dim=-1))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        # KL(p, target) + H(p), in which the logarithms of p cancel out.
        target = batch.target.clamp_min(torch.finfo(batch.target.dtype).tiny)
        return -expected_loss(target.log(), torch.softmax(logits, dim=-1))

    def _adam_step(self, gradient: Tensor, lr: float) -> None:
        """Update the label layer, Kingma and Ba 2015, Algorithm 1."""
        self.n_steps.add_(1)
        gradient = gradient + _WEIGHT_DECAY * self.labeller
        self.first_moment.lerp_(gradient, 0.1)
        self.second_moment.lerp_(gradient**2, 0.001)
        mean = self.first_moment / (1 - 0.9**self.n_steps)
        variance = self.second_moment / (1 - 0.999**self.n_steps)
        self.labeller.sub_(lr * mean / (variance.sqrt() + 1e-8))


def _layer_input(features: Tensor) -> Tensor:
    # Normalised, so that a step of the layer has the same effect in every network; 1 for the bias.
    return F.pad(F.normalize(features, dim=-1), (0, 1), value=1.0)
