"""Nearest neighbours against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from sknoisy.functional import (
    knn_label_distribution,
    nearest_neighbors,
    self_and_nearest_neighbors,
)

rng = np.random.default_rng(0)


@pytest.mark.parametrize("chunk_size", [7, 4096])
def test_nearest_neighbors_agree_with_scikit_learn(chunk_size):
    base, queries = rng.normal(size=(200, 12)), rng.normal(size=(30, 12))
    _, expected = NearestNeighbors(n_neighbors=5).fit(base).kneighbors(queries)
    positions = nearest_neighbors(torch.tensor(queries), torch.tensor(base), 5, chunk_size)
    np.testing.assert_array_equal(positions, expected)


def test_label_of_a_row_has_no_influence_on_its_result():
    features, target = rng.normal(size=(60, 4)), np.eye(3)[rng.integers(0, 3, 60)]
    distribution = knn_label_distribution(torch.tensor(features), torch.tensor(target), k=7).numpy()
    z = features - features.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    neighbors = NearestNeighbors(n_neighbors=7).fit(z).kneighbors(return_distance=False)
    np.testing.assert_allclose(distribution, target[neighbors].mean(axis=1))
    changed = target.copy()
    changed[5] = np.roll(target[5], 1)
    again = knn_label_distribution(torch.tensor(features), torch.tensor(changed), k=7).numpy()
    np.testing.assert_array_equal(again[5], distribution[5])


@pytest.mark.parametrize("k", [1, 3, 50])
def test_equal_rows_exclude_themselves(k):
    target = torch.eye(2)[torch.tensor([0, 1, 0, 1, 0])]
    distribution = knn_label_distribution(torch.ones(5, 3), target, k)
    torch.testing.assert_close(distribution.sum(dim=1), torch.ones(5))
    if k >= 4:
        torch.testing.assert_close(distribution, (target.sum(dim=0) - target) / 4)


def test_row_and_its_neighbours_are_those_of_scikit_learn():
    X = rng.normal(size=(30, 3))
    expected = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(X, return_distance=False)
    np.testing.assert_array_equal(self_and_nearest_neighbors(torch.tensor(X), 4), expected)


def test_row_itself_comes_first_also_where_all_rows_are_equal():
    result = self_and_nearest_neighbors(torch.zeros(9, 2), 3)
    assert result[:, 0].tolist() == list(range(9))
    assert all(len(set(row)) == 4 for row in result.tolist())


def test_more_neighbours_than_other_rows_gives_all_of_them():
    assert self_and_nearest_neighbors(torch.zeros(3, 2), 20).shape == (3, 3)


GROUPS = torch.arange(60) % 12


def test_neighbours_of_the_own_group_come_last():
    X = rng.normal(size=(60, 4))
    neighbors = self_and_nearest_neighbors(torch.tensor(X), 5, GROUPS)
    for row in range(60):
        others = np.flatnonzero(GROUPS.numpy() != row % 12)
        nearest = others[np.argsort(np.linalg.norm(X[others] - X[row], axis=1))[:5]]
        np.testing.assert_array_equal(neighbors[row], [row, *nearest])
    few = nearest_neighbors(torch.tensor(X[:1]), torch.tensor(X), 60, 7, (GROUPS[:1], GROUPS))
    assert sorted(few[0, -5:].tolist()) == [0, 12, 24, 36, 48]


@pytest.mark.parametrize("k", [3, 200])
def test_labels_of_the_own_group_have_no_influence(k):
    features, target = torch.tensor(rng.normal(size=(60, 4))), torch.rand(60, 3).double()
    distribution = knn_label_distribution(features, target, k, GROUPS)
    changed = torch.where((GROUPS == 5).unsqueeze(1), 1 - target, target)
    again = knn_label_distribution(features, changed, k, GROUPS)
    torch.testing.assert_close(again[GROUPS == 5], distribution[GROUPS == 5])
    if k > 60:
        sums = torch.stack([target[GROUPS != g].mean(dim=0) for g in range(12)])
        torch.testing.assert_close(distribution, sums[GROUPS])


def test_groups_of_single_rows_change_nothing():
    features, target = torch.tensor(rng.normal(size=(60, 4))), torch.rand(60, 3).double()
    alone, groups = knn_label_distribution(features, target), torch.arange(60)
    torch.testing.assert_close(knn_label_distribution(features, target, groups=groups), alone)


def test_row_without_other_groups_gets_its_own_label():
    target = torch.eye(2)[torch.tensor([0, 1, 1])]
    same = torch.zeros(3, dtype=torch.int64)
    torch.testing.assert_close(knn_label_distribution(torch.rand(3, 2), target, 2, same), target)
