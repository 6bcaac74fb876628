"""Samples as the built-in judges take them: dense tables of standardised columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import gen_batches

from sknoisy.networks import Standardize

__all__ = ["StandardColumns", "as_dense"]

_CHUNK_VALUES = 2**21
# A reference only has to be a usual value.
_MAX_SAMPLED_ROWS = 1000
# A gigabyte in double precision.
_MAX_DENSE_VALUES = 2**27


def as_dense(X: Any) -> np.ndarray:
    """Turn a sparse matrix into an array if that takes at most a gigabyte.

    Raises
    ------
    ValueError
        If it would take more.
    """
    if not sp.issparse(X):
        return X
    if X.shape[0] * X.shape[1] > _MAX_DENSE_VALUES:
        raise ValueError(
            f"Sparse X of shape {X.shape} is too large: forests and kernels need a dense array, of "
            f"at most {_MAX_DENSE_VALUES} values. Reduce the columns, with TruncatedSVD."
        )
    return X.toarray()


class StandardColumns:
    """Standardise columns in double precision, so that large numbers keep their last digits.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        A training set; images are flattened.
    weight : ndarray of shape (n_samples,)
    """

    def __init__(self, X: np.ndarray, weight: np.ndarray) -> None:
        X = X.reshape(len(X), -1)
        rows = np.flatnonzero(weight > 0)
        sample = X[rows[:: -(-len(rows) // _MAX_SAMPLED_ROWS)]].astype(np.float64)
        # Distances from a usual value are exact where sums of large numbers are rounded.
        self._reference = np.partition(sample, len(sample) // 2, axis=0)[len(sample) // 2]
        self._layer = Standardize(X.shape[1]).double()
        weights = torch.from_numpy(weight)
        self._layer.adapt((self._distances(X[part]), weights[part]) for part in _parts(X))

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return standardised columns, (n_samples, n_columns), in single precision."""
        X = X.reshape(len(X), -1)
        standardised = np.empty(X.shape, dtype=np.float32)
        for part in _parts(X):
            standardised[part] = self._layer(self._distances(X[part])).numpy()
        return standardised

    def _distances(self, X: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(X.astype(np.float64) - self._reference)


def _parts(X: np.ndarray) -> Iterator[slice]:
    return gen_batches(len(X), max(1, _CHUNK_VALUES // X.shape[1]))
