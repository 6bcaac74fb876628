"""FINE: select the samples whose features are aligned with the features of their class."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sknoisy.functional import cross_entropy, gmm_clean_probability, leading_eigenvectors
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._selection import keep_agreeing

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["FINE"]

# All samples of a class with fewer distinct scores are selected.
_MIN_SCORES = 5
# Largest total size of the Gram matrices and tables of scores in memory, in numbers.
_MAX_NUMBERS = 2**25


class FINE(Method):
    """Train on the samples whose features are aligned with the leading eigenvector of their class.

    Clean samples dominate the leading eigenvector of the features of a class, even if many samples
    are mislabelled. The better a sample is aligned with it, the higher is its score. A Gaussian
    mixture of two components is fitted to the scores of each class, and samples of the higher
    component are selected. As features are compared and not losses, hard samples can be selected
    too. It needs no noise rate. In the robustness benchmark it is better on average than
    cross-entropy with every kind of noise; it fails on some noisy data sets, for example one whose
    classes are of very unequal size and one with a curved class boundary.

    Cost: one network, one pass per step, one over the training set per selection, one number
    per sample. Needs: nothing.

    Parameters
    ----------
    threshold : float, default=0.5
        Smallest probability of a clean label at which a sample is selected, in [0, 1]. 0 is
        cross-entropy.
    every : int, default=1
        Number of epochs between selections. The authors set 5 or 10.
    normalise : bool, default=True
        Whether the score is the absolute cosine of the angle to the eigenvector. False: the squared
        length of the projection on it, as in the paper. If the lengths of features differ much, as
        in small networks with ReLU, the projection selects only the few longest.
    keep_agreeing : bool, default=True
        Whether samples whose label the network predicts are selected as well. A mixture of two
        components leaves out a part of the samples also if all labels are clean. False: as in the
        paper.

    Attributes
    ----------
    kept : Tensor of shape (n_samples,)
        1 for selected samples, 0 for the others; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Kim et al., "FINE Samples for Learning with Noisy Labels", NeurIPS 2021, Algorithm 1. As in the
    authors' code, eigenvectors are computed from the samples selected before, and the default score
    is the cosine. Departures: the Gaussian mixture is fitted as in ``dividemix``; warm-up ends by
    itself and is not a third of the epochs; samples whose label is predicted, and all samples of a
    class with fewer than five distinct scores, are selected.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="fine", random_state=0).fit(X, y)
    >>> clf.method_.kept.shape
    torch.Size([150])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "every": [Interval(Integral, 1, None, closed="left")],
        "normalise": ["boolean"],
        "keep_agreeing": ["boolean"],
    }

    def __init__(
        self,
        threshold: float = 0.5,
        every: int = 1,
        normalise: bool = True,
        keep_agreeing: bool = True,
    ) -> None:
        self.threshold = threshold
        self.every = every
        self.normalise = normalise
        self.keep_agreeing = keep_agreeing

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("kept", torch.ones(len(y), dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if evaluation.epoch % self.every:
            return
        for classes in _class_groups(evaluation):
            probs = self._clean_probabilities(evaluation, classes)
            for rows, p in zip(classes, probs, strict=True):
                clean = p[: len(rows)]
                if self.keep_agreeing:
                    clean = keep_agreeing(clean, evaluation.logits[rows], evaluation.y[rows])
                self.kept[evaluation.index[rows]] = (clean >= self.threshold).to(p.dtype)

    def _clean_probabilities(self, evaluation: EvaluationPass, classes: list[Tensor]) -> Tensor:
        """Compute the probabilities of clean labels, one padded row for each class."""
        features, weight = evaluation.features, evaluation.weight
        kept_weight = weight * self.kept[evaluation.index]
        grams = torch.stack([_gram(features[rows], kept_weight[rows]) for rows in classes])
        vectors = leading_eigenvectors(grams)
        scores = [self._score(features[rows], v) for rows, v in zip(classes, vectors, strict=True)]
        weights = [weight[rows] for rows in classes]
        return _higher_component(pad_sequence(scores, True), pad_sequence(weights, True))

    def _score(self, features: Tensor, vector: Tensor) -> Tensor:
        projection = features @ vector
        return projection.abs() / _length(features) if self.normalise else projection**2

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)


def _class_groups(evaluation: EvaluationPass) -> Iterator[list[Tensor]]:
    """Yield the rows of each class, in groups of classes that fit into memory, largest first."""
    labels, counts = evaluation.y.unique(return_counts=True)
    counts, order = counts.sort(descending=True)
    sizes, labels = counts.tolist(), labels[order]
    max_matrices = _MAX_NUMBERS // evaluation.features.shape[1] ** 2
    while sizes:
        # Scores of a group are padded to its largest class.
        n = max(1, min(max_matrices, _MAX_NUMBERS // (8 * sizes[0])))
        yield [torch.nonzero(evaluation.y == label).squeeze(1) for label in labels[:n]]
        sizes, labels = sizes[n:], labels[n:]


def _gram(features: Tensor, weight: Tensor) -> Tensor:
    return (features.T * weight) @ features


def _length(features: Tensor) -> Tensor:
    length = torch.linalg.vector_norm(features, dim=1)
    return length.clamp_min(torch.finfo(features.dtype).tiny)


def _higher_component(scores: Tensor, weight: Tensor) -> Tensor:
    """Compute the probability that a score is from the higher of two Gaussian components."""
    highest = scores.amax(dim=1, keepdim=True)
    # Distinct scores are counted, not rows: a row given twice must not count as two.
    filled = torch.where(weight > 0, scores, highest)
    gaps = (filled.sort(dim=1).values.diff(dim=1) > 1e-5 * highest).sum(dim=1, keepdim=True)
    return torch.where(gaps < _MIN_SCORES - 1, 1.0, gmm_clean_probability(-scores, weight))
