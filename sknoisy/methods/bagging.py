"""Bagging: several networks, each evaluated on the rows that it was not trained on."""

# This file is long because early stopping and the estimate of the transition matrix need the same
# out-of-bag predictions.

from __future__ import annotations

from numbers import Integral, Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import (
    confident_counts,
    correct_log_predictions,
    counts_to_transition,
    cross_entropy,
    log_softmax,
    one_hot,
    temperature_log_losses,
)
from sknoisy.methods._bags import draw_bags, in_bag
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import as_transition

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["Bagging"]

# In the first steps networks are close to their initial state, so these epochs are not scored.
_MIN_STEPS = 16
# Weight, in trusted rows per class, of the matrix that is estimated without trusted rows. Rows that
# were chosen for review are often not typical.
_PRIOR_ROWS = 5


class Bagging(Method):
    """Bagged ensemble with out-of-bag early stopping and out-of-bag correction.

    Each network is trained on a part of the rows. A network cannot memorise a label that it was not
    trained on. So out-of-bag predictions show whether the networks still learn or already memorise,
    without a validation set. Averaging reduces the effect of labels that single networks have
    memorised. Confident out-of-bag predictions also estimate the transition matrix, with which
    predictions are corrected: if a third of the labels of one class is changed to another class,
    the most likely label is not always the true class.

    It needs no noise rate. In the robustness benchmark it is as accurate as the default on average
    with clean labels, and second to it with noisy ones. The correction assumes that each class has
    rows with confident predictions. If classes overlap everywhere and one is much rarer, it favours
    the rare class; then ``transition_matrix=None`` can be better.

    Cost: ``n_networks`` networks, one pass each per step but fewer epochs, ``n_classes`` numbers
    per sample. Needs: nothing. Trusted samples improve the estimate
    of the transition matrix, also if most labels of a class are noisy. They should be a random part
    of their class: samples reviewed because they looked mislabelled are not typical.

    Parameters
    ----------
    n_networks : int, default=8
        Number of networks, at least 2.
    max_samples : float, default=0.5
        Fraction of the networks that are trained on each row, in (0, 1).
    transition_matrix : array-like of shape (n_classes, n_classes), "auto" or None, default="auto"
        Entry (i, j): the probability of given label j for true class i, in the order of
        ``classes_``. Predictions are corrected with it. "auto": estimated out-of-bag, see
        :func:`~sknoisy.functional.confident_counts`, and from trusted samples if there are any.
        None: predict the given labels, without correction.

    Attributes
    ----------
    bags : Tensor of bool of shape (n_networks, 1024)
        Mask of the networks that are trained on a row: column ``i % 1024`` belongs to row ``i`` of
        X or, with groups and equal rows, to group ``i``: rows of one group share a bag, otherwise
        out-of-bag predictions would know their labels. All rows have the same number of networks.
    out_of_bag : Tensor of shape (n_samples, n_classes)
        Probabilities of the given labels, predicted by the networks not trained on the row when the
        row was last in a batch; NaN for rows that were never in a batch.

    Raises
    ------
    ValueError
        In ``fit``, before the first epoch, if the transition matrix has another shape or a row that
        is not a distribution, or there are too few groups for a group in each bag.

    References
    ----------
    Breiman, "Bagging Predictors", Machine Learning 24, 1996, and "Out-of-bag Estimation", 1996.
    Departures: bags are drawn without replacement; early stopping uses the out-of-bag score; and
    predictions are corrected. The score is the log loss of the given labels at the best of 12
    temperatures, since networks become over-confident long before their most likely class gets
    worse; the first 16 steps are not scored. With trusted samples, the transition matrix is
    estimated as in Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels Corrupted
    by Severe Noise", NeurIPS 2018, Algorithm 1, but out-of-bag, and averaged with the estimate
    without trusted samples, which has the weight of five samples per class.

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
    # With binned inputs networks learn faster, and dropout slows memorisation down.
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
        return self._estimates_transition

    def setup(self, net: NetworkView, y: Tensor) -> None:
        n_bags = min(max(round(self.max_samples * self.n_networks), 1), self.n_networks - 1)
        n_groups = None if net.groups is None else int(net.groups.max()) + 1
        self.register_buffer("bags", draw_bags(self.n_networks, n_bags, n_groups).to(y.device))
        unknown = torch.full((len(y), net.n_classes), torch.nan, dtype=net.dtype)
        self.register_buffer("out_of_bag", unknown.to(y.device))
        temperatures = torch.logspace(-0.3, 1.3, 12, dtype=net.dtype)
        self.register_buffer("temperatures", temperatures.to(y.device))
        self.register_buffer("oob_losses", torch.zeros_like(self.temperatures))
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64, device=y.device))
        self.register_buffer("n_evaluated", torch.zeros_like(self.n_steps))
        k, matrix = net.n_classes, self.transition_matrix
        is_given = matrix is not None and not self._estimates_transition
        counts = as_transition(matrix, k) if is_given else torch.zeros(k, k)
        self.register_buffer("counts", counts.to(net.dtype).to(y.device))
        self.register_buffer("trusted_counts", torch.zeros_like(self.counts))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        self.oob_losses.zero_()
        self.n_evaluated.zero_()
        if self._estimates_transition:
            self.counts.zero_()
            self.trusted_counts.zero_()

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        if len(self.out_of_bag) != net.n_rows:
            # Training continues on other rows.
            self.out_of_bag = self.out_of_bag.new_full((net.n_rows, net.n_classes), torch.nan)
        return batch

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        self.n_steps += 1
        self._evaluate_out_of_bag(logits.detach(), batch)
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.bag_weights(batch)

    def bag_weights(self, batch: Batch) -> Tensor:
        return self._in_bag(batch).to(batch.weight.dtype)

    def epoch_score(self) -> Tensor:
        is_scored = (self.n_evaluated > 0) & (self.n_steps >= _MIN_STEPS)
        return torch.where(is_scored, -self.oob_losses.min(), -torch.inf)

    @property
    def transition(self) -> Tensor | None:
        """Transition matrix, of shape (n_classes, n_classes); the identity before the estimate."""
        if self.transition_matrix is None:
            return None
        transition = counts_to_transition(self.counts)
        if not self._estimates_transition:
            return transition
        return counts_to_transition(self.trusted_counts + _PRIOR_ROWS * transition)

    @property
    def oob_predictions(self) -> tuple[Tensor, Tensor | None]:
        return self.out_of_bag, self.transition

    def log_proba(self, logits: Tensor) -> Tensor:
        log_probs, transition = super().log_proba(logits), self.transition
        if transition is None:
            return log_probs
        return correct_log_predictions(log_probs, transition.to(log_probs))

    @property
    def _estimates_transition(self) -> bool:
        return isinstance(self.transition_matrix, str)

    def _in_bag(self, batch: Batch) -> Tensor:
        return in_bag(self.bags, batch.group_or_row)

    def _evaluate_out_of_bag(self, logits: Tensor, batch: Batch) -> None:
        self.n_evaluated += 1
        is_out = ~self._in_bag(batch)
        network_weights = (is_out / is_out.sum(dim=0)).to(logits.dtype)
        probs = torch.einsum("mb,mbk->bk", network_weights, log_softmax(logits).exp())
        self.out_of_bag.index_copy_(0, batch.index, probs)
        if self._estimates_transition:
            self._count_labels(probs, batch)
        losses = temperature_log_losses(probs, batch.y, self.temperatures)
        self.oob_losses += losses @ batch.weight

    def _count_labels(self, probs: Tensor, batch: Batch) -> None:
        self.counts += confident_counts(probs, batch.weight)
        if batch.trusted is not None:
            true = one_hot(batch.y, probs.shape[-1], probs.dtype)
            # The weights of a batch sum to about one; here rows are counted.
            weight = len(batch.y) * batch.weight * batch.trusted
            self.trusted_counts += true.T @ (weight.unsqueeze(-1) * probs)
