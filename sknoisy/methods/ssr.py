"""SSR: keep samples whose label wins the vote of their neighbours, and relabel confident ones."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import cross_entropy, draw_mixture, knn_label_distribution, one_hot
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._mixing import mixing_alpha
from sknoisy.methods._selection import keep_agreeing

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["SSR"]

# The authors' 200 neighbours are 4 % of a class of 5000 images.
_MAX_NEIGHBORS, _MIN_NEIGHBORS, _FRACTION_OF_CLASS = 200, 5, 0.04


class SSR(Method):
    """Train on samples whose label wins a vote of their neighbours, after confident relabelling.

    Before each epoch, samples with a confident prediction get the predicted label for this epoch,
    and the others their given label. Then each sample asks its nearest neighbours, by the features
    of the network, for their labels, and it is selected if its own label wins the vote. Features
    are compared and not losses, and no label is changed for good. The network is trained on the
    selected samples, of images on mixtures of them.

    Cost: one network, one pass per step, one over the training set and a search over all pairs of
    samples per selection, two numbers per sample. Needs: nothing.

    Parameters
    ----------
    relabel_threshold : float, default=0.9
        A sample is relabelled if its largest predicted probability is above this, in [0, 1]. 1:
        never. The authors set 0.8 to 0.99 by data set and noise rate.
    select_threshold : float, default=1.0
        A sample is selected if its label gets at least this fraction of the votes of the winner, in
        [0, 1]. 1: it must win. With 0, ``relabel_threshold=1`` and ``alpha=0`` it is cross-entropy.
    n_neighbors : int or "auto", default="auto"
        Number of neighbours. "auto": 4 % of the samples per class, from 5 to 200. The authors set
        200 for classes of 5000 images, and the sample itself votes, too.
    balanced : bool, default=False
        Whether votes are divided by the frequency of the label, as the authors do. On classes of
        very unequal size this leaves out many samples of the largest.
    keep_agreeing : bool, default=True
        Whether all samples whose label is also predicted are selected. Otherwise, as in the paper,
        clean samples near the boundary of a class are left out.
    alpha : float or "auto", default="auto"
        Parameter of the distribution of the mixing coefficient, Beta(alpha, alpha), drawn once per
        batch; at least 0. "auto": 1 for samples of at least 64 entries, such as images; no mixing
        for others, in which a mixture is often in the region of another class. The authors set 4
        for small images and 0.5 for large ones.
    every : int, default=1
        Number of epochs between selections.

    Attributes
    ----------
    kept : Tensor of shape (n_samples,)
        1 for selected samples, 0 for the others; row ``i`` belongs to row ``i`` of X, here and
        below.
    labels : Tensor of shape (n_samples,), int64
        The label of relabelled samples, -1 for the others.

    References
    ----------
    Feng et al., "SSR: An Efficient and Robust Framework for Learning with Unknown Label Noise",
    BMVC 2022, Eq. 2 to 5. Departures: the defaults, which were chosen on tables; warm-up ends by
    itself, while the authors have none; features are centred before their cosines are
    compared; samples of one group, such as copies, do not vote for each other; small classes are
    not repeated; there are no strong views. Left out: SSR+, which compares views.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="ssr", max_epochs=50, random_state=0).fit(X, y)
    >>> clf.method_.kept.shape
    torch.Size([150])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "relabel_threshold": [Interval(Real, 0, 1, closed="both")],
        "select_threshold": [Interval(Real, 0, 1, closed="both")],
        "n_neighbors": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "balanced": ["boolean"],
        "keep_agreeing": ["boolean"],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        relabel_threshold: float = 0.9,
        select_threshold: float = 1.0,
        n_neighbors: int | str = "auto",
        balanced: bool = False,
        keep_agreeing: bool = True,
        alpha: float | str = "auto",
        every: int = 1,
    ) -> None:
        self.relabel_threshold = relabel_threshold
        self.select_threshold = select_threshold
        self.n_neighbors = n_neighbors
        self.balanced = balanced
        self.keep_agreeing = keep_agreeing
        self.alpha = alpha
        self.every = every

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("kept", torch.ones(len(y), dtype=net.dtype, device=y.device))
        self.register_buffer("labels", torch.full_like(y, -1))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if evaluation.epoch % self.every:
            return
        confidence, predicted = evaluation.probabilities.max(dim=-1)
        labels = torch.where(confidence > self.relabel_threshold, predicted, -1)
        votes = self._votes(evaluation, _relabelled(evaluation.target, labels))
        current = torch.where(labels < 0, evaluation.y, labels)
        votes_of_label = votes.gather(1, current.unsqueeze(1)).squeeze(1)
        kept = (votes_of_label >= self.select_threshold * votes.amax(dim=1)).to(self.kept.dtype)
        if self.keep_agreeing:
            kept = keep_agreeing(kept, evaluation.logits, current)
        self.labels[evaluation.index] = labels
        self.kept[evaluation.index] = kept

    def _votes(self, evaluation: EvaluationPass, target: Tensor) -> Tensor:
        """Count the labels of the neighbours of each sample, by weight."""
        n_rows, n_classes = target.shape
        k = round(_FRACTION_OF_CLASS * n_rows / n_classes)
        k = min(max(k, _MIN_NEIGHBORS), _MAX_NEIGHBORS)
        k = k if self.n_neighbors == "auto" else int(self.n_neighbors)
        weighted = evaluation.weight.unsqueeze(-1) * target
        votes = knn_label_distribution(evaluation.features, weighted, k, evaluation.groups)
        if not self.balanced:
            return votes
        frequency = weighted.sum(dim=0) / evaluation.weight.sum()
        return votes / frequency.clamp_min(torch.finfo(votes.dtype).eps)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        labels = self.labels.index_select(0, batch.index)
        target = _relabelled(batch.target, labels, batch.smooth)
        # Partners are selected samples, unless there are none.
        kept = self.kept.index_select(0, batch.index) + 1e-10
        mix = draw_mixture(batch.weight * kept, mixing_alpha(self.alpha, 1.0, 0.0, batch.x))
        return batch.replace(x=mix(batch.x), target=mix(target))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)


def _relabelled(
    target: Tensor, labels: Tensor, smooth: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Replace the target of each sample that has a label, which is not negative."""
    new = one_hot(labels.clamp_min(0), target.shape[-1], target.dtype)
    new = new if smooth is None else smooth(new)
    return torch.where(labels.unsqueeze(-1) < 0, target, new)
