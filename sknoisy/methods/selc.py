"""SELC: targets that move from the given labels to the predictions of past epochs."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import expected_loss, log_softmax
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["SELC"]


class SELC(Method):
    """Replace each label slowly by the moving average of the predictions for its sample.

    Early predictions, before memorisation, are mostly correct, even for mislabelled samples. The
    target of a sample starts at its given label, whose weight decreases by a factor with each
    epoch. So a noisy label has faded before the network has memorised it. If a network still
    learns much late in training, increase ``momentum``.

    Cost: one network, one pass per step, ``n_classes`` numbers per sample. Needs: nothing.

    Parameters
    ----------
    momentum : float, default=0.9
        Weight of the previous target in the moving average, in [0, 1]. 1 is cross-entropy.

    Attributes
    ----------
    targets : Tensor of shape (n_samples, n_classes)
        The moving average; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Lu and He, "SELC: Self-Ensemble Label Correction Improves Learning with Noisy Labels", IJCAI
    2022, Section 3: ``t = momentum * t + (1 - momentum) * p``, then cross-entropy of p and t. As in
    the authors' code, the average is updated before it is used. Departure: warm-up ends by itself;
    the authors estimate its end from the separation of small and large losses, or set 20 to 40 of
    200 epochs by data set. Left out: SELC+, which trains again on the final targets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="selc", random_state=0).fit(X, y)
    >>> clf.method_.targets.shape
    torch.Size([150, 3])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {"momentum": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum = momentum

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("targets", net.labels())

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p, index = log_softmax(logits), batch.index
        # Only batches have smoothed labels, so the first targets come from them.
        previous = self.targets.index_select(0, index) if batch.epoch else batch.target
        target = torch.lerp(log_p.detach().exp(), previous, self.momentum)
        self.targets.index_copy_(0, index, target)
        return -expected_loss(log_p, target)
