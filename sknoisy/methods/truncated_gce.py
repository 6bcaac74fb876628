"""Truncated generalised cross-entropy: leave out samples whose label stays unlikely."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_generalized_cross_entropy, expected_loss
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["TruncatedGCE"]


class TruncatedGCE(Method):
    """Minimise ``gce``, and later leave out samples whose label stays unlikely.

    From an epoch on and every few epochs, samples are left out whose label has a predicted
    probability below a threshold while another class is above it: for them, the loss is replaced by
    a constant. They return if the prediction changes.

    Cost: one network, one pass per step, an evaluation pass every few epochs, one number per
    sample. Needs: nothing.

    Parameters
    ----------
    q : float, default=0.7
        Exponent of ``gce``, in (0, 1]. The limit 0 is cross-entropy.
    threshold : float, default=0.5
        Probability, in [0, 1). At 0 no sample is left out: it is ``gce``.
    start_epoch : int, default=40
        Number of epochs after warm-up before samples are left out.
    interval : int, default=10
        Number of epochs after which it is decided again which samples are left out.

    Attributes
    ----------
    kept : Tensor of shape (n_samples,)
        1 for samples that are trained on, 0 for others; entry ``i`` belongs to row ``i`` of X.

    References
    ----------
    Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    Labels", NeurIPS 2018, Eq. 9 and Algorithm 1. Departures: a sample is kept if no class is above
    the threshold, as with many classes all probabilities may be small; the network of the current
    epoch decides, while the authors take the best one on held-out rows; warm-up, a tenth of the
    epochs, without which samples of a class that is learned late are left out.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="truncated_gce", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    per_sample = True
    _parameter_constraints = {
        "q": [Interval(Real, 0, 1, closed="right")],
        "threshold": [Interval(Real, 0, 1, closed="left")],
        "start_epoch": [Interval(Integral, 0, None, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, q: float = 0.7, threshold: float = 0.5, start_epoch: int = 40, interval: int = 10
    ) -> None:
        self.q = q
        self.threshold = threshold
        self.start_epoch = start_epoch
        self.interval = interval

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("kept", torch.ones(len(y), dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        n_epochs = evaluation.epoch - self.start_epoch
        if n_epochs >= 0 and n_epochs % self.interval == 0:
            p = evaluation.probabilities
            is_unlikely = expected_loss(p, evaluation.target) <= self.threshold
            is_contradicted = is_unlikely & (p.amax(dim=-1) > self.threshold)
            self.kept[evaluation.index] = (~is_contradicted).to(self.kept)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return expected_loss(class_generalized_cross_entropy(logits, self.q), batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)
