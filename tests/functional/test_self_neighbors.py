import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from sknoisy.functional import self_and_nearest_neighbors

rng = np.random.default_rng(0)


def test_neighbours_are_those_of_scikit_learn():
    X = rng.normal(size=(30, 3))
    expected = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(X, return_distance=False)
    np.testing.assert_array_equal(self_and_nearest_neighbors(torch.tensor(X), 4), expected)


def test_row_itself_comes_first_also_where_all_rows_are_equal():
    result = self_and_nearest_neighbors(torch.zeros(9, 2), 3)
    assert result[:, 0].tolist() == list(range(9))
    assert all(len(set(row)) == 4 for row in result.tolist())


def test_more_neighbours_than_other_rows_gives_all_of_them():
    assert self_and_nearest_neighbors(torch.zeros(3, 2), 20).shape == (3, 3)
