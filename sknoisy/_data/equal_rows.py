"""Search for rows with equal features, by hashing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch.utils.data import Subset, TensorDataset

__all__ = ["EqualRows"]

# Bytes that are hashed together, so that intermediate results stay in the cache.
_CHUNK_BYTES = 2**18


@dataclass(frozen=True)
class EqualRows:
    """Which rows have equal features.

    Attributes
    ----------
    first : ndarray of shape (n_rows,), int64
        Position of the first row that is equal to each row: its own, if there is no earlier one.
    hashes : ndarray of shape (n_rows,), uint64
        Equal for equal rows of one kind.
    kind : str
        Type of the rows.
    """

    first: np.ndarray
    hashes: np.ndarray
    kind: str

    @classmethod
    def of(cls, X: Any) -> EqualRows | None:
        """Find the equal rows of checked samples.

        Parameters
        ----------
        X : ndarray, sparse matrix or Dataset

        Returns
        -------
        EqualRows or None
            None: X is a Dataset that is not in memory. Reading all its items would take as long as
            an epoch, and a random augmentation makes them differ each time.
        """
        rows = _in_memory(X)
        if rows is None:
            return None
        hashes = _hashes_of_sparse(rows) if sp.issparse(rows) else _hashes(rows)
        in_order = np.sort(hashes)
        first = np.arange(len(hashes))
        repeated = in_order[1:][in_order[1:] == in_order[:-1]]
        if len(repeated):
            candidates = np.flatnonzero(np.isin(hashes, repeated))
            _, position, inverse = np.unique(
                hashes[candidates], return_index=True, return_inverse=True
            )
            earliest = candidates[position[inverse.reshape(-1)]]
            # Rows that are not equal may have the same hash.
            equal = _are_equal(rows, candidates, earliest)
            first[candidates[equal]] = earliest[equal]
        kind = f"{'sparse' if sp.issparse(rows) else 'dense'} {rows.dtype}"
        return cls(first, hashes, kind)

    def n_distinct(self, counted: np.ndarray) -> int:
        """Return the number of different rows among the counted ones.

        Parameters
        ----------
        counted : ndarray of bool of shape (n_rows,)
        """
        seen = np.zeros(len(self.first), dtype=bool)
        seen[self.first[counted]] = True
        return int(np.count_nonzero(seen))

    def n_contradicting(self, codes: np.ndarray, counted: np.ndarray) -> int:
        """Return the number of counted rows that equal another one with another label.

        Parameters
        ----------
        codes : ndarray of shape (n_rows,)
            Encoded labels.
        counted : ndarray of bool of shape (n_rows,)
        """
        first, codes = self.first[counted], codes[counted]
        label = np.full(len(self.first), -1, dtype=codes.dtype)
        # Of several labels of equal rows one is kept; the others contradict it.
        label[first] = codes
        contradicted = np.zeros(len(self.first), dtype=bool)
        contradicted[first[label[first] != codes]] = True
        return int(np.count_nonzero(contradicted[first]))


def _in_memory(X: Any) -> Any:
    """Return the rows of an array, a sparse matrix or a Dataset of tensors; otherwise None."""
    if type(X) is TensorDataset:
        tensor = X.tensors[0].detach().cpu()
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    # A Subset of torch, or a SliceDataset of skorch, whose attribute has another name.
    indices = X.indices if type(X) is Subset else getattr(X, "indices_", None)
    if indices is not None:
        rows = _in_memory(X.dataset) if getattr(X, "idx", 0) == 0 else None
        return None if rows is None else rows[np.asarray(indices)]
    return X if isinstance(X, np.ndarray) or sp.issparse(X) else None


def _chunks(n_rows: int, row_bytes: int) -> list[slice]:
    size = max(1, _CHUNK_BYTES // max(1, row_bytes))
    return [slice(start, start + size) for start in range(0, n_rows, size)]


def _words(X: np.ndarray) -> np.ndarray:
    """Return the bits of rows as numbers of 64 bits, padded with zeros."""
    X = X.reshape(len(X), -1)
    # Adding zero turns -0.0 into 0.0, which it is equal to.
    X = X + X.dtype.type(0) if X.dtype.kind == "f" else X
    raw = np.ascontiguousarray(X).view(np.uint8)
    if padding := -raw.shape[1] % 8:
        raw = np.concatenate([raw, np.zeros((len(raw), padding), dtype=np.uint8)], axis=1)
    return raw.view(np.uint64)


def _multipliers(n: int) -> np.ndarray:
    """Return random odd numbers, the same in every process."""
    drawn = np.random.default_rng(0).integers(2**63, size=n, dtype=np.uint64)
    return 2 * drawn + 1


def _mixed(words: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    """Mix the bits of numbers; products wrap around.

    Numbers such as 1.0 differ only in their upper bits, which a product does not bring down.
    """
    mixed = words ^ (words >> np.uint64(32))
    mixed *= multipliers
    mixed ^= mixed >> np.uint64(29)
    return mixed


def _hashes(X: np.ndarray) -> np.ndarray:
    hashes = np.empty(len(X), dtype=np.uint64)
    multipliers = _multipliers(_words(X[:1]).shape[1])
    for chunk in _chunks(len(X), X[:1].nbytes):
        hashes[chunk] = _mixed(_words(X[chunk]), multipliers).sum(axis=1)
    return hashes


def _hashes_of_sparse(X: Any) -> np.ndarray:
    """Hash the columns and values of the entries that are not zero, in any order."""
    X = sp.csr_array(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    entries = _mixed(_words(X.data[:, None])[:, 0], _multipliers(X.shape[1])[X.indices])
    entries *= X.data != 0
    totals = np.concatenate([np.zeros(1, dtype=np.uint64), entries.cumsum(dtype=np.uint64)])
    return totals[X.indptr[1:]] - totals[X.indptr[:-1]]


def _are_equal(X: Any, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Tell which pairs of rows are equal."""
    if sp.issparse(X):
        X = sp.csr_array(X)
        return np.asarray((X[rows] != X[others]).sum(axis=1)).reshape(-1) == 0
    equal = np.empty(len(rows), dtype=bool)
    for chunk in _chunks(len(rows), X[:1].nbytes):
        same = X[rows[chunk]] == X[others[chunk]]
        equal[chunk] = same.reshape(len(same), -1).all(axis=1)
    return equal
