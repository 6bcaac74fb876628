"""DisturbLabel: some labels are replaced by random ones, newly drawn in each step."""

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
    """Replace some labels by random ones in each step, to make memorisation harder.

    In expectation it is label smoothing with rate ``alpha``; the random draws add noise to the
    gradient, which also regularises. It does not distinguish clean from noisy labels. The authors'
    rate slows memorisation only a little, a rate of about one half much more; such rates make
    predictions less confident than they are accurate (``benchmarks/papers/flipping.py``).

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=0.1
        Probability that a label is replaced by a label drawn uniformly from all classes, in
        [0, 1]. 0 is cross-entropy.

    References
    ----------
    Xie et al., "DisturbLabel: Regularizing CNN on the Loss Layer", CVPR 2016, Algorithm 1. A soft
    or smoothed label is shifted by a random number of classes.

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
        is_disturbed = torch.rand(n, 1, device=device) < self.alpha
        # A label shifted by a uniformly drawn number of classes is uniformly distributed.
        shift = is_disturbed * torch.randint(n_classes, (n, 1), device=device)
        source = (torch.arange(n_classes, device=device) - shift) % n_classes
        return batch.replace(target=batch.target.gather(1, source))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)
