"""A forest for soft labels whose out-of-bag predictions know no label of the same group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

__all__ = ["Forest", "fit_forest"]

# Most values of a tree's leaves and inner nodes, so that forests of many classes fit into memory.
_MAX_TREE_VALUES = 2_000_000
# Numbers of 64 bits in a node of a tree, beside its values.
_NODE_NUMBERS = 8
# The cost of a split grows with the number of outputs. Of more classes, trees split by this number
# of random projections, which keep the distances of distributions.
_MAX_OUTPUTS, _N_PROJECTIONS = 64, 32
_CHUNK = 2**14


@dataclass(frozen=True)
class Forest:
    """A fitted forest.

    Attributes
    ----------
    trees : list of DecisionTreeRegressor
    values : list of ndarray of shape (n_nodes, n_classes)
        Predictions at the leaves of each tree, if they are not those of the tree itself.
    oob : ndarray of shape (n_samples, n_classes)
        Predictions of the trees whose bags lack the group of the sample; NaN if there are none.
    """

    trees: list[DecisionTreeRegressor]
    values: list[np.ndarray]
    oob: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict class probabilities, (n_samples, n_classes), for float32 rows."""
        total = np.zeros((len(X), self.oob.shape[1]))
        for tree, values in zip_longest(self.trees, self.values):
            total += _predicted(tree, values, X)
        return total / len(self.trees)


def fit_forest(
    X: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray,
    *,
    random_splits: bool,
    min_samples_leaf: int,
    random_state: np.random.RandomState,
    max_rows: int,
    n_trees: int = 100,
    n_jobs: int | None = None,
    keep_trees: bool = True,
    max_kept: int | None = None,
) -> Forest:
    """Fit a forest of regression trees to soft labels.

    A regression tree on distributions minimises the Gini impurity of their mean, as a
    classification tree does on classes. Bags are bootstrap samples of groups.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns), float32
    target : ndarray of shape (n_samples, n_classes)
        Rows are distributions.
    weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,), int
        Numbers of groups, from 0.
    random_splits : bool
        Whether thresholds are random, as in extremely randomised trees.
    min_samples_leaf : int
    random_state : RandomState
    max_rows : int
        Most samples of a bag, about.
    n_trees : int, default=100
    n_jobs : int or None, default=None
        Threads of joblib.
    keep_trees : bool, default=True
        False: the forest has its out-of-bag predictions only. Trees with small leaves take hundreds
        of megabytes.
    max_kept : int or None, default=None
        Most numbers that kept trees have in all, about; leaves are as large as it takes. None: any
        number.

    Returns
    -------
    Forest

    References
    ----------
    Breiman, "Random Forests", Machine Learning 45, 2001; Geurts et al., "Extremely Randomized
    Trees", Machine Learning 63, 2006. Joly et al., "Random Forests with Random Projections of the
    Output Space for High Dimensional Multi-label Classification", ECML PKDD 2014, many classes.
    """
    n_groups, k = int(groups.max()) + 1, target.shape[1]
    max_rows = max(2, min(max_rows, _MAX_TREE_VALUES * min_samples_leaf // (2 * k)))
    n_drawn = max(1, round(n_groups * min(1.0, max_rows / len(X))))
    if keep_trees and max_kept is not None:
        # A node has the means of the classes, and what it takes to find its children.
        n_numbers = 2 * n_trees * (k + _NODE_NUMBERS) * n_drawn * len(X) // n_groups
        min_samples_leaf = max(min_samples_leaf, -(-n_numbers // max_kept))
    kind = ExtraTreeRegressor if random_splits else DecisionTreeRegressor
    params = {"min_samples_leaf": min_samples_leaf, "max_features": "sqrt"}
    seeds = random_state.randint(np.iinfo(np.int32).max, size=n_trees)
    target = np.ascontiguousarray(target, dtype=np.float64)

    total, count = np.zeros((len(X), k)), np.zeros(len(X))
    trees, values_of_trees = [], []
    grown = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        delayed(_grow)(kind(**params), X, target, weight, groups, n_drawn, seed) for seed in seeds
    )
    for tree, values, outside, predicted in grown:
        if keep_trees:
            trees.append(tree)
            values_of_trees += [] if values is None else [values]
        total[outside] += predicted
        count[outside] += 1
    with np.errstate(invalid="ignore"):
        return Forest(trees, values_of_trees, total / count[:, None])


def _grow(
    tree: DecisionTreeRegressor,
    X: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    groups: np.ndarray,
    n_drawn: int,
    seed: int,
) -> tuple[DecisionTreeRegressor, np.ndarray | None, np.ndarray, np.ndarray]:
    """Fit a tree to a bag of groups.

    Returns
    -------
    The tree, values if they are not its own, the rows outside of the bag, and their predictions.
    """
    rng, n_groups, k = np.random.RandomState(seed), int(groups.max()) + 1, target.shape[1]
    drawn = np.bincount(rng.randint(n_groups, size=n_drawn), minlength=n_groups)[groups]
    if not (drawn * weight).any():
        # All groups with a weight are missing, so the bag has every group once.
        drawn = np.ones_like(drawn)
    inside, outside = np.flatnonzero(drawn), np.flatnonzero(drawn == 0)
    tree.set_params(random_state=rng.randint(2**31))
    outputs, values, weights = target[inside], None, (weight * drawn)[inside]
    if k > _MAX_OUTPUTS:
        outputs = outputs @ rng.normal(size=(k, _N_PROJECTIONS))
    tree.fit(X[inside], outputs, weights, check_input=False)
    if k > _MAX_OUTPUTS:
        values = _means_in_leaves(tree, X[inside], target[inside], weights)
    # A copy of all rows outside of a small bag would take as much memory as the table.
    predicted = np.empty((len(outside), k))
    for start in range(0, len(outside), _CHUNK):
        part = slice(start, start + _CHUNK)
        predicted[part] = _predicted(tree, values, X[outside[part]])
    return tree, values, outside, predicted


def _predicted(tree: DecisionTreeRegressor, values: np.ndarray | None, X: np.ndarray) -> np.ndarray:
    """Predict (n_samples, n_classes) without scikit-learn's checks of the input."""
    values = tree.tree_.value[:, :, 0] if values is None else values
    return values[tree.tree_.apply(X)]


def _means_in_leaves(
    tree: DecisionTreeRegressor, X: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Average the targets in each leaf, (n_nodes, n_classes); zeros in other nodes."""
    leaves = tree.tree_.apply(X)
    shape = tree.tree_.node_count, len(X)
    sums = sp.csr_array((weight, (leaves, np.arange(len(X)))), shape=shape) @ target
    totals = np.bincount(leaves, weight, minlength=len(sums))
    return sums / np.maximum(totals, 1e-300)[:, None]
