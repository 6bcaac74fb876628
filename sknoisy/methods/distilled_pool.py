"""Distillation of an opinion pool: networks learn what forests and kernels make of the labels."""

from __future__ import annotations

from numbers import Integral
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy._label_noise.opinion_pool import (
    OpinionPool,
    Samples,
    fit_opinion_pool,
    true_class_posterior,
)
from sknoisy._label_noise.row_sample import sample_groups
from sknoisy.functional import counts_to_transition, cross_entropy
from sknoisy.methods._bags import draw_bags, in_bag
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import as_transition
from sknoisy.networks import Standardize

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["DistilledPool"]

# The networks average what the judges say, so fewer trees do.
_N_TREES = 50
# Networks judge after a third of the epochs, at most this number, on the given labels.
_JUDGING_EPOCHS = 10
# Forests and kernels see no larger images and no wider tables.
_MAX_PIXELS = 1024
_MAX_COLUMNS = 4096
_NO_COLUMNS = np.empty((0, 0), dtype=np.float32)
# Of more rows, forests and kernels are fitted to a part of about this size, and judge the others.
_MAX_FITTED = 50_000
# Numbers that the trees of a forest have, which are kept to judge others.
_MAX_KEPT = 2**21
# Rows whose columns are standardised together, in double precision, and rows judged together.
_CHUNK, _PART = 10_000, 2**12
# Rows that are compared to tell whether training continues on the same ones.
_N_COMPARED = 256


class DistilledPool(Method):
    """Networks trained on the posterior of an opinion pool.

    Forests and kernel ridge regression judge each sample out-of-bag, so that their opinion does not
    depend on its label. Their opinions are pooled, with exponents fitted to the given labels. The
    pooled opinion estimates the transition matrix and, with the given label, the probability that
    each class is the true one. A second round of judges is fitted to these soft targets. Networks
    are then trained on the posterior of both rounds: there is little left to memorise in it.

    The networks are judges, too: for the first third of the epochs, at most ten, each is trained on
    the given labels of its half of the samples, and judges the others. They are the only judges of
    images of more than 1024 values and of tables of more than 4096 columns. Of more than 50,000
    samples, forests and kernels are fitted to a random part of about this size, half of it drawn
    evenly over the classes, and judge the others, too. If no judge can tell more about the labels
    than how frequent they are, this is what is learned.

    It needs no noise rate. After training only networks are kept, which predict true classes.

    In :meth:`~sknoisy.NoisyLabelClassifier.partial_fit` and with ``warm_start``, the judges are
    fitted in the first call: begin with some hundred samples, of all classes. With fewer than three
    epochs in the first call, networks are judges only where there are no others, and then for ten
    epochs, without a correction before. Of other samples in
    later calls, or with other weights, the posterior is that of the networks' predictions, and the
    transition matrix is updated with it. Samples count as the same if 256 of them, and all labels,
    are equal.

    Cost: two times two forests of 50 trees, kernel ridge regression with 300 centres, and
    ``n_networks`` networks; ``2 * n_classes`` numbers per sample. Needs: nothing. Trusted samples
    improve the estimate of the transition matrix, and their posterior is their label.

    Parameters
    ----------
    n_networks : int, default=2
        Number of networks, at least 2. Predictions are their mean.
    transition_matrix : array-like of shape (n_classes, n_classes), "auto" or None, default="auto"
        Entry (i, j): the probability of given label j for true class i, in the order of
        ``classes_``. "auto": estimated out-of-bag, see
        :func:`~sknoisy.functional.confident_counts`, and from trusted samples if there are any.
        None: learn to predict the given labels.

    Attributes
    ----------
    bags : Tensor of bool of shape (n_networks, 1024) or (n_networks, 0)
        Mask of the networks that are trained on the given label of a row, as in
        :class:`~sknoisy.methods.Bagging`; without columns if networks are no judges.
    judging_epochs : Tensor of shape (n_judging_epochs,), int64
        The epochs in which networks are trained on the given labels, to judge.
    out_of_bag : Tensor of shape (n_samples, n_classes)
        Pooled out-of-bag probabilities of the given labels, of the first round.
    posterior : Tensor of shape (n_samples, n_classes)
        Probabilities of the true classes, on which the networks are trained.

    Raises
    ------
    ValueError
        In ``fit``, before the first epoch, if the transition matrix has another shape or a row that
        is not a distribution.

    References
    ----------
    Genest and Zidek, "Combining Probability Distributions: A Critique and an Annotated
    Bibliography", Statistical Science 1, 1986, logarithmic opinion pools. Hinton et al.,
    "Distilling the Knowledge in a Neural Network", 2015. Breiman, "Out-of-bag Estimation", 1996.
    The composition, and the second round on soft targets, are our own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="distilled_pool", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    n_networks = 2
    max_epochs = 30
    corrects_labels = True
    module_params = MappingProxyType({"dropout": 0.3, "bins": "auto"})
    bags: Tensor
    judging_epochs: Tensor
    counts: Tensor
    marks: Tensor
    row_marks: Tensor
    out_of_bag: Tensor
    posterior: Tensor
    _parameter_constraints = {
        "n_networks": [Interval(Integral, 2, None, closed="left")],
        "transition_matrix": [StrOptions({"auto"}), "array-like", None],
    }

    def __init__(self, n_networks: int = 2, transition_matrix: Any = "auto") -> None:
        self.n_networks = n_networks
        self.transition_matrix = transition_matrix

    @property
    def uses_trusted(self) -> bool:
        return self._estimates_transition

    def setup(self, net: NetworkView, y: Tensor) -> None:
        k, matrix = net.n_classes, self.transition_matrix
        is_given = matrix is not None and not self._estimates_transition
        counts = as_transition(matrix, k) if is_given else torch.eye(k)
        self.register_buffer("counts", counts.to(net.dtype).to(y.device))
        unknown = torch.full((len(y), k), torch.nan, dtype=net.dtype, device=y.device)
        self.register_buffer("out_of_bag", unknown)
        self.register_buffer("posterior", unknown.clone())
        # What tells the samples that were judged from others.
        self.register_buffer("marks", torch.full_like(unknown[:, 0], torch.nan))
        self.register_buffer("row_marks", torch.full_like(_marks_of_rows(net), torch.nan))
        n_groups = None if net.groups is None else int(net.groups.max()) + 1
        n_judging_epochs = _n_judging_epochs(net, self.n_networks, n_groups)
        self.register_buffer("judging_epochs", torch.arange(n_judging_epochs, device=y.device))
        bags = torch.ones(self.n_networks, 0, dtype=torch.bool)
        if n_judging_epochs:
            bags = draw_bags(self.n_networks, self.n_networks // 2, n_groups)
        self.register_buffer("bags", bags.to(y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self._trains_judges(evaluation.epoch):
            if evaluation.epoch > 0:
                self._judge_with_networks(net, evaluation)
            return
        marks, row_marks = _marks_of_labels(net, evaluation), _marks_of_rows(net)
        if torch.equal(marks, self.marks) and torch.equal(row_marks, self.row_marks):
            return
        if self._has_judged:
            self._ask_networks(net, evaluation)
        else:
            self._ask_judges(net, evaluation)
        self.marks, self.row_marks = marks, row_marks

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        if self._trains_judges(batch.epoch):
            return batch
        return batch.replace(target=batch.smooth(self.posterior[batch.index]))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor | None:
        return self.bag_weights(batch) if self._trains_judges(batch.epoch) else None

    def bag_weights(self, batch: Batch) -> Tensor | None:
        if not self.n_preparing_epochs:
            return None
        return in_bag(self.bags, batch.group_or_row).to(batch.weight.dtype)

    @property
    def n_preparing_epochs(self) -> int:
        return len(self.judging_epochs)

    @property
    def transition(self) -> Tensor | None:
        """Transition matrix, of shape (n_classes, n_classes); the identity before the estimate."""
        return None if self.transition_matrix is None else counts_to_transition(self.counts)

    @property
    def oob_predictions(self) -> tuple[Tensor, Tensor | None]:
        return self.out_of_bag, self.transition

    @property
    def _estimates_transition(self) -> bool:
        return isinstance(self.transition_matrix, str)

    @property
    def _has_judged(self) -> bool:
        return not self.row_marks.isnan().all()

    def _trains_judges(self, epoch: int) -> bool:
        return epoch < self.n_preparing_epochs

    def _ask_judges(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Fit the judges; set out-of-bag probabilities of given labels, and the posterior."""
        if self.n_preparing_epochs:
            self._judge_with_networks(net, evaluation)
        rng = np.random.RandomState(int(torch.randint(2**31 - 1, ())))
        judged, factor = _judged_part(evaluation, rng)
        is_all = len(judged.index) == len(evaluation.index)
        x, columns = _NO_COLUMNS, None
        if _can_see(net):
            rows = net.rows(judged.index).flatten(1)
            columns = _fitted_columns(rows, judged.weight)
            x = _in_units(columns, rows)
            del rows
        pool = fit_opinion_pool(
            _samples(judged, x, factor),
            rng,
            self._opinions_of(judged),
            None if self._estimates_transition else self._matrix,
            columns is not None,
            n_trees=_N_TREES,
            predicts=not is_all,
            max_kept=_MAX_KEPT,
        )
        del x
        self._clear(net, "posterior")
        total = pool.posterior.sum(axis=0)
        if not is_all:
            total = self._judge_all(net, evaluation, pool, columns)
        self._set(judged, pool.given, pool.posterior)
        self._count(total[:, None] * pool.transition)

    def _judge_all(
        self,
        net: NetworkView,
        evaluation: EvaluationPass,
        pool: OpinionPool,
        columns: Standardize | None,
    ) -> np.ndarray:
        """Set what a pool predicts for all samples; return how many it expects of each class."""
        total = np.zeros(net.n_classes)
        for part in evaluation.parts(_PART):
            x = _NO_COLUMNS
            if columns is not None:
                x = _in_units(columns, net.rows(part.index).flatten(1))
            labels, trusted = _labels(part), _trusted(part)
            given, posterior = pool.judge(x, labels, self._opinions_of(part), trusted)
            self._set(part, given, posterior)
            total += posterior.sum(axis=0)
        return total

    def _judge_with_networks(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Set the mean prediction of the networks that were not trained on the row."""
        self._clear(net, "out_of_bag")
        for part in evaluation.parts(_PART):
            groups = part.index if part.groups is None else part.groups
            is_out = (~in_bag(self.bags, groups)).to(part.logits.dtype).unsqueeze(-1)
            mean = (part.probabilities * is_out).sum(dim=0) / is_out.sum(dim=0)
            # Trees of the second round must not depend on how sums were rounded in double
            # precision.
            self.out_of_bag[part.index] = mean.float().to(self.out_of_bag)

    def _opinions_of(self, evaluation: EvaluationPass) -> list[np.ndarray]:
        """Return what the networks predicted for some rows, if they were asked."""
        if not self.n_preparing_epochs:
            return []
        return [self.out_of_bag[evaluation.index].cpu().double().numpy()]

    def _ask_networks(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        """Do the same with the networks' predictions, of samples that they were not trained on."""
        matrix, counts = self._matrix, np.zeros((net.n_classes, net.n_classes))
        self._clear(net, "out_of_bag", "posterior")
        for part in evaluation.parts(_PART):
            true = self.log_proba(part.logits).exp().cpu().double().numpy()
            labels = _labels(part)
            posterior = true_class_posterior(true, labels, matrix, _trusted(part))
            self._set(part, true @ matrix, posterior)
            counts += posterior.T @ labels
        self._count(counts)

    def _clear(self, net: NetworkView, *names: str) -> None:
        """Forget what tables have of earlier rows."""
        for name in names:
            table = getattr(self, name)
            if len(table) != net.n_rows:
                table = table.new_empty(net.n_rows, net.n_classes)
            setattr(self, name, table.fill_(torch.nan))

    def _set(self, evaluation: EvaluationPass, given: np.ndarray, posterior: np.ndarray) -> None:
        self.out_of_bag[evaluation.index] = torch.from_numpy(given).to(self.out_of_bag)
        self.posterior[evaluation.index] = torch.from_numpy(posterior).to(self.posterior)

    @property
    def _matrix(self) -> np.ndarray:
        return counts_to_transition(self.counts.cpu().double()).numpy()

    def _count(self, counts: np.ndarray) -> None:
        """Add counts of given labels, one row per true class, to those of earlier calls."""
        if self._estimates_transition:
            earlier = self.counts if self._has_judged else torch.zeros_like(self.counts)
            self.counts = earlier + torch.from_numpy(counts).to(earlier)


def _can_see(net: NetworkView) -> bool:
    """Tell whether forests and kernels are to see the samples."""
    shape = net.rows(torch.arange(1)).shape[1:]
    most = _MAX_COLUMNS if len(shape) == 1 else _MAX_PIXELS
    return shape.numel() <= most


def _labels(evaluation: EvaluationPass) -> np.ndarray:
    return evaluation.target.cpu().double().numpy()


def _group_numbers(evaluation: EvaluationPass) -> np.ndarray:
    """Return the numbers of the groups, from 0."""
    groups = evaluation.index if evaluation.groups is None else evaluation.groups
    return groups.unique(return_inverse=True)[1].cpu().numpy()


def _trusted(evaluation: EvaluationPass) -> np.ndarray | None:
    trusted = evaluation.trusted
    return None if trusted is None or not trusted.any() else trusted.cpu().numpy()


def _n_judging_epochs(net: NetworkView, n_networks: int, n_groups: int | None) -> int:
    n_epochs = min(net.n_epochs // 3, _JUDGING_EPOCHS)
    if _can_see(net):
        # Forests and kernels judge also the samples of one group.
        return n_epochs if n_groups is None or n_groups > n_networks else 0
    # There are no other judges, and later calls may train for more epochs.
    return n_epochs or _JUDGING_EPOCHS


def _judged_part(
    evaluation: EvaluationPass, random_state: np.random.RandomState
) -> tuple[EvaluationPass, np.ndarray | float]:
    """Return the samples that forests and kernels are fitted to, and factors of their weights."""
    if len(evaluation.index) <= _MAX_FITTED:
        return evaluation, 1.0
    codes, groups = evaluation.y.cpu().numpy(), _group_numbers(evaluation)
    trusted = _trusted(evaluation)
    positions, factor = sample_groups(codes, groups, _MAX_FITTED, random_state, trusted)
    return evaluation.at(torch.from_numpy(positions).to(evaluation.index.device)), factor


def _samples(evaluation: EvaluationPass, x: np.ndarray, factor: np.ndarray | float) -> Samples:
    """Return samples as the judges take them, in NumPy."""
    weight = evaluation.weight * torch.as_tensor(factor).to(evaluation.weight)
    return Samples(
        x,
        _labels(evaluation),
        # Trees must not depend on how the ratios of the weights were rounded.
        (weight / weight.mean()).float().cpu().double().numpy(),
        _group_numbers(evaluation),
        _trusted(evaluation),
    )


def _fitted_columns(x: Tensor, weight: Tensor) -> Standardize:
    columns = Standardize(x.shape[1]).to(x)
    columns.adapt(zip(x.split(_CHUNK), weight.to(x).split(_CHUNK), strict=True))
    return columns


def _in_units(columns: Standardize, x: Tensor) -> np.ndarray:
    """Standardise columns; rows in single precision are overwritten, as more take much memory."""
    parts = x.split(_CHUNK)
    if x.dtype == torch.float32 and x.device.type == "cpu":
        for part in parts:
            part.copy_(columns(part))
        return x.numpy()
    return torch.cat([columns(part).float().cpu() for part in parts]).numpy()


def _marks_of_labels(net: NetworkView, evaluation: EvaluationPass) -> Tensor:
    """Return a number for each row that depends on its label, weight and whether it is trusted."""
    factors = torch.cos(torch.arange(net.n_classes, device=evaluation.y.device)).to(net.dtype)
    labels = torch.cat([part.target @ factors for part in evaluation.parts(_PART)])
    marks = labels + evaluation.weight
    if evaluation.trusted is not None:
        marks = marks + torch.pi * evaluation.trusted
    return torch.zeros(net.n_rows).to(marks).index_copy(0, evaluation.index, marks)


def _marks_of_rows(net: NetworkView) -> Tensor:
    """Return a number for some rows, or zeros if they differ each time, as augmented rows do."""
    index = torch.linspace(0, net.n_rows - 1, min(net.n_rows, _N_COMPARED)).long()
    x, again = (net.rows(index).flatten(1).to(net.dtype) for _ in range(2))
    marks = x @ torch.cos(torch.arange(x.shape[1], device=x.device)).to(x)
    return torch.where((x == again).all(), marks, 0)
