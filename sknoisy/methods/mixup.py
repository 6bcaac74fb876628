"""Mixup: train between the samples, on labels between theirs."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import cross_entropy, draw_mixture
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["Mixup"]


class Mixup(Method):
    """Train on mixtures of two samples, with their labels mixed alike.

    No sample is seen twice as it is, so that none can be learned by heart. Helps with every kind
    of noise, most with images, and needs longer trainings; columns that are categories are mixed
    as the numbers that stand for them.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=1.0
        Of the Beta(alpha, alpha) distribution of the mixing share, at least 0: near 0 one sample
        of the two prevails, at 1 all shares are equally likely, above it halves. The authors took
        up to 32 for wrong labels. At 0 it is cross-entropy.

    References
    ----------
    Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018. As in the authors' code, a
    batch is mixed with a permutation of itself at one share; here it is the larger of the two that
    goes to the sample itself, which makes the same mixtures. Partners are drawn by their weights.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="mixup", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {"alpha": [Interval(Real, 0, np.inf, closed="left")]}

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        mix = draw_mixture(batch.weight, self.alpha)
        return batch.replace(x=mix(batch.x), target=mix(batch.target))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)
