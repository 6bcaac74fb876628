"""Columns of a table that single precision would ruin: far from zero, tiny, huge, or constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from sknoisy._data.rows import Rows
from sknoisy.networks._statistics import SortedColumns, without_outliers

__all__ = ["ColumnTransform"]

# Single precision has 24 bits: at this distance, 14 of them are left for a standard deviation.
_FAR = 1024
# Standard deviations from 2 ** -110 to 2 ** 110 have reciprocals and digits in single precision,
# and squares in double precision.
_MAX_EXPONENT = 110
# No outlier of a column that is scaled up may overflow.
_BOUND = 2.0**100
# Squares of such values and of their reciprocals are numbers in double precision.
_LARGEST = 2.0**400
_MAX_FACTOR = 1000
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
    factor : ndarray of shape (n_columns,)
        Multiplied afterwards: a power of two, 1 for columns that are neither tiny nor huge.
    is_constant : ndarray of bool of shape (n_columns,)
        The columns that have been constant in all training so far.
    constant : ndarray of shape (n_columns,)
        Values of the columns that are constant.
    holds_constants : bool
        Whether constant columns are set to their value. The built-in networks ignore them.
    """

    offset: np.ndarray
    factor: np.ndarray
    is_constant: np.ndarray
    constant: np.ndarray
    holds_constants: bool

    @classmethod
    def fit(cls, rows: Rows, weight: np.ndarray, users_module: bool) -> ColumnTransform | None:
        """Look for such columns in the rows with a positive weight; None: there are none.

        Parameters
        ----------
        rows : Rows
            Of a table, in double precision on the host.
        weight : ndarray of shape (n_samples,)
        users_module : bool
            Whether the network is the user's own, to which constant columns matter, and which gets
            numbers unchanged that single precision has too.
        """
        sample = _sample(rows, weight > 0)
        unit = _units(sample)
        mean, std = _mean_and_std(rows, weight > 0, unit)
        varies = std > 16 * np.finfo(np.float64).eps * abs(mean)
        center, spread = _without_outliers(_in_units(sample, unit), mean, std)
        is_far = varies & (abs(center) > _FAR * spread)
        exponent = np.frexp(spread)[1] + np.frexp(unit)[1]
        is_scaled = varies & (abs(exponent) > _MAX_EXPONENT)
        if users_module:
            is_scaled &= exponent < 0
            if (is_far | is_scaled).any():
                # A module may look up names of rows in a table: exact numbers are unchanged.
                inexact = ~_are_exact(rows, weight > 0)
                is_far, is_scaled = is_far & inexact, is_scaled & inexact
        if not (is_far | is_scaled | ~varies).any():
            return None
        return cls(
            np.where(is_far, center * unit, 0.0),
            np.where(is_scaled, np.ldexp(1.0, -exponent.clip(-_MAX_FACTOR, _MAX_FACTOR)), 1.0),
            ~varies,
            np.where(varies, 0.0, mean * unit),
            users_module,
        )

    @property
    def changes_rows(self) -> bool:
        """Whether any row may differ from its transform."""
        holds_any = self.holds_constants and self.is_constant.any()
        return bool(holds_any or self.offset.any() or (self.factor != 1).any())

    def continued(self, later: ColumnTransform | None) -> ColumnTransform:
        """Return the transform for a training that continues on later rows.

        Columns that were constant and now vary are treated as in the later rows, all others as
        before. Weights for a constant that is held are trained from now on also if it has another
        value.

        Parameters
        ----------
        later : ColumnTransform or None
            Of the later rows.
        """
        if later is None:
            n = len(self.offset)
            later = ColumnTransform(
                np.zeros(n), np.ones(n), np.zeros(n, dtype=bool), np.zeros(n), self.holds_constants
            )
        is_constant = self.is_constant & later.is_constant
        if self.holds_constants:
            is_constant &= later.constant == self.constant
        return ColumnTransform(
            np.where(self.is_constant, later.offset, self.offset),
            np.where(self.is_constant, later.factor, self.factor),
            is_constant,
            self.constant,
            self.holds_constants,
        )

    def __call__(self, rows: Tensor) -> Tensor:
        """Transform rows (n_rows, n_columns) on the host, in double precision."""
        arrays = self.offset, self.factor, self.is_constant, self.constant
        offset, factor, is_constant, constant = map(torch.from_numpy, arrays)
        moved = rows.double() - offset
        if (self.factor != 1).any():
            scaled = (moved * factor).clamp(-_BOUND, _BOUND)
            moved = torch.where(factor == 1, moved, scaled)
        return torch.where(is_constant, constant, moved) if self.holds_constants else moved


def _sample(rows: Rows, used: np.ndarray) -> np.ndarray:
    """Return some of the rows, evenly spaced."""
    index, n_columns = np.flatnonzero(used), rows.row_shape[0]
    n_sampled = max(_MIN_SAMPLED_ROWS, min(_MAX_SAMPLED_ROWS, _MAX_SAMPLED_VALUES // n_columns))
    return rows.take(torch.from_numpy(index[:: -(-len(index) // n_sampled)])).numpy()


def _units(sample: np.ndarray) -> np.ndarray:
    """Return a power of two of the magnitude of each column, in whose units squares are numbers."""
    exponents, counts = np.frexp(sample)[1], np.count_nonzero(sample, axis=0)
    # The exponent of zero is 0. A mean of exponents is moved little by a few huge numbers.
    return np.ldexp(1.0, exponents.sum(axis=0) // np.maximum(counts, 1))


def _in_units(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        scaled = values / unit
    return np.clip(scaled, -_LARGEST, _LARGEST, out=scaled)


def _mean_and_std(rows: Rows, used: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of the columns, in their units, chunk by chunk."""
    n, total, squares = np.count_nonzero(used), 0.0, 0.0
    # Distances from one row lose no digits where a column is far from zero.
    first = int(used.argmax())
    reference = _in_units(rows.span(first, first + 1).numpy(), unit)
    for chunk in gen_batches(len(used), max(1, _CHUNK_BYTES // max(rows.row_bytes, 1))):
        values = rows.span(chunk.start, chunk.stop).numpy()[used[chunk]]
        distance = _in_units(values, unit)
        distance -= reference
        total = total + distance.sum(axis=0)
        squares = squares + (distance**2).sum(axis=0)
    shift = total / n
    return reference[0] + shift, np.sqrt(np.maximum(squares / n - shift**2, 0))


def _are_exact(rows: Rows, used: np.ndarray) -> np.ndarray:
    """Tell which columns have only numbers that single precision has too."""
    exact = np.ones(rows.row_shape[0], dtype=bool)
    for chunk in gen_batches(len(used), max(1, _CHUNK_BYTES // max(rows.row_bytes, 1))):
        values = rows.span(chunk.start, chunk.stop).numpy()[used[chunk]]
        with np.errstate(over="ignore", under="ignore"):
            exact &= (values.astype(np.float32) == values).all(axis=0)
    return exact


def _without_outliers(
    sample: np.ndarray, mean: np.ndarray, std: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace mean and standard deviation of columns that outliers dominate."""
    columns = SortedColumns(torch.from_numpy(sample), torch.ones(len(sample)))
    eps = float(np.finfo(np.float64).eps)
    center, spread = without_outliers(columns, torch.from_numpy(mean), torch.from_numpy(std), eps)
    return center.numpy(), spread.numpy()
