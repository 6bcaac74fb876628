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
