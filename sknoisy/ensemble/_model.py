"""A fitted pool with its members, and what it thinks of its training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from sknoisy._label_noise.opinion_pool import (
    OpinionPool,
    Samples,
    fit_opinion_pool,
    true_class_posterior,
)
from sknoisy._training.training_set import TrainingSet
from sknoisy._validation.groups import number_groups
from sknoisy.ensemble._columns import StandardColumns, as_dense
from sknoisy.ensemble._folds import splits_of, stratified_folds
from sknoisy.ensemble._members import GivenLabels, Member, fit_members

__all__ = ["Judgement", "PoolModel", "fit_model"]


class Judgement(NamedTuple):
    """Probabilities for training samples, (n_samples, n_classes) each.

    Attributes
    ----------
    given : ndarray
        Of the given labels, without knowing them.
    true : ndarray
        Of the true classes, without knowing the labels.
    posterior : ndarray
        Of the true classes, knowing the labels.
    """

    given: np.ndarray
    true: np.ndarray
    posterior: np.ndarray


@dataclass(frozen=True)
class PoolModel:
    """A fitted pool that predicts samples of any shape.

    Attributes
    ----------
    columns : StandardColumns
    members : list of Member
    pool : OpinionPool
        Without the predictions for training samples.
    """

    columns: StandardColumns
    members: list[Member]
    pool: OpinionPool

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities of the true classes, (n_samples, n_classes)."""
        return self.pool.predict(self.columns(X), self._opinions(X))

    def judge(self, X: np.ndarray, labels: np.ndarray, trusted: np.ndarray | None) -> Judgement:
        """Judge samples that the pool was not fitted to, with labels (n_samples, n_classes)."""
        opinions, table = self._opinions(X), self.columns(X)
        given, true = self.pool.first.predict(table, opinions), self.pool.predict(table, opinions)
        posterior = true_class_posterior(true, labels, self.pool.transition, trusted)
        return Judgement(given, true, posterior)

    def _opinions(self, X: np.ndarray) -> list[np.ndarray]:
        return [member.predict(X) for member in self.members]


def fit_model(
    estimators: Sequence[tuple[str, Any]],
    data: TrainingSet,
    matrix: np.ndarray | None,
    built_in: bool,
    cv: Any,
    random_state: np.random.RandomState,
    n_jobs: int | None,
) -> tuple[PoolModel, Judgement]:
    """Fit classifiers and a pool to the samples of positive weight, and judge all samples.

    Parameters
    ----------
    estimators : sequence of (str, classifier)
    data : TrainingSet
    matrix : ndarray of shape (n_classes, n_classes) or None
        Transition matrix; None: estimated.
    built_in : bool
    cv : int, cross-validation generator, iterable or None
    random_state : RandomState
    n_jobs : int or None

    Returns
    -------
    PoolModel, Judgement
    """
    X, used, labels = as_dense(data.X), data.weight > 0, data.labels
    distributions = (
        np.eye(len(labels.classes))[labels.codes] if labels.soft is None else labels.soft
    )
    trusted = None if data.trusted is None else data.trusted[used]
    if trusted is not None and not trusted.any():
        raise ValueError("All trusted samples have a weight of zero.")
    given = _given_labels(data, used)
    if cv is None or isinstance(cv, Integral):
        splits = stratified_folds(
            given.codes, given.groups, 5 if cv is None else int(cv), random_state
        )
    else:
        splits = splits_of(cv, data, used)
    members, opinions = fit_members(estimators, X[used], given, splits, random_state, n_jobs)
    columns = StandardColumns(X[used], given.weight)
    samples = Samples(columns(X[used]), distributions[used], given.weight, given.groups, trusted)
    pool = fit_opinion_pool(samples, random_state, opinions, matrix, built_in, n_jobs=n_jobs)
    judged = Judgement(pool.given, pool.true, pool.posterior)
    none = np.empty((0, len(labels.classes)))
    model = PoolModel(columns, members, replace(pool, given=none, true=none, posterior=none))
    if not used.all():
        is_clean = None if data.trusted is None else data.trusted[~used]
        left_out = model.judge(X[~used], distributions[~used], is_clean)
        judged = Judgement(*(_merged(used, *parts) for parts in zip(judged, left_out, strict=True)))
    return model, judged


def _given_labels(data: TrainingSet, used: np.ndarray) -> GivenLabels:
    labels = data.labels
    n_used = np.count_nonzero(used)
    groups = None if data.groups is None else number_groups(data.groups[used])
    return GivenLabels(
        labels.codes[used],
        None if labels.soft is None else labels.soft[used],
        data.weight[used],
        np.broadcast_to(labels.decidedness(), used.shape)[used],
        np.arange(n_used) if groups is None else groups,
        len(labels.classes),
    )


def _merged(used: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    merged = np.empty((len(used), inside.shape[1]))
    merged[used], merged[~used] = inside, outside
    return merged
