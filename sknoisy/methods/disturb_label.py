"""DisturbLabel: wrong labels on purpose, other ones in each epoch."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import cross_entropy
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["DisturbLabel"]


class DisturbLabel(Method):
    """Draw some of the labels anew in every step, so that none can be learned by heart.

    On average over the draws it is label smoothing at the rate ``alpha``; the rest is noise in the
    gradient, which regularises as well. It has no idea which labels are wrong: at the authors' rate
    it makes probabilities more honest, and only with half of the labels disturbed it keeps a small
    network from learning the wrong ones.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=0.1
        Probability that a label is drawn anew, uniformly from all classes, in [0, 1]. At 0 it is
        cross-entropy.

    References
    ----------
    Xie et al., "DisturbLabel: Regularizing CNN on the Loss Layer", CVPR 2016, Algorithm 1. Where a
    label is soft or smoothed, its distribution is moved on by a random number of classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="disturb_label", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {"alpha": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, alpha: float = 0.1) -> None:
        self.alpha = alpha

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        (n, n_classes), device = batch.target.shape, batch.target.device
        redrawn = torch.rand(n, 1, device=device) < self.alpha
        # Moved on by a uniform number of classes, any label becomes a uniform one.
        moved = redrawn * torch.randint(n_classes, (n, 1), device=device)
        source = (torch.arange(n_classes, device=device) - moved) % n_classes
        return batch.replace(target=batch.target.gather(1, source))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)
