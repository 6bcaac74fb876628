"""Synthetic samples: train on mixtures of samples with their nearest neighbours."""

# This file is long because mixtures have two phases, and neighbours are searched in two ways.

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
from sknoisy.methods._selection import keep_agreeing

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["Synthetic"]


class Synthetic(Method):
    """Replace each sample by a mixture with its nearest neighbours, and correct targets slowly.

    Early in training, samples of one class have similar features, whatever their given labels. So a
    mixture of neighbours is a sample of their class. If the mixing coefficients follow the
    probabilities that the labels are clean, the mixed target belongs to this class too. The
    network is not trained on samples whose labels are probably wrong, so it cannot memorise them.
    Between epochs the targets move towards the predictions. In the robustness benchmark it is
    better than cross-entropy with every kind of noise.

    Cost: one network, two passes per step and one over the training set per epoch,
    ``n_classes + 1`` numbers per sample; with ``where="dataset"`` one pass per step, a search over
    all pairs of samples per epoch, and ``n_neighbors + 1`` more numbers; there each step waits for
    the device if it cannot hold X. Needs: samples that may be mixed entry by entry.

    Parameters
    ----------
    n_neighbors : int, default=1
        Number of neighbours in a mixture. With 0 and ``momentum=1`` it is cross-entropy.
    where : {"batch", "dataset"}, default="batch"
        Where neighbours are searched: in the batch, by the current features, or in the whole
        training set, by the features at the start of the epoch.
    momentum : float, default=0.9
        Weight of the previous target in a correction, in [0, 1].
    correct_every : int, default=1
        Number of epochs between corrections. The authors set 10, with 300 epochs in total.
    linear_until : int, default=0
        Number of epochs after warm-up in which samples are mixed in random pairs, and the loss of a
        label predicted with probability p is ``1 - p``. The authors' code has 50 such epochs, after
        10 of warm-up, of 300 in total.
    mix_clean : bool, default=False
        Whether samples with clean labels are mixed too, in proportion to the probabilities that the
        labels are clean, as in the paper. False: a sample has the probability that its label is
        clean as its coefficient, its neighbours have the rest, and labels that equal the
        prediction are clean.

    Attributes
    ----------
    targets : Tensor of shape (n_samples, n_classes)
        The corrected targets; row ``i`` belongs to row ``i`` of X, here and below.
    clean : Tensor of shape (n_samples,)
        Probability that the most likely class of the target is clean.
    neighbors : Tensor of shape (n_samples, n_neighbors + 1), int64
        Rows of X in each mixture, the sample itself first; only with ``where="dataset"``.

    References
    ----------
    Lu and He, "Mitigating Noisy Supervision Using Synthetic Samples with Soft Labels",
    arXiv:2406.16966, 2024, and its earlier version MixNN, IEEE BigData 2021. It follows the
    authors' code, which mixes two samples (here ``n_neighbors + 1``). Departures: targets are
    corrected with the predictions of an evaluation pass before the epoch, not of the training
    passes; neighbours are searched in evaluation mode; the phase of random pairs and linear loss is
    off by default; warm-up ends by itself; only what is probably wrong is mixed (the paper's
    ``mix_clean=True`` loses accuracy if all labels are clean); the Gaussian mixture is fitted until
    convergence, for many samples to a histogram. A mixture has the weight of the sample that it
    replaces. Left out: losses averaged over epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="synthetic", max_epochs=50, random_state=0).fit(X, y)
    >>> clf.method_.targets.shape
    torch.Size([150, 3])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 0, None, closed="left")],
        "where": [StrOptions({"batch", "dataset"})],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "correct_every": [Interval(Integral, 1, None, closed="left")],
        "linear_until": [Interval(Integral, 0, None, closed="left")],
        "mix_clean": ["boolean"],
    }

    def __init__(
        self,
        n_neighbors: int = 1,
        where: str = "batch",
        momentum: float = 0.9,
        correct_every: int = 1,
        linear_until: int = 0,
        mix_clean: bool = False,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.where = where
        self.momentum = momentum
        self.correct_every = correct_every
        self.linear_until = linear_until
        self.mix_clean = mix_clean

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("targets", net.labels())
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
        clean = gmm_clean_probability(losses, evaluation.weight)
        if not self.mix_clean:
            clean = keep_agreeing(clean, evaluation.logits, self.targets[index].argmax(dim=-1))
        self.clean[index] = clean
        if self.where == "dataset":
            positions = self_and_nearest_neighbors(
                evaluation.features, self.n_neighbors, evaluation.groups
            )
            self.neighbors[index, : positions.shape[1]] = index[positions]

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        # Only batches have smoothed labels, so the initial targets come from the first epoch.
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
            positions = self_and_nearest_neighbors(net.features(x), self.n_neighbors, batch.groups)
            rows, x = index[positions], x[positions]
        clean = self.clean[rows] + 1e-10
        if not self.mix_clean:
            # Neighbours only replace what is probably wrong.
            others = (1 - clean[:, :1]).clamp_min(0) * _normalized(clean[:, 1:])
            clean = torch.cat([clean[:, :1], others], dim=1)
        return rows, x, _normalized(clean)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        if batch.epoch < self.linear_until:
            return 1 - expected_loss(torch.softmax(logits, dim=-1), batch.target)
        return cross_entropy(logits, batch.target)


def _normalized(values: Tensor) -> Tensor:
    return values / values.sum(dim=1, keepdim=True)
