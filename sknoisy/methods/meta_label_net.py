"""MetaLabelNet: make labels such that learning from them gets trusted samples right."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional import cross_entropy, expected_loss, select_small_loss
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["MetaLabelNet"]

_DECAY = 1e-4
_FIRST_STEPS, _FIRST_LR = 200, 0.01


class MetaLabelNet(Method):
    """Make the labels to learn from, such that a step on them gets trusted samples right.

    After warm-up the features of the network are frozen, and a linear layer on them makes a soft
    label for each sample. The network tries a step toward these labels; the loss of trusted samples
    after it shows the layer, through the step, how better labels would look. Given labels no longer
    count, nor does their smoothing, so noise may be of any kind and heavy. Worth its cost where
    some hundred labels are known to be right.

    Cost: one network, a pass in evaluation and three in training per step, one of them
    differentiated twice, which all its layers must allow; one number per sample and one more copy
    of the weights. Needs: samples passed to ``fit`` as ``trusted``; without, it trusts the labels
    believed most when warm-up ends.

    Parameters
    ----------
    virtual_lr : float, default=1.0
        Length of the step that is tried, in units of the gradient.
    label_lr : float, default=0.001
        Learning rate of the layer. The authors take 0.01, at which labels can run away from few
        trusted samples in long trainings.
    trusted_batch : int, default=128
        Trusted samples drawn for each step, at most.
    believed : float, default=0.1
        Without trusted samples: share of each class to trust, in (0, 1], by the smallest losses.

    Attributes
    ----------
    trust : Tensor of shape (n_samples,)
        Weight of the trusted samples, 0 for the others; row ``i`` belongs to row ``i`` of X.
    labeller : Tensor of shape (n_features + 1, n_classes)
        The layer; its last row is the bias.

    References
    ----------
    Algan and Ulusoy, "MetaLabelNet: Learning to Generate Soft-Labels from Noisy-Labels", IEEE
    Transactions on Image Processing 2022, Algorithm 1. As in the authors' code the layer learns by
    Adam with a weight decay of 1e-4, and ``virtual_lr`` is not that of the network. Departures:
    trusted samples are part of the training set, and the layer begins as fitted to them, since the
    network can fall for one class when labels begin at random; it reads features scaled to length
    one; divergence and entropy are summed over classes, where the code averages, so that a
    ``virtual_lr`` of 1 is a step as many times longer; warm-up is a tenth of the epochs, not a
    third; the last epoch is kept, not that which is best on trusted samples.

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

    warmup = 0.1
    per_sample = True
    uses_trusted = True
    _parameter_constraints = {
        "virtual_lr": [Interval(Real, 0, np.inf, closed="left")],
        "label_lr": [Interval(Real, 0, np.inf, closed="left")],
        "trusted_batch": [Interval(Integral, 1, None, closed="left")],
        "believed": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        virtual_lr: float = 1.0,
        label_lr: float = 0.001,
        trusted_batch: int = 128,
        believed: float = 0.1,
    ) -> None:
        self.virtual_lr = virtual_lr
        self.label_lr = label_lr
        self.trusted_batch = trusted_batch
        self.believed = believed

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("trust", torch.zeros(len(y), dtype=net.dtype, device=y.device))
        self.register_buffer("encoder", torch.zeros_like(net.weights()))
        shape = net.n_features + 1, net.n_classes
        # The layer is no parameter, as the optimizer of the network has no part in it.
        self.register_buffer("labeller", self.trust.new_zeros(shape))
        self.register_buffer("drift", self.trust.new_zeros(shape))
        self.register_buffer("spread", self.trust.new_zeros(shape))
        self.register_buffer("n_moves", self.trust.new_zeros(()))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if not self.trust.any():
            self._start(net, evaluation)
        elif evaluation.trusted is not None:
            # Training may go on with other samples trusted than it began with.
            self.trust.zero_()
            self.trust[evaluation.index] = evaluation.trusted * evaluation.weight
        rows = torch.nonzero(self.trust).squeeze(1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("answers", net.labels()[rows], persistent=False)

    def _start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Freeze the features, settle whom to trust, and fit the layer to them."""
        self.encoder.copy_(net.weights())
        sure = evaluation.trusted
        if sure is None:
            sure = _most_believed(evaluation, self.believed)
        self.trust[evaluation.index] = sure * evaluation.weight
        own = torch.nonzero(sure).squeeze(1)
        features, target = _with_one(evaluation.features[own]), evaluation.target[own]
        trust = self.trust[evaluation.index[own]].unsqueeze(-1)
        for _ in range(_FIRST_STEPS):
            missed = torch.softmax(features @ self.labeller, dim=-1) - target
            self._move(features.T @ (trust / trust.sum() * missed), _FIRST_LR)
        for moment in (self.drift, self.spread, self.n_moves):
            moment.zero_()

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        features = _with_one(net.features(batch.x, self.encoder))
        labeller = self.labeller.clone().requires_grad_()
        weights = net.weights().requires_grad_()
        log_p = torch.log_softmax(net.infer(batch.x, weights), dim=-1)
        log_label = torch.log_softmax(features @ labeller, dim=-1)
        divergence = expected_loss(log_p - log_label, log_p.exp()) @ batch.weight
        (slope,) = torch.autograd.grad(divergence, weights, create_graph=True)
        drawn = torch.randperm(len(self.rows), device=self.rows.device)[: self.trusted_batch]
        rows = self.rows[drawn]
        logits = net.infer(net.rows(rows), weights - self.virtual_lr * slope)
        share = self.trust[rows] / self.trust[rows].sum()
        missed = cross_entropy(logits, self.answers[drawn]) @ share
        self._move(torch.autograd.grad(missed, labeller)[0], self.label_lr)
        return batch.replace(target=torch.softmax(features @ self.labeller, dim=-1))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        # KL(p, target) + H(p): the logarithms of p cancel.
        possible = batch.target.clamp_min(torch.finfo(batch.target.dtype).tiny)
        return -expected_loss(possible.log(), torch.softmax(logits, dim=-1))

    def _move(self, slope: Tensor, lr: float) -> None:
        """Take a step of Adam, Kingma and Ba 2015, Algorithm 1."""
        self.n_moves.add_(1)
        slope = slope + _DECAY * self.labeller
        self.drift.lerp_(slope, 0.1)
        self.spread.lerp_(slope**2, 0.001)
        drift = self.drift / (1 - 0.9**self.n_moves)
        spread = self.spread / (1 - 0.999**self.n_moves)
        self.labeller.sub_(lr * drift / (spread.sqrt() + 1e-8))


def _with_one(features: Tensor) -> Tensor:
    # Of length one, so that a step of the layer means the same in every network.
    return F.pad(F.normalize(features, dim=-1), (0, 1), value=1.0)


def _most_believed(evaluation: EvaluationPass, share: float) -> Tensor:
    """How much of each row is among those of its class with the smallest losses, in [0, 1]."""
    kept, losses = torch.zeros_like(evaluation.weight), evaluation.losses
    for label in evaluation.y.unique():
        own = evaluation.y == label
        kept[own] = select_small_loss(losses[own], evaluation.weight[own], share)
    return kept
