"""Bagging: several networks, each of which judges the rows it was not trained on."""

from __future__ import annotations

from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import (
    confident_counts,
    correct_predictions,
    counts_to_transition,
    cross_entropy,
    log_softmax,
    one_hot,
)
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import as_transition

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["Bagging"]


# Rows of equal remainder share their networks, so that nothing is kept for each row.
_PATTERNS = 1024
# Networks that have hardly left their start are not judged, however wrong the labels.
_FIRST_STEPS = 16
# As many trusted rows of a class weigh as much as what is found without them: rows that somebody
# chose to check are seldom like the others.
_DOUBT = 5


class Bagging(Method):
    """Train several networks, each on a part of the rows, and stop when they know the rest best.

    A network that has not seen a label cannot have memorised it. So what the networks say of the
    rows outside of their own bags shows, epoch by epoch, whether they still learn or already
    memorise, with no row lost to validation; and their average cancels what each has memorised by
    itself. What they say out of bag of rows whose class is beyond doubt shows how each class was
    labelled, and predictions are corrected by that: where a third of one class was given the label
    of another, the more frequent label is not always the right one.

    It needs no noise rate, and keeps its accuracy where labels are right. The correction takes it
    that each class has rows beyond doubt; where classes overlap everywhere and one is much rarer,
    it leans towards the rare class, and ``transition_matrix=None`` can be better.

    Cost: ``n_networks`` networks, one pass each per step but fewer epochs, ``n_classes`` numbers
    per sample. Needs: nothing; samples passed to ``fit`` as ``trusted`` show for themselves how
    their class was labelled, also where most of its labels are wrong. Best they are a random part
    of it: rows checked because they looked wrong speak for few others.

    Parameters
    ----------
    n_networks : int, default=8
        Number of networks, at least 2.
    max_samples : float, default=0.5
        Share of the networks that train on each row, in (0, 1).
    transition_matrix : array-like of shape (n_classes, n_classes), "auto" or None, default="auto"
        Row i holds the probabilities of the given labels where label i is true, in the order of
        ``classes_``; predictions are corrected by it. "auto": estimated out of bag, see
        :func:`~sknoisy.functional.confident_counts`, and from trusted samples where there are some.
        None: predict labels as they were given.

    Attributes
    ----------
    bags : Tensor of shape (n_networks, 1024)
        Whether a network trains on a row: column ``i % 1024`` is for row ``i`` of X. Each row has
        as many networks.
    out_of_bag : Tensor of shape (n_samples, n_classes)
        Probabilities of the given labels from the networks that do not, at the last visit of each
        row; NaN for rows not trained on.

    Raises
    ------
    ValueError
        In ``fit``, if the matrix has another shape or a row that is no distribution.

    References
    ----------
    Breiman, "Bagging Predictors", Machine Learning 24, 1996, and "Out-of-bag Estimation", 1996.
    Departures: bags are drawn without replacement; the out-of-bag estimate stops the training. It
    is the log loss of the given labels at the temperature that suits it best, since networks
    grow too sure of themselves long before they begin to be wrong; the first 16 steps do not count.
    The correction of predictions is not part of bagging; from trusted samples its matrix is that of
    Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels Corrupted by Severe
    Noise", NeurIPS 2018, Algorithm 1, but taken out of bag and drawn toward what is found without
    them, with the weight of five rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="bagging", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    n_networks = 8
    # Faster learners, held back: both are worth their while only with a stop at the right time.
    module_params = MappingProxyType({"dropout": 0.3, "bins": "auto"})
    out_of_bag: Tensor
    _parameter_constraints = {
        "n_networks": [Interval(Integral, 2, None, closed="left")],
        "max_samples": [Interval(Real, 0, 1, closed="neither")],
        "transition_matrix": [StrOptions({"auto"}), "array-like", None],
    }

    def __init__(
        self, n_networks: int = 8, max_samples: float = 0.5, transition_matrix: Any = "auto"
    ) -> None:
        self.n_networks = n_networks
        self.max_samples = max_samples
        self.transition_matrix = transition_matrix

    @property
    def uses_trusted(self) -> bool:
        return self._estimates

    def setup(self, net: NetworkView, y: Tensor) -> None:
        n_bags = min(max(round(self.max_samples * self.n_networks), 1), self.n_networks - 1)
        order = torch.rand(self.n_networks, _PATTERNS).argsort(dim=0)
        self.register_buffer("bags", (order < n_bags).to(y.device))
        unknown = torch.full((len(y), net.n_classes), torch.nan, dtype=net.dtype)
        self.register_buffer("out_of_bag", unknown.to(y.device))
        temperatures = torch.logspace(-0.3, 1.3, 12, dtype=net.dtype)
        self.register_buffer("temperatures", temperatures.to(y.device))
        self.register_buffer("paid", torch.zeros_like(self.temperatures))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64, device=y.device))
        self.register_buffer("looks", torch.zeros_like(self.steps))
        k, matrix = net.n_classes, self.transition_matrix
        known = matrix is not None and not self._estimates
        counts = as_transition(matrix, k) if known else torch.zeros(k, k)
        self.register_buffer("counts", counts.to(net.dtype).to(y.device))
        self.register_buffer("trusted_counts", torch.zeros_like(self.counts))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        self.paid.zero_()
        self.looks.zero_()
        if self._estimates:
            self.counts.zero_()
            self.trusted_counts.zero_()

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        if len(self.out_of_bag) != net.n_rows:
            # Training goes on with other rows.
            self.out_of_bag = self.out_of_bag.new_full((net.n_rows, net.n_classes), torch.nan)
        return batch

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        self.steps += 1
        self._look_out_of_bag(logits.detach(), batch)
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self._in_bag(batch).to(losses.dtype)

    def epoch_score(self) -> Tensor:
        known = (self.looks > 0) & (self.steps >= _FIRST_STEPS)
        return torch.where(known, -self.paid.min(), -torch.inf)

    @property
    def transition(self) -> Tensor | None:
        """The matrix in use, (n_classes, n_classes): the identity before anything is known."""
        if self.transition_matrix is None:
            return None
        found = counts_to_transition(self.counts)
        if not self._estimates:
            return found
        return counts_to_transition(self.trusted_counts + _DOUBT * found)

    @property
    def oob_predictions(self) -> tuple[Tensor, Tensor | None]:
        return self.out_of_bag, self.transition

    def proba(self, logits: Tensor) -> Tensor:
        given, transition = super().proba(logits), self.transition
        return given if transition is None else correct_predictions(given, transition.to(given))

    @property
    def _estimates(self) -> bool:
        return isinstance(self.transition_matrix, str)

    def _in_bag(self, batch: Batch) -> Tensor:
        return self.bags.index_select(1, batch.index % _PATTERNS)

    def _look_out_of_bag(self, logits: Tensor, batch: Batch) -> None:
        self.looks += 1
        out = ~self._in_bag(batch)
        share = (out / out.sum(dim=0)).to(logits.dtype)
        said = torch.einsum("mb,mbk->bk", share, log_softmax(logits).exp())
        self.out_of_bag.index_copy_(0, batch.index, said)
        if self._estimates:
            self._count(said, batch)
        log_said = said.clamp_min(torch.finfo(said.dtype).tiny).log()
        tempered = log_softmax(log_said / self.temperatures.view(-1, 1, 1))
        right = batch.y.view(1, -1, 1).expand(len(tempered), -1, 1)
        self.paid -= tempered.gather(-1, right).squeeze(-1) @ batch.weight

    def _count(self, said: Tensor, batch: Batch) -> None:
        self.counts += confident_counts(said, batch.weight)
        if batch.trusted is not None:
            right = one_hot(batch.y, said.shape[-1], said.dtype)
            # In rows: weights of a batch sum to about one.
            weight = len(batch.y) * batch.weight * batch.trusted
            self.trusted_counts += right.T @ (weight.unsqueeze(-1) * said)
