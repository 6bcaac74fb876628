import numpy as np
import pytest
import torch

from sknoisy.functional import leading_eigenvectors

rng = np.random.default_rng(0)


@pytest.mark.parametrize("gap", [1.5, 1.05])
def test_result_is_the_leading_eigenvector_of_each_matrix(gap):
    vectors = np.linalg.qr(rng.normal(size=(5, 9, 9)))[0]
    values = np.r_[gap, np.linspace(1, 0.1, 8)]
    grams = torch.tensor((vectors * values) @ vectors.transpose(0, 2, 1))
    result = leading_eigenvectors(grams).numpy()
    np.testing.assert_allclose(abs((result * vectors[:, :, 0]).sum(axis=1)), 1, atol=1e-6)


def test_matrices_of_rank_one_and_zero_in_single_precision():
    row = torch.tensor([0.0, 3.0, -4.0])
    grams = torch.stack([torch.outer(row, row), torch.zeros(3, 3)])
    result = leading_eigenvectors(grams)
    torch.testing.assert_close(result[0].abs(), torch.tensor([0.0, 0.6, 0.8]))
    assert not result[1].any()
