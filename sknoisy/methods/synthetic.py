"""Synthetic samples: train on mixtures of samples with their nearest neighbours."""

# Long because mixtures have two phases, and neighbours come from the batch or from all rows.

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
    one_hot,
    self_and_nearest_neighbors,
)
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["Synthetic"]


class Synthetic(Method):
    """Replace each sample by a mixture with its nearest neighbours, and correct targets slowly.

    Early in a training, samples of one class have similar features whatever labels were given. So a
    mixture of neighbours is a sample of their class, and with mixing coefficients proportional to
    the probability that each label is clean, so is its target: the network does not see noisy
    labels with the samples on which it could memorise them. Between epochs the targets move towards
    the predictions. In the robustness benchmark it is better than cross-entropy with every kind of
    noise, and a point behind on clean labels.

    Cost: one network, two passes per step and one over the training set per epoch,
    ``n_classes + 1`` numbers per sample; with ``where="dataset"`` one pass per step, a search over
    all pairs of samples per epoch, and ``n_neighbors + 1`` more numbers. Needs: samples that may be
    mixed entry by entry.

    Parameters
    ----------
    n_neighbors : int, default=1
        Number of neighbours in a mixture. At 0 and with ``momentum=1`` it is cross-entropy.
    where : {"batch", "dataset"}, default="batch"
        Where neighbours are searched: in the batch, with current features, or in the whole training
        set, with the features at the start of the epoch.
    momentum : float, default=0.9
        Weight of the previous target in a correction, in [0, 1].
    correct_every : int, default=1
        Epochs between corrections. The authors set 10, of 300.
    linear_until : int, default=0
        Epochs after warm-up in which samples are mixed in random pairs, and the loss of a label
        predicted with probability p is ``1 - p``. In the authors' code 50, after 10 of warm-up, of
        300.

    Attributes
    ----------
    targets : Tensor of shape (n_samples, n_classes)
        Targets as corrected so far; row ``i`` belongs to row ``i`` of X, as in the next two.
    clean : Tensor of shape (n_samples,)
        Probability that the target's most likely class is clean.
    neighbors : Tensor of shape (n_samples, n_neighbors + 1), int64
        Only with ``where="dataset"``: rows of X in the mixture, the sample itself first.

    References
    ----------
    Lu and He, "Mitigating Noisy Supervision Using Synthetic Samples with Soft Labels",
    arXiv:2406.16966, 2024, and MixNN, its version of IEEE BigData 2021; after the authors' code,
    which mixes two samples (here ``n_neighbors + 1``). Departures: the code corrects with the
    predictions of its training passes, here with those of an evaluation pass before the epoch;
    neighbours are found in evaluation mode; the phase of random pairs and linear loss is off by
    default; warm-up is a tenth of the epochs; the Gaussian mixture is fitted until it converges, to
    a histogram where samples are many. A mixture has the weight of the sample that it replaces.
    Left out: losses averaged over epochs.

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
            rows = torch.arange(len(y), device=y.device).unsqueeze(1)
            self.register_buffer("neighbors", rows.repeat(1, self.n_neighbors + 1))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        index = evaluation.index
        if evaluation.epoch == 0:
            self.targets[index] = evaluation.target
        elif evaluation.epoch >= self.linear_until and evaluation.epoch % self.correct_every == 0:
            targets = torch.lerp(evaluation.probabilities, self.targets[index], self.momentum)
            self.targets[index] = targets
        most_likely = one_hot(self.targets[index].argmax(dim=-1), net.n_classes, net.dtype)
        losses = cross_entropy(evaluation.logits, most_likely)
        self.clean[index] = gmm_clean_probability(losses, evaluation.weight)
        if self.where == "dataset":
            positions = self_and_nearest_neighbors(evaluation.features, self.n_neighbors)
            self.neighbors[index, : positions.shape[1]] = index[positions]

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        # Only batches have smoothed labels, so the targets start at those of the first epoch.
        if batch.epoch == 0:
            self.targets.index_copy_(0, batch.index, batch.target)
        rows, x, coefficients = self._components(net, batch)
        return batch.replace(
            x=torch.einsum("bk,bkd->bd", coefficients, x.flatten(2)).reshape(batch.x.shape),
            target=torch.einsum("bk,bkc->bc", coefficients, self.targets[rows]),
        )

    def _components(self, net: NetworkView, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the components of each mixture: rows of X, samples, mixing coefficients."""
        index, x = batch.index, batch.x
        if batch.epoch < self.linear_until:
            position = torch.arange(len(index), device=index.device)
            partner = torch.randperm(len(index), device=index.device)
            pairs = torch.stack([position, partner], dim=1)
            coefficient = torch.rand(1, dtype=batch.weight.dtype, device=index.device)
            coefficients = torch.cat([coefficient, 1 - coefficient]).expand(pairs.shape)
            return index[pairs], x[pairs], coefficients
        if self.where == "dataset":
            rows = self.neighbors.index_select(0, index)
            x = net.rows(rows.flatten()).unflatten(0, rows.shape)
        else:
            positions = self_and_nearest_neighbors(net.features(x), self.n_neighbors)
            rows, x = index[positions], x[positions]
        clean = self.clean[rows] + 1e-10
        return rows, x, clean / clean.sum(dim=1, keepdim=True)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if batch.epoch < self.linear_until:
            return 1 - expected_loss(torch.softmax(logits, dim=-1), batch.target)
        return cross_entropy(logits, batch.target)
