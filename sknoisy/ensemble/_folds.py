"""Folds for out-of-fold predictions: stratified, of whole groups, and never too many."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import check_cv

from sknoisy._data.dataset import sizes_and_classes
from sknoisy._training.training_set import TrainingSet

__all__ = ["splits_of", "stratified_folds"]

Splits = list[tuple[np.ndarray, np.ndarray]]


def stratified_folds(
    codes: np.ndarray, groups: np.ndarray, n_folds: int, random_state: np.random.RandomState
) -> Splits:
    """Make folds of whole groups, in which classes are as frequent as in all samples.

    Groups of each class are dealt out in turn, large ones first. So classes with fewer samples than
    folds are no error, as they are for scikit-learn's splitters.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    groups : ndarray of shape (n_samples,), int
        Numbers of groups, from 0.
    n_folds : int
    random_state : RandomState

    Returns
    -------
    list of (train, test)
        Positions of samples; at most as many folds as groups, and none if there is one group only.
    """
    sizes, majority = sizes_and_classes(codes, groups)
    order = np.lexsort((random_state.permutation(len(sizes)), -sizes, majority))
    fold = np.empty(len(sizes), dtype=np.int64)
    n_folds = min(n_folds, len(sizes))
    fold[order] = np.arange(len(sizes)) % n_folds
    tested = fold[groups]
    numbers = range(n_folds if n_folds > 1 else 0)
    return [(np.flatnonzero(tested != i), np.flatnonzero(tested == i)) for i in numbers]


def splits_of(cv: Any, data: TrainingSet, used: np.ndarray) -> Splits:
    """Split a training set with a splitter of scikit-learn, or take given splits.

    Parameters
    ----------
    cv : cross-validation generator or iterable
    data : TrainingSet
    used : ndarray of bool of shape (n_samples,)
        Mask of the samples of positive weight.

    Returns
    -------
    list of (train, test)
        Positions among the used samples.
    """
    labels = data.labels
    splitter = check_cv(cv, labels.codes, classifier=True)
    position = np.cumsum(used) - 1
    parts = [
        [position[index[used[index]]] for index in map(_as_positions, split)]
        for split in splitter.split(data.X, labels.codes, data.groups)
    ]
    return [(train, test) for train, test in parts if len(train) and len(test)]


def _as_positions(index: Any) -> np.ndarray:
    index = np.asarray(index)
    return np.flatnonzero(index) if index.dtype == bool else index
