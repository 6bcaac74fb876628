"""FINE: keep the samples whose features point where those of their class do."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from sknoisy.functional import cross_entropy, gmm_clean_probability
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["FINE"]

_FEWEST = 5
# Of power iteration: steps between looks whether it has settled, and looks at most.
_STEPS, _LOOKS = 4, 128
# Numbers in the Gram matrices that are held at once.
_ROOM = 2**25


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

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("kept", torch.ones(len(y), dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if evaluation.epoch % self.every:
            return
        for own in _classes(evaluation):
            clean = self._clean(evaluation, own)
            for rows, p in zip(own, clean, strict=True):
                self.kept[evaluation.index[rows]] = (p[: len(rows)] >= self.threshold).to(p.dtype)

    def _clean(self, evaluation: EvaluationPass, own: list[Tensor]) -> Tensor:
        """Probability that labels are right, a line for each class."""
        believed = evaluation.weight * self.kept[evaluation.index]
        grams = torch.stack([_gram(evaluation.features[rows], believed[rows]) for rows in own])
        each = zip(own, _main_directions(grams), strict=True)
        score = pad_sequence([self._score(evaluation.features[rows], d) for rows, d in each], True)
        return _higher(score, pad_sequence([evaluation.weight[rows] for rows in own], True))

    def _score(self, features: Tensor, direction: Tensor) -> Tensor:
        along = features @ direction
        return along.abs() / _length(features) if self.normalise else along**2

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)


def _classes(evaluation: EvaluationPass) -> Iterator[list[Tensor]]:
    """Rows of the classes, of as many at a time as there is room for, the largest first."""
    labels, counts = evaluation.y.unique(return_counts=True)
    counts, order = counts.sort(descending=True)
    sizes, left = counts.tolist(), labels[order]
    while sizes:
        # Lines are as long as the largest class of a group, and matrices of one size.
        n = max(1, min(_ROOM // evaluation.features.shape[1] ** 2, _ROOM // (8 * sizes[0])))
        yield [torch.nonzero(evaluation.y == label).squeeze(1) for label in left[:n]]
        sizes, left = sizes[n:], left[n:]


def _gram(rows: Tensor, weight: Tensor) -> Tensor:
    return (rows.T * weight) @ rows


def _main_directions(grams: Tensor) -> Tensor:
    """First eigenvector of each matrix, (n_matrices, n_features)."""
    # By power iteration, which settles the sooner the more one direction is ahead of the others.
    # Unlike torch.linalg.eigh it works on all devices, and in single precision also where one row
    # is all there is.
    largest = grams.diagonal(dim1=1, dim2=2).argmax(dim=1)
    every = torch.arange(len(grams), device=grams.device)
    # A single column may know nothing of the main direction: features are often exactly zero.
    start = grams.sum(dim=2) + grams[every, :, largest]
    found = F.normalize(start, dim=1).unsqueeze(2)
    for _ in range(_LOOKS):
        before = found
        for _ in range(_STEPS):
            found = F.normalize(grams @ found, dim=1)
        if (found - before).abs().max() < 1e-6:
            break
    return found.squeeze(2)


def _length(rows: Tensor) -> Tensor:
    return torch.linalg.vector_norm(rows, dim=1).clamp_min(torch.finfo(rows.dtype).tiny)


def _higher(score: Tensor, weight: Tensor) -> Tensor:
    """Probability that a score comes from the higher of two normal distributions."""
    highest = score.amax(dim=1, keepdim=True)
    # Different scores are counted, not rows: a row given twice must not count as two.
    filled = torch.where(weight > 0, score, highest)
    steps = (filled.sort(dim=1).values.diff(dim=1) > 1e-5 * highest).sum(dim=1, keepdim=True)
    return torch.where(steps < _FEWEST - 1, 1.0, gmm_clean_probability(-score, weight))
