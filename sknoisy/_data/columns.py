"""Columns of a table that single precision would ruin: far from zero, or constant in training."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from sknoisy.networks._statistics import SortedColumns, without_outliers

__all__ = ["ColumnTransform"]

# Single precision has 24 bits: at this distance, 14 of them are left for a standard deviation.
_FAR = 1024
_CHUNK_BYTES = 2**24
# An offset only has to be near the values.
_SAMPLED_ROWS = 1000


class ColumnTransform(NamedTuple):
    """What is done to a table in double precision, before it is cast to that of the network.

    Order numbers, Unix times and the like differ in digits that single precision does not have.
    Columns that are constant in training keep that value: weights for other values are untrained.

    Attributes
    ----------
    offset : ndarray of shape (n_columns,)
        Subtracted: the mean of columns that are far from zero, without outliers, 0 for all others.
    is_constant : ndarray of bool of shape (n_columns,)
    constant : ndarray of shape (n_columns,)
        Values of the columns that are constant.
    """

    offset: np.ndarray
    is_constant: np.ndarray
    constant: np.ndarray

    @classmethod
    def fit(cls, X: Any, weight: np.ndarray, constants: bool) -> ColumnTransform | None:
        """Look for such columns in the rows with a positive weight; None: there are none.

        Parameters
        ----------
        X : ndarray or sparse matrix of shape (n_samples, n_columns)
        weight : ndarray of shape (n_samples,)
        constants : bool
            Whether constant columns matter; built-in networks ignore them by themselves.
        """
        X = X.tocsr() if sp.issparse(X) else X
        mean, std = _mean_and_std(X, weight > 0)
        varies = std > 16 * np.finfo(np.float64).eps * abs(mean)
        center, spread = _without_outliers(X, weight > 0, mean, std)
        is_far = varies & (abs(center) > _FAR * spread)
        is_constant = ~varies if constants else np.zeros_like(varies)
        if not is_far.any() and not is_constant.any():
            return None
        return cls(np.where(is_far, center, 0.0), is_constant, np.where(is_constant, mean, 0.0))

    def __call__(self, rows: Tensor) -> Tensor:
        """Transform rows (n_rows, n_columns) on the host, in double precision."""
        offset, is_constant, constant = map(torch.from_numpy, self)
        return torch.where(is_constant, constant, rows.double() - offset)


def _mean_and_std(X: Any, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of the columns of some rows, chunk by chunk."""
    n, total, squares = np.count_nonzero(used), 0.0, 0.0
    # Distances from one row lose no digits where a column is far from zero.
    reference = _dense(X, slice(used.argmax(), used.argmax() + 1))[0]
    for rows in gen_batches(len(used), max(1, _CHUNK_BYTES // (8 * X.shape[1]))):
        distance = _dense(X, rows)[used[rows]] - reference
        total = total + distance.sum(axis=0)
        squares = squares + (distance**2).sum(axis=0)
    shift = total / n
    return reference + shift, np.sqrt(np.maximum(squares / n - shift**2, 0))


def _without_outliers(
    X: Any, used: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace mean and standard deviation of columns that outliers dominate."""
    rows = np.flatnonzero(used)
    sample = torch.from_numpy(_dense(X, rows[:: -(-len(rows) // _SAMPLED_ROWS)]))
    columns = SortedColumns(sample, torch.ones(len(sample)))
    eps = float(np.finfo(np.float64).eps)
    center, spread = without_outliers(columns, torch.from_numpy(mean), torch.from_numpy(std), eps)
    return center.numpy(), spread.numpy()


def _dense(X: Any, rows: slice | np.ndarray) -> np.ndarray:
    part = X[rows]
    return (part.toarray() if sp.issparse(part) else part).astype(np.float64)
