"""Columns of a table that single precision would ruin: far from zero, or constant in training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from sknoisy._data.rows import Rows
from sknoisy.networks._statistics import SortedColumns, without_outliers

__all__ = ["ColumnTransform"]

# Single precision has 24 bits: at this distance, 14 of them are left for a standard deviation.
_FAR = 1024
_CHUNK_BYTES = 2**24
# An offset only has to be near the values.
_MIN_SAMPLED_ROWS, _MAX_SAMPLED_ROWS, _MAX_SAMPLED_VALUES = 50, 1000, 2**21


@dataclass(frozen=True, eq=False)
class ColumnTransform:
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
    def fit(cls, rows: Rows, weight: np.ndarray, constants: bool) -> ColumnTransform | None:
        """Look for such columns in the rows with a positive weight; None: there are none.

        Parameters
        ----------
        rows : Rows
            Of a table, in double precision on the host.
        weight : ndarray of shape (n_samples,)
        constants : bool
            Whether the network is the user's own, to which constant columns matter, and which gets
            numbers unchanged that single precision has too.
        """
        mean, std = _mean_and_std(rows, weight > 0)
        varies = std > 16 * np.finfo(np.float64).eps * abs(mean)
        center, spread = _without_outliers(rows, weight > 0, mean, std)
        is_far = varies & (abs(center) > _FAR * spread)
        if constants and is_far.any():
            # A module may look up names of rows in a table: exact numbers are unchanged.
            is_far &= ~_are_exact(rows, weight > 0)
        is_constant = ~varies if constants else np.zeros_like(varies)
        if not is_far.any() and not is_constant.any():
            return None
        return cls(np.where(is_far, center, 0.0), is_constant, np.where(is_constant, mean, 0.0))

    def released(self, later: ColumnTransform | None) -> ColumnTransform:
        """Return the transform without constant columns that have other values in later rows."""
        same = np.zeros_like(self.is_constant)
        if later is not None:
            same = later.is_constant & (later.constant == self.constant)
        return replace(self, is_constant=self.is_constant & same)

    def __call__(self, rows: Tensor) -> Tensor:
        """Transform rows (n_rows, n_columns) on the host, in double precision."""
        arrays = self.offset, self.is_constant, self.constant
        offset, is_constant, constant = map(torch.from_numpy, arrays)
        return torch.where(is_constant, constant, rows.double() - offset)


def _mean_and_std(rows: Rows, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of the columns of some rows, chunk by chunk."""
    n, total, squares = np.count_nonzero(used), 0.0, 0.0
    # Distances from one row lose no digits where a column is far from zero.
    first = int(used.argmax())
    reference = rows.span(first, first + 1).numpy()
    for chunk in gen_batches(len(used), max(1, _CHUNK_BYTES // max(rows.row_bytes, 1))):
        distance = rows.span(chunk.start, chunk.stop).numpy()[used[chunk]] - reference
        total = total + distance.sum(axis=0)
        squares = squares + (distance**2).sum(axis=0)
    shift = total / n
    return reference[0] + shift, np.sqrt(np.maximum(squares / n - shift**2, 0))


def _are_exact(rows: Rows, used: np.ndarray) -> np.ndarray:
    """Tell which columns have only numbers that single precision has too."""
    exact = np.ones(rows.row_shape[0], dtype=bool)
    for chunk in gen_batches(len(used), max(1, _CHUNK_BYTES // max(rows.row_bytes, 1))):
        values = rows.span(chunk.start, chunk.stop).numpy()[used[chunk]]
        exact &= (values.astype(np.float32) == values).all(axis=0)
    return exact


def _without_outliers(
    rows: Rows, used: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace mean and standard deviation of columns that outliers dominate."""
    index = np.flatnonzero(used)
    n_sampled = max(_MIN_SAMPLED_ROWS, min(_MAX_SAMPLED_ROWS, _MAX_SAMPLED_VALUES // len(mean)))
    sample = rows.take(torch.from_numpy(index[:: -(-len(index) // n_sampled)]))
    columns = SortedColumns(sample, torch.ones(len(sample)))
    eps = float(np.finfo(np.float64).eps)
    center, spread = without_outliers(columns, torch.from_numpy(mean), torch.from_numpy(std), eps)
    return center.numpy(), spread.numpy()
