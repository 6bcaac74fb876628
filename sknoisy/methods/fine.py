"""FINE: keep the samples whose features point where those of their class do."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn import functional as F

from sknoisy.beliefs import lower_component
from sknoisy.losses import cross_entropy
from sknoisy.methods._base import Method, Net

if TYPE_CHECKING:
    from sknoisy.data import Batch, Scan

__all__ = ["FINE"]

_FEWEST = 5
_SQUARINGS, _STEPS = 3, 64


class FINE(Method):
    """Train on the samples whose features point along the main direction of their class.

    The first eigenvector of the features of a class shows where its right labels are, even when
    many are wrong. The closer a sample is to it the higher its score; two normal distributions are
    fitted to the scores of each class, and what belongs to the higher is kept. It looks at features
    and not at losses, so hard samples may stay. Good for heavy noise of an unknown rate.

    Cost: one network, one pass per step, one over the training set per refit, one number per
    sample. Needs: nothing.

    Parameters
    ----------
    threshold : float, default=0.5
        Least probability of a right label to be kept, in [0, 1]. At 0 it is cross-entropy.
    every : int, default=1
        Epochs from one refit to the next.
    normalise : bool, default=True
        Whether the score is the absolute cosine of the angle, or, as in the paper, the square of
        the length along the direction. Where features differ much in length, as in small networks
        with ReLU, only a few very long ones pass the latter.

    Attributes
    ----------
    kept : Tensor of shape (n_samples,)
        1 for the samples in use, 0 for the others; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Kim et al., "FINE Samples for Learning with Noisy Labels", NeurIPS 2021, Algorithm 1. As in the
    authors' code, directions are those of the samples kept before, and the default score is the
    cosine. Departures: the mixture is fitted as in ``dividemix``; warm-up is a tenth of the epochs,
    not a third; a class with fewer than five different scores keeps all its samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="fine", random_state=0).fit(X, y)
    >>> clf.method_.kept.shape
    torch.Size([150])
    """

    warmup = 0.1
    per_sample = True
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "every": [Interval(Integral, 1, None, closed="left")],
        "normalise": ["boolean"],
    }

    def __init__(self, threshold: float = 0.5, every: int = 1, normalise: bool = True) -> None:
        self.threshold = threshold
        self.every = every
        self.normalise = normalise

    def begin(self, net: Net, y: Tensor) -> None:
        self.register_buffer("kept", torch.ones(len(y), dtype=net.dtype, device=y.device))

    def refit(self, net: Net, scan: Scan) -> None:
        if scan.epoch % self.every:
            return
        for label in scan.y.unique():
            own = torch.nonzero(scan.y == label).squeeze(1)
            features, weight, index = scan.features[own], scan.weight[own], scan.index[own]
            direction = _main_direction(features, weight * self.kept[index])
            along = features @ direction
            score = along.abs() / _length(features) if self.normalise else along**2
            self.kept[index] = (_higher(score, weight) >= self.threshold).to(score.dtype)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def weigh(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)


def _main_direction(rows: Tensor, weight: Tensor) -> Tensor:
    """First eigenvector of the Gram matrix of weighted rows."""
    gram = (rows.T * weight) @ rows
    # A matrix multiplied with itself often enough shows its first eigenvector alone. Unlike
    # torch.linalg.eigh this works on all devices, and in single precision also where one row is
    # all there is.
    for _ in range(_SQUARINGS):
        gram = F.normalize(gram.flatten(), dim=0).view_as(gram)
        gram = gram @ gram
    direction = F.normalize(gram[:, gram.diagonal().argmax()], dim=0)
    for _ in range(_STEPS):
        direction = F.normalize(gram @ direction, dim=0)
    return direction


def _length(rows: Tensor) -> Tensor:
    return torch.linalg.vector_norm(rows, dim=1).clamp_min(torch.finfo(rows.dtype).tiny)


def _higher(score: Tensor, weight: Tensor) -> Tensor:
    """Probability that a score comes from the higher of two normal distributions."""
    # Different scores are counted, not rows: a row given twice must not count as two.
    steps = score.sort().values.diff() > 1e-5 * score.max()
    if steps.sum() < _FEWEST - 1:
        return torch.ones_like(score)
    return lower_component(-score, weight)
