"""Forests: out-of-bag predictions know no label of the same group."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy._label_noise import forest as module
from sknoisy._label_noise.forest import fit_forest

N, K = 120, 3

both_kinds = pytest.mark.parametrize("random_splits", [False, True])


def problem(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 4)).astype(np.float32)
    return X, np.eye(K)[rng.integers(K, size=N)]


def forest(X, target, groups=None, weight=None, random_splits=False, **params):
    params = {"min_samples_leaf": 1, "max_rows": 10_000, "n_trees": 40, **params}
    return fit_forest(
        X,
        target,
        np.ones(len(X)) if weight is None else weight,
        np.arange(len(X)) if groups is None else groups,
        random_splits=random_splits,
        random_state=np.random.RandomState(0),
        **params,
    )


@both_kinds
@pytest.mark.parametrize(
    "groups", [np.arange(N), np.arange(N) // 4, np.minimum(np.arange(N), 40)],
    ids=["single rows", "fours", "one large group"],
)  # fmt: skip
def test_a_label_changes_no_out_of_bag_prediction_of_its_group(random_splits, groups):
    X, target = problem()
    before = forest(X, target, groups, random_splits=random_splits).oob
    for group in (0, groups.max()):
        inside = groups == group
        changed = target.copy()
        changed[inside] = np.roll(target[inside], 1, axis=1)
        after = forest(X, changed, groups, random_splits=random_splits).oob
        assert_array_equal(after[inside], before[inside])
        assert not np.array_equal(after[~inside], before[~inside])


@both_kinds
def test_copies_do_not_tell_their_random_labels(random_splits):
    # If copies were in and out of a bag, the forest would know nearly all labels.
    n_copies = 4
    X, target = problem()
    X, target = X.repeat(n_copies, axis=0), target.repeat(n_copies, axis=0)

    def accuracy(groups):
        oob = forest(X, target, groups, random_splits=random_splits).oob
        return np.mean(oob.argmax(axis=1) == target.argmax(axis=1))

    chance, deviation = 1 / K, np.sqrt(1 / K * (1 - 1 / K) / N)
    assert accuracy(np.arange(N).repeat(n_copies)) < chance + 3 * deviation
    assert accuracy(np.arange(n_copies * N)) > 0.9


def test_predictions_are_the_mean_of_the_trees():
    X, target = problem()
    fitted = forest(X, target, min_samples_leaf=5)
    expected = np.mean([tree.predict(X) for tree in fitted.trees], axis=0)
    assert len(fitted.trees) == 40
    assert_allclose(fitted.predict(X), expected, rtol=1e-12)
    assert_allclose(fitted.predict(X).sum(axis=1), 1)


def test_rows_without_weight_do_not_count():
    X, target = problem()
    weight = (np.arange(N) % 3 > 0).astype(float)
    changed = np.where(weight[:, None] > 0, target, np.roll(target, 1, axis=1))
    first, second = (forest(X, labels, weight=weight) for labels in (target, changed))
    assert_array_equal(first.predict(X), second.predict(X))


def test_bags_are_small_if_there_are_many_rows_or_classes(monkeypatch):
    X, target = problem()
    assert all(tree.tree_.n_node_samples[0] <= 30 for tree in forest(X, target, max_rows=30).trees)
    monkeypatch.setattr(module, "_MAX_TREE_VALUES", 2 * K * 10)
    assert all(tree.tree_.n_node_samples[0] <= 10 for tree in forest(X, target).trees)


def test_bags_without_a_weighted_row_are_whole():
    X, target = problem()
    weight = np.zeros(N)
    weight[:2] = 1
    fitted = forest(X, target, weight=weight, max_rows=5)
    assert np.isfinite(fitted.predict(X)).all()
    assert_allclose(fitted.predict(X).sum(axis=1), 1)


def test_threads_change_nothing():
    X, target = problem()
    first, second = (forest(X, target, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert_array_equal(first.oob, second.oob)
    assert_array_equal(first.predict(X), second.predict(X))


@both_kinds
def test_many_classes_are_split_by_projections(random_splits, monkeypatch):
    # Classes follow from a column, so that trees find them.
    X, _ = problem()
    codes = np.argsort(np.argsort(X[:, 0])) * 10 // N
    target = np.eye(10)[codes]
    monkeypatch.setattr(module, "_MAX_OUTPUTS", 9)
    params = {"min_samples_leaf": 3, "random_splits": random_splits, "n_trees": 15}
    fitted = forest(X, target, **params)
    assert fitted.trees[0].tree_.value.shape[1] == module._N_PROJECTIONS
    assert_allclose(fitted.predict(X).sum(axis=1), 1)
    monkeypatch.setattr(module, "_MAX_OUTPUTS", 10)
    exact = forest(X, target, **params)
    accuracies = [np.mean(f.oob.argmax(axis=1) == codes) for f in (fitted, exact)]
    assert accuracies[0] > accuracies[1] - 0.1


def test_leaves_of_projected_trees_have_weighted_means(monkeypatch):
    monkeypatch.setattr(module, "_MAX_OUTPUTS", K - 1)
    X, target = problem()
    weight = np.random.default_rng(0).random(N)
    tree = forest(X, target, min_samples_leaf=5, n_trees=1).trees[0]
    values = module._means_in_leaves(tree, X, target, weight)
    leaves = tree.tree_.apply(X)
    for leaf in np.unique(leaves):
        inside = leaves == leaf
        assert_allclose(values[leaf], np.average(target[inside], axis=0, weights=weight[inside]))


@both_kinds
@pytest.mark.parametrize("max_kept", [None, 2000, 20_000])
def test_kept_trees_have_few_numbers(random_splits, max_kept):
    X, target = problem()
    trees = forest(X, target, random_splits=random_splits, max_kept=max_kept).trees
    n_numbers = sum(tree.tree_.node_count * (K + 8) for tree in trees)
    assert n_numbers > 20_000 if max_kept is None else n_numbers <= max_kept
    dropped = forest(X, target, random_splits=random_splits, max_kept=2000, keep_trees=False)
    unlimited = forest(X, target, random_splits=random_splits)
    assert_array_equal(dropped.oob, unlimited.oob)
