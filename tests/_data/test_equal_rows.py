"""Rows with equal features are found, in every container that is in memory."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from skorch.helper import SliceDataset
from torch.utils.data import Dataset, Subset, TensorDataset

from sknoisy._data import equal_rows
from sknoisy._data.equal_rows import EqualRows

rng = np.random.default_rng(0)
PLACES = np.array([0, 1, 0, 2, 3, 1, 0, 4])
FIRST = np.array([0, 1, 0, 3, 4, 1, 0, 7])
COUNTED = np.ones(len(PLACES), dtype=bool)


def images(dtype):
    return rng.integers(0, 3, (5, 3, 2, 3)).astype(dtype)


def sparse():
    table = sp.random(5, 9, 0.6, format="csr", random_state=0)
    return table[PLACES]


TABLES = {
    **{str(np.dtype(t)): images(t)[PLACES] for t in (np.uint8, np.int64, np.float16, np.float32)},
    "float64": rng.normal(size=(5, 7))[PLACES],
    "one column": np.arange(5.0)[PLACES, None],
    "only the last bit": (1 + np.arange(5)[:, None] * np.spacing(1.0) * np.ones(3))[PLACES],
    "booleans": np.array([[i >> bit & 1 for bit in range(3)] for i in range(5)], bool)[PLACES],
    "column order": np.asfortranarray(rng.normal(size=(5, 7))[PLACES]),
    "sparse": sparse(),
    "tensors": TensorDataset(torch.tensor(rng.normal(size=(5, 2, 3))[PLACES])),
    "bfloat16": TensorDataset(torch.arange(5).to(torch.bfloat16)[PLACES, None]),
    "slice": SliceDataset(TensorDataset(torch.arange(5.0)[PLACES, None], torch.ones(8))),
    "part of a slice": SliceDataset(TensorDataset(torch.arange(5.0)[:, None]), indices=PLACES),
    "subset": Subset(TensorDataset(torch.arange(5.0)[:, None]), PLACES.tolist()),
}


@pytest.mark.parametrize("X", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("chunk_bytes", [2**18, 20])
def test_each_row_is_given_the_first_equal_row(X, chunk_bytes, monkeypatch):
    monkeypatch.setattr(equal_rows, "_CHUNK_BYTES", chunk_bytes)
    rows = EqualRows.of(X)
    np.testing.assert_array_equal(rows.first, FIRST)
    assert rows.n_distinct(COUNTED) == 5
    assert rows.n_distinct(np.arange(8) > 5) == 2


def test_equal_numbers_with_other_bits_are_equal():
    zeros = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_array_equal(EqualRows.of(zeros).first, [0, 0, 2])
    # The same row: in another order, with a zero that is stored, and with an entry in two parts.
    data, columns = [2.0, 3.0, 3.0, 2.0, 0.0, 1.0, 2.0, 2.0], [1, 4, 4, 1, 3, 1, 4, 4]
    stored = sp.csr_array((data, columns, [0, 2, 5, 8]), shape=(3, 5))
    np.testing.assert_array_equal(EqualRows.of(stored).first, [0, 0, 2])
    stored = sp.csr_array(([2.0, 3.0, 1.0, 1.0, 3.0], [1, 4, 1, 1, 4], [0, 2, 5]), shape=(2, 5))
    np.testing.assert_array_equal(EqualRows.of(stored).first, [0, 0])


@pytest.mark.parametrize("X", [rng.normal(size=(9, 3)), sparse()[:2]], ids=["dense", "sparse"])
def test_unequal_rows_with_the_same_hash_are_not_equal(X, monkeypatch):
    for name in ("_hashes", "_hashes_of_sparse"):
        monkeypatch.setattr(equal_rows, name, lambda X: np.zeros(X.shape[0], dtype=np.uint64))
    np.testing.assert_array_equal(EqualRows.of(X).first, np.arange(X.shape[0]))


@pytest.mark.parametrize("kind", ["0/1", "integers", "multiples", "uint8"])
def test_hashes_of_coarse_numbers_do_not_collide(kind):
    X = {
        "0/1": (np.arange(2**15)[:, None] >> np.arange(15) & 1).astype(float),
        "integers": np.stack(np.divmod(np.arange(2**15), 181), axis=1).astype(float),
        "multiples": 1e3 * np.arange(2**15, dtype=float)[:, None],
        "uint8": np.stack(np.divmod(np.arange(2**15), 256), axis=1).astype(np.uint8),
    }[kind]
    assert len(np.unique(equal_rows._hashes(X))) == len(X)


def test_contradicting_rows_are_counted():
    rows = EqualRows.of(np.arange(5.0)[PLACES, None])
    #                 0, 1, 0, 2, 3, 1, 0, 4
    codes = np.array([2, 1, 2, 0, 0, 0, 1, 1])
    assert rows.n_contradicting(codes, COUNTED) == 5
    assert rows.n_contradicting(codes, np.arange(8) != 6) == 2
    assert rows.n_contradicting(PLACES, COUNTED) == 0


def test_datasets_that_are_read_item_by_item_are_not_searched():
    class Items(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            raise AssertionError

    assert EqualRows.of(Items()) is EqualRows.of(Subset(Items(), [0])) is None
