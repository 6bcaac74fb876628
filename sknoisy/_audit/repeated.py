"""Rows with the same cells: repeated ones, and those whose labels contradict each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sknoisy._data.equal_rows import EqualRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RepeatedRows"]


@dataclass(frozen=True)
class RepeatedRows:
    """Groups of rows with the same cells.

    Attributes
    ----------
    first : ndarray of shape (n_rows,)
        Position of the first row that is equal to each row.
    codes : ndarray of shape (n_rows,)
        Encoded labels.
    """

    first: np.ndarray
    codes: np.ndarray

    @classmethod
    def of_table(cls, X: pd.DataFrame, codes: np.ndarray) -> RepeatedRows:
        """Compare all cells of a table; missing cells are equal."""
        import pandas as pd

        values = [pd.factorize(X.iloc[:, i], use_na_sentinel=False)[0] for i in range(X.shape[1])]
        return cls._of(np.column_stack(values), codes)

    @classmethod
    def of_files(cls, paths: list[str], codes: np.ndarray) -> RepeatedRows:
        """Compare the bytes of files."""
        digests = [hashlib.sha256(Path(path).read_bytes()).digest() for path in paths]
        _, numbers = np.unique(digests, return_inverse=True)
        return cls(np.unique(numbers, return_index=True)[1][numbers], codes)

    @classmethod
    def of_array(cls, X: np.ndarray, codes: np.ndarray) -> RepeatedRows:
        """Compare rows of numbers."""
        return cls._of(X, codes)

    @classmethod
    def _of(cls, X: np.ndarray, codes: np.ndarray) -> RepeatedRows:
        equal = EqualRows.of(X)
        assert equal is not None
        return cls(equal.first, codes)

    @property
    def n_repeated(self) -> int:
        """Number of rows that are equal to an earlier one."""
        return int((self.first != np.arange(len(self.first))).sum())

    @property
    def contradicting(self) -> list[np.ndarray]:
        """Positions of the rows of each group with several labels, the largest group first."""
        order = np.argsort(self.first, kind="stable")
        starts = np.flatnonzero(np.diff(self.first[order])) + 1
        groups = [g for g in np.split(order, starts) if len(np.unique(self.codes[g])) > 1]
        return sorted(groups, key=len, reverse=True)
