"""L2RW: weight samples by how much a step on them lowers the loss of trusted samples."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import cross_entropy
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._trusted import trusted_loss, update_trusted

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["L2RW"]


class L2RW(Method):
    """Weight each sample by how much a step on it would lower the loss of trusted samples.

    In each step, the weight of a sample is the inner product of the gradient of its loss and of the
    gradient of the loss of trusted samples, and 0 if that is negative. So the network is trained
    only on samples that go together with the trusted ones, whatever the kind of noise. Each batch
    has new weights. It is designed for some hundred trusted samples.

    Cost: one network, three passes in training mode per step, one of them differentiated twice,
    which all layers must support; one number per sample. Needs: trusted samples, passed to ``fit``
    as ``trusted``; by default the samples with the smallest losses at the end of warm-up, and those
    whose label is predicted then.

    Parameters
    ----------
    trusted_batch : int, default=128
        Largest number of trusted samples drawn for each step. The authors draw 100.
    trusted_fraction : float, default=0.1
        If no trusted samples are passed: fraction of each class, in (0, 1], that is trusted because
        of its small losses.
    keep_agreeing : bool, default=True
        Whether, without trusted samples, all samples whose label the network predicts at the end of
        warm-up are trusted as well.

    Attributes
    ----------
    trust : Tensor of shape (n_samples,)
        Weights of the trusted samples, 0 for the others; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Ren et al., "Learning to Reweight Examples for Robust Deep Learning", ICML 2018, Eq. 8 to 12 and
    Algorithm 1. The derivative of the virtual step is taken at weights of zero, where it does not
    depend on the length of the step. Departures: trusted samples are part of the training set;
    warm-up ends by itself, while the authors have none.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="l2rw", lr=0.01, random_state=0)
    >>> clf = clf.fit(X, y, trusted=[i % 5 == 0 for i in range(150)])
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = "auto"
    per_sample = True
    uses_trusted = True
    _parameter_constraints = {
        "trusted_batch": [Interval(Integral, 1, None, closed="left")],
        "trusted_fraction": [Interval(Real, 0, 1, closed="right")],
        "keep_agreeing": ["boolean"],
    }

    def __init__(
        self,
        trusted_batch: int = 128,
        trusted_fraction: float = 0.1,
        keep_agreeing: bool = True,
    ) -> None:
        self.trusted_batch = trusted_batch
        self.trusted_fraction = trusted_fraction
        self.keep_agreeing = keep_agreeing

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("trust", torch.zeros(len(y), dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        update_trusted(self, net, evaluation, self.trusted_fraction, self.keep_agreeing)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        weights = net.weights().requires_grad_()
        loss = trusted_loss(self, net, weights, self.trusted_batch)
        (direction,) = torch.autograd.grad(loss, weights)
        losses = cross_entropy(net.infer(batch.x, weights), batch.target)
        # The gradient of a weighted sum, derived by the weights: all inner products in one pass.
        factors = torch.zeros_like(losses, requires_grad=True)
        (gradient,) = torch.autograd.grad(losses @ factors, weights, create_graph=True)
        (products,) = torch.autograd.grad(gradient @ direction, factors)
        products = products.clamp_min(0)
        largest = products.amax().clamp_min(torch.finfo(products.dtype).tiny)
        return batch.replace(notes={"weights": products / largest})

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return batch.notes["weights"]
