"""A forest for soft labels whose out-of-bag predictions know no label of the same group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

__all__ = ["Forest", "fit_forest"]

# Most values of the target of a bag, and of a tree's nodes: forests of many classes must not take
# longer than networks, nor all of the memory.
_MAX_VALUES = 2_000_000


@dataclass(frozen=True)
class Forest:
    """A fitted forest.

    Attributes
    ----------
    trees : list of DecisionTreeRegressor
    oob : ndarray of shape (n_samples, n_classes)
        Predictions of the trees whose bags lack the group of the sample; NaN if there are none.
    """

    trees: list[DecisionTreeRegressor]
    oob: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict class probabilities, (n_samples, n_classes), for float32 rows."""
        total = np.zeros((len(X), self.oob.shape[1]))
        for tree in self.trees:
            total += _values(tree, X)
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

    Returns
    -------
    Forest

    References
    ----------
    Breiman, "Random Forests", Machine Learning 45, 2001; Geurts et al., "Extremely Randomized
    Trees", Machine Learning 63, 2006.
    """
    n_groups, k = int(groups.max()) + 1, target.shape[1]
    max_rows = max(2, min(max_rows, _MAX_VALUES // k, _MAX_VALUES * min_samples_leaf // (2 * k)))
    n_drawn = max(1, round(n_groups * min(1.0, max_rows / len(X))))
    kind = ExtraTreeRegressor if random_splits else DecisionTreeRegressor
    seeds = random_state.randint(np.iinfo(np.int32).max, size=n_trees)
    target = np.ascontiguousarray(target, dtype=np.float64)

    def grow(seed: int) -> tuple[DecisionTreeRegressor, np.ndarray, np.ndarray]:
        rng = np.random.RandomState(seed)
        drawn = np.bincount(rng.randint(n_groups, size=n_drawn), minlength=n_groups)[groups]
        if not (drawn * weight).any():
            # All groups with a weight are missing, so the bag has every group once.
            drawn = np.ones_like(drawn)
        inside = np.flatnonzero(drawn)
        tree = kind(
            min_samples_leaf=min_samples_leaf, max_features="sqrt", random_state=rng.randint(2**31)
        )
        tree.fit(X[inside], target[inside], (weight * drawn)[inside], check_input=False)
        outside = np.flatnonzero(drawn == 0)
        return tree, outside, _values(tree, X[outside])

    total, count = np.zeros((len(X), k)), np.zeros(len(X))
    trees = []
    grown = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        delayed(grow)(seed) for seed in seeds
    )
    for tree, outside, values in grown:
        trees.append(tree)
        total[outside] += values
        count[outside] += 1
    with np.errstate(invalid="ignore"):
        return Forest(trees, total / count[:, None])


def _values(tree: DecisionTreeRegressor, X: np.ndarray) -> np.ndarray:
    """Predict (n_samples, n_classes) without scikit-learn's checks of the input."""
    values = tree.tree_.value[:, :, 0]
    return values[tree.tree_.apply(X)]
