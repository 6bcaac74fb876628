"""Synthetic samples: train on what lies between a sample and its neighbours, not on the sample."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import (
    cross_entropy,
    expected_loss,
    gmm_clean_probability,
    nearest_neighbors,
    one_hot,
)
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["Synthetic"]


class Synthetic(Method):
    """Replace each sample by a mixture with its nearest neighbours, and correct targets slowly.

    Early in a training, the features of one class lie together whatever labels were given. So a
    mixture of neighbours is a sample of their class, and with shares that follow the probability
    of a right label, its target is mostly right: a wrong label is not met at its own sample, where
    it could be memorised. Between epochs the targets move toward the predictions. Works on all
    kinds of noise.

    Cost: one network, two passes per step and one over the training set per epoch,
    ``n_classes + 1`` numbers per sample; with ``where="dataset"`` one pass per step, a search over
    all pairs of samples per epoch, and ``n_neighbors + 1`` more numbers. Needs: samples that may be
    mixed entry by entry.

    Parameters
    ----------
    n_neighbors : int, default=1
        Other samples in a mixture. At 0 and with ``momentum=1`` it is cross-entropy.
    where : {"batch", "dataset"}, default="batch"
        Where neighbours are looked for: in the batch, as the network sees it now; or in the whole
        training set, as seen when the epoch began.
    momentum : float, default=0.9
        What a correction keeps of a target, in [0, 1].
    correct_every : int, default=1
        Epochs from one correction to the next; 10 in the authors' code, which trains for 300.
    linear_until : int, default=0
        Epochs after warm-up in which samples are mixed in random pairs and pay ``1 - p`` for a
        label of probability p; in the authors' code 50 after 10 of warm-up, of 300.

    Attributes
    ----------
    targets : Tensor of shape (n_samples, n_classes)
        Labels as corrected so far; row ``i`` belongs to row ``i`` of X, as in the next two.
    clean : Tensor of shape (n_samples,)
        Probability that the label is right.
    neighbors : Tensor of shape (n_samples, n_neighbors + 1), int64
        With ``where="dataset"``: rows in the mixture, the sample's own first.

    References
    ----------
    Lu and He, "Mitigating Noisy Supervision Using Synthetic Samples with Soft Labels",
    arXiv:2406.16966, 2024, and its forerunner MixNN, IEEE BigData 2021; after the authors' code,
    which mixes two samples (they are ``n_neighbors + 1`` here). Departures: the code corrects with
    the predictions of its training passes, here those before an epoch serve; neighbours are found
    in evaluation mode; its phase of random mixing and linear loss is left to ``linear_until``, its
    averages of losses over epochs are left out; warm-up is a tenth of the epochs; the mixture of
    losses is fitted until it settles, and large sets in bins. A mixture counts as much as the
    sample that it replaces.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="synthetic", max_epochs=50, random_state=0).fit(X, y)
    >>> clf.method_.targets.shape
    torch.Size([150, 3])
    """

    warmup = 0.1
    per_sample = True
    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 0, None, closed="left")],
        "where": [StrOptions({"batch", "dataset"})],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "correct_every": [Interval(Integral, 1, None, closed="left")],
        "linear_until": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_neighbors: int = 1,
        where: str = "batch",
        momentum: float = 0.9,
        correct_every: int = 1,
        linear_until: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.where = where
        self.momentum = momentum
        self.correct_every = correct_every
        self.linear_until = linear_until

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("targets", one_hot(y, net.n_classes, net.dtype))
        self.register_buffer("clean", torch.ones(len(y), dtype=net.dtype, device=y.device))
        if self.where == "dataset":
            own = torch.arange(len(y), device=y.device).unsqueeze(1)
            self.register_buffer("neighbors", own.repeat(1, self.n_neighbors + 1))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        index = evaluation.index
        if evaluation.epoch == 0:
            self.targets[index] = evaluation.target
        elif evaluation.epoch >= self.linear_until and evaluation.epoch % self.correct_every == 0:
            kept = self.targets[index]
            self.targets[index] = torch.lerp(evaluation.probabilities, kept, self.momentum)
        likeliest = one_hot(self.targets[index].argmax(dim=-1), net.n_classes, net.dtype)
        self.clean[index] = gmm_clean_probability(
            cross_entropy(evaluation.logits, likeliest), evaluation.weight
        )
        if self.where == "dataset":
            found = _own_and_nearest(evaluation.features, self.n_neighbors)
            self.neighbors[index, : found.shape[1]] = index[found]

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        # Smoothed labels are met only here: in the first epoch each row brings its own.
        if batch.epoch == 0:
            self.targets.index_copy_(0, batch.index, batch.target)
        rows, x, share = self._parts(net, batch)
        return batch.replace(
            x=torch.einsum("bk,bkd->bd", share, x.flatten(2)).reshape(batch.x.shape),
            target=torch.einsum("bk,bkc->bc", share, self.targets[rows]),
        )

    def _parts(self, net: NetworkView, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What each mixture is made of: rows of X, the samples, and their shares."""
        index, x = batch.index, batch.x
        if batch.epoch < self.linear_until:
            own = torch.arange(len(index), device=index.device)
            place = torch.stack([own, torch.randperm(len(index), device=index.device)], dim=1)
            share = torch.rand(1, dtype=batch.weight.dtype, device=index.device)
            return index[place], x[place], torch.cat([share, 1 - share]).expand(place.shape)
        if self.where == "dataset":
            rows = self.neighbors.index_select(0, index)
            x = net.rows(rows.flatten()).unflatten(0, rows.shape)
        else:
            place = _own_and_nearest(net.features(x), self.n_neighbors)
            rows, x = index[place], x[place]
        clean = self.clean[rows] + 1e-10
        return rows, x, clean / clean.sum(dim=1, keepdim=True)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if batch.epoch < self.linear_until:
            return 1 - expected_loss(torch.softmax(logits, dim=-1), batch.target)
        return cross_entropy(logits, batch.target)


def _own_and_nearest(features: Tensor, n_neighbors: int) -> Tensor:
    """Position of each row and of the others nearest to it, (n_rows, at most n_neighbors + 1)."""
    own = torch.arange(len(features), device=features.device).unsqueeze(1)
    found = nearest_neighbors(features, features, min(n_neighbors + 1, len(features)))
    # A row need not come first where others are equal to it, nor at all where many are.
    found = found.gather(1, (found != own).to(torch.uint8).argsort(dim=1, stable=True))
    return torch.cat([own, found[:, 1:]], dim=1)
