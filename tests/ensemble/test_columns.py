"""Columns of any scale, and sparse ones."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy.ensemble import _columns
from sknoisy.ensemble._columns import StandardColumns, as_dense

N = 200


def standardised(X, weight=None):
    return StandardColumns(X, np.ones(len(X)) if weight is None else weight)(X)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("offset", [0.0, 2e9])
def test_scale_and_offset_change_nothing(scale, offset):
    X = np.random.default_rng(0).normal(size=(N, 2))
    assert_allclose(standardised(scale * (X + offset)), standardised(X), atol=1e-4)


def test_order_numbers_keep_their_last_digit():
    X = (2_000_000_000 + np.arange(N))[:, None]
    assert len(np.unique(standardised(X))) == N
    assert (np.diff(standardised(X)[:, 0]) > 0).all()


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e30])
def test_a_constant_column_is_zero(value):
    X = np.full((N, 1), value)
    assert_array_equal(standardised(X), 0)
    later = StandardColumns(X, np.ones(N))(X + 1)
    assert_array_equal(later, 0)


def test_a_huge_outlier_does_not_squeeze_the_others():
    X = np.random.default_rng(0).normal(size=(N, 1))
    X[0] = 1e20
    inside = standardised(X)[1:]
    assert 0.5 < inside.std() < 1.5
    assert np.isfinite(standardised(X)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32])
def test_any_numbers(dtype):
    X = np.random.default_rng(0).integers(100, size=(N, 3)).astype(dtype)
    assert standardised(X).dtype == np.float32
    assert_allclose(standardised(X), standardised(X.astype(float)), atol=1e-6)


def test_parts_of_a_table_change_little(monkeypatch):
    X = np.random.default_rng(0).normal(size=(N, 3))
    expected = standardised(X)
    monkeypatch.setattr(_columns, "_CHUNK_VALUES", 21)
    assert_allclose(standardised(X), expected, atol=1e-6)


def test_rows_without_weight_do_not_count():
    X = np.random.default_rng(0).normal(size=(N, 2))
    weight = (np.arange(N) % 2).astype(float)
    changed = np.where(weight[:, None] > 0, X, 1e6)
    first, second = StandardColumns(X, weight), StandardColumns(changed, weight)
    assert_allclose(first(X), second(X), rtol=1e-6)


def test_images_are_flattened():
    X = np.random.default_rng(0).normal(size=(N, 2, 3, 4))
    assert_array_equal(standardised(X), standardised(X.reshape(N, -1)))


def test_sparse_matrices_become_dense_below_a_size(monkeypatch):
    X = sp.random_array((10, 5), density=0.3, format="csr", rng=0)
    assert_array_equal(as_dense(X), X.toarray())
    monkeypatch.setattr(_columns, "_MAX_DENSE_VALUES", 49)
    with pytest.raises(ValueError, match=r"Sparse X of shape \(10, 5\) is too large.* 49 values"):
        as_dense(X)
