"""Classifiers of a pool, and their predictions for samples of which they know no label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.ensemble._networks import given_label_proba, out_of_bag_proba

__all__ = ["GivenLabels", "Member", "fit_members"]


class GivenLabels(NamedTuple):
    """Labels of a training set, as classifiers of any library can learn them.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels; the most likely ones of soft labels.
    soft : ndarray of shape (n_samples, n_classes) or None
        Soft labels, for a NoisyLabelClassifier.
    weight : ndarray of shape (n_samples,)
        Positive. Soft labels count by how decided they are.
    decidedness : ndarray of shape (n_samples,)
        How decided they are: a NoisyLabelClassifier multiplies weights with it once more.
    groups : ndarray of shape (n_samples,), int
        Numbered by first appearance.
    n_classes : int
    """

    codes: np.ndarray
    soft: np.ndarray | None
    weight: np.ndarray
    decidedness: np.ndarray
    groups: np.ndarray
    n_classes: int


@dataclass(frozen=True)
class Member:
    """A fitted classifier with opinions about given labels.

    Attributes
    ----------
    estimator : classifier or None
        None: there was one class to learn only.
    codes : ndarray of shape (n_learned_classes,)
        Encoded labels of the classes that it learned.
    n_classes : int
    """

    estimator: Any
    codes: np.ndarray
    n_classes: int

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities of the given labels, (n_samples, n_classes); NaN if unknown."""
        if self.estimator is None:
            return np.full((len(X), self.n_classes), np.nan)
        if isinstance(self.estimator, NoisyLabelClassifier):
            return self.spread(given_label_proba(self.estimator, X))
        return self.spread(self.estimator.predict_proba(X))

    def spread(self, proba: np.ndarray) -> np.ndarray:
        """Give probabilities of the learned classes their columns among those of all classes."""
        spread = np.zeros((len(proba), self.n_classes))
        spread[:, self.codes[self.estimator.classes_]] = proba
        return spread


def fit_members(
    estimators: Sequence[tuple[str, Any]],
    X: np.ndarray,
    labels: GivenLabels,
    splits: Sequence[tuple[np.ndarray, np.ndarray]],
    random_state: np.random.RandomState,
    n_jobs: int | None = None,
) -> tuple[list[Member], list[np.ndarray]]:
    """Fit classifiers to noisy labels, and predict samples without knowing their labels.

    Out-of-bag predictions are used where a classifier has some that know no label of the same
    group, otherwise classifiers are fitted again for out-of-fold predictions.

    Parameters
    ----------
    estimators : sequence of (str, classifier)
        They are cloned, and get a random state where they have none.
    X : ndarray of shape (n_samples, ...)
    labels : GivenLabels
    splits : sequence of (train, test)
        Positions of samples.
    random_state : RandomState
    n_jobs : int or None, default=None

    Returns
    -------
    members : list of Member
    opinions : list of ndarray of shape (n_samples, n_classes)
        NaN for samples without an opinion.
    """
    seeded = [(name, _seeded(estimator, random_state)) for name, estimator in estimators]
    parallel, fit = Parallel(n_jobs=n_jobs), delayed(_fit)
    everything = np.arange(len(X))
    members = list(parallel(fit(name, clf, X, labels, everything) for name, clf in seeded))
    with_own = [_own_opinion(member, X, labels.groups) for member in members]
    refitted = iter(
        parallel(
            fit(*seeded[i], X, labels, rows)
            for i, opinion in enumerate(with_own)
            if opinion is None
            for rows, _ in splits
        )
    )
    opinions = []
    for opinion in with_own:
        if opinion is None:
            opinion = np.full((len(X), labels.n_classes), np.nan)
            for _, left_out in splits:
                opinion[left_out] = next(refitted).predict(X[left_out])
        opinions.append(opinion)
    return members, opinions


def _seeded(estimator: Any, random_state: np.random.RandomState) -> Any:
    """Clone a classifier and set random states that are None, also those of its parts."""
    estimator = clone(estimator)
    params = sorted(estimator.get_params(deep=True).items(), key=lambda item: item[0])
    names = [
        name
        for name, value in params
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    ]
    seeds = {name: random_state.randint(np.iinfo(np.int32).max) for name in names}
    return estimator.set_params(**seeds)


def _fit(name: str, estimator: Any, X: np.ndarray, labels: GivenLabels, rows: np.ndarray) -> Member:
    """Fit a clone to some rows, whose labels are encoded again in case a class is missing."""
    codes, y = np.unique(labels.codes[rows], return_inverse=True)
    weight = labels.weight[rows]
    if isinstance(estimator, NoisyLabelClassifier):
        if labels.soft is not None:
            codes, y = np.arange(labels.n_classes), labels.soft[rows]
            weight = weight / labels.decidedness[rows]
        params = {"sample_weight": weight, "groups": labels.groups[rows]}
    else:
        params = {} if (weight == 1).all() else {_weight_name(name, estimator): weight}
    if len(codes) < 2:
        return Member(None, codes, labels.n_classes)
    return Member(clone(estimator).fit(X[rows], y, **params), codes, labels.n_classes)


def _weight_name(name: str, estimator: Any) -> str:
    """Return the argument of ``fit`` that takes sample weights."""
    steps, last = [], estimator
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        steps.append(step)
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"The estimator {name!r} must support 'sample_weight', because samples have different "
            "weights: sample weights, class weights, or soft labels that are more or less decided. "
            f"Got {type(last).__name__}, whose fit does not take them."
        )
    return "__".join([*steps, "sample_weight"])


def _own_opinion(member: Member, X: np.ndarray, groups: np.ndarray) -> np.ndarray | None:
    """Return out-of-bag predictions that a classifier has itself, or None."""
    clf = member.estimator
    if clf is None:
        return member.predict(X)
    if isinstance(clf, NoisyLabelClassifier):
        proba = out_of_bag_proba(clf, X, groups)
    else:
        # Bags of other libraries contain copies and other samples of the same group.
        has_groups = int(groups.max()) + 1 < len(groups)
        proba = None if has_groups else getattr(clf, "oob_decision_function_", None)
    if proba is None or np.shape(proba) != (len(X), len(clf.classes_)):
        return None
    # Where no tree left the sample out, forests have zeros or NaN.
    is_known = proba.sum(axis=1, keepdims=True) > 0
    return np.where(is_known, member.spread(proba), np.nan)
