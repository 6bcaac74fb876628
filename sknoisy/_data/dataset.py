"""The training set: rows, labels, weights, and which rows belong to a part of it."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.utils.data import Dataset

from sknoisy._data.rows import Rows
from sknoisy.functional import one_hot

__all__ = ["LabelledRows", "hold_out"]


def hold_out(
    codes: np.ndarray, weight: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the rows that have a weight: a share of every class is held out, if there is enough.

    Returns
    -------
    train, held_out : ndarray of int
        Sorted positions.

    Raises
    ------
    ValueError
        If no row is left to train on.
    """
    rows = np.flatnonzero(weight)
    n_held_out = ceil(fraction * len(rows))
    if n_held_out >= len(rows):
        raise ValueError(
            f"With early_stopping and validation_fraction={fraction}, {len(rows)} samples leave "
            "none to train on."
        )
    counts = np.bincount(codes[rows])
    counts = counts[counts > 0]
    enough = counts.min() > 1 and min(n_held_out, len(rows) - n_held_out) >= len(counts)
    train, held_out = train_test_split(
        rows,
        test_size=n_held_out,
        stratify=codes[rows] if enough else None,
        random_state=seed,
    )
    return np.sort(train), np.sort(held_out)


class LabelledRows(Dataset):
    """A training set: rows, label codes, weights, and which of the rows belong to this part.

    Parameters
    ----------
    rows : Rows
    y : Tensor of shape (n_rows,), int64, default=None
    weight : Tensor of shape (n_rows,), default=None
    index : Tensor of int64, default=None
        The rows of this part; None: all of them.
    labels : Tensor of shape (n_rows, n_classes), default=None
        Soft labels; None: the labels are the codes in y.
    trusted : Tensor of bool of shape (n_rows,), default=None
        The rows whose labels are known to be right.
    """

    def __init__(
        self,
        rows: Rows,
        y: Tensor | None = None,
        weight: Tensor | None = None,
        index: Tensor | None = None,
        labels: Tensor | None = None,
        trusted: Tensor | None = None,
    ) -> None:
        self.rows, self.index, self.labels, self.trusted = rows, index, labels, trusted
        self.y = torch.empty(0, dtype=torch.int64) if y is None else y
        self.weight = torch.empty(0) if weight is None else weight

    def __len__(self) -> int:
        return len(self.rows) if self.index is None else len(self.index)

    def __getitem__(self, i: int) -> tuple[Tensor, Any]:
        row = int(range(len(self))[i] if self.index is None else self.index[i])
        return self.rows.span(row, row + 1)[0], int(self.y[row]) if len(self.y) else 0

    def label_distributions(self, index: Tensor, n_classes: int) -> Tensor:
        """Labels of some rows as distributions, (n_index, n_classes): one-hot, or soft."""
        if self.labels is not None:
            return self.labels[index]
        return one_hot(self.y[index], n_classes, self.weight.dtype)

    def part(self, index: Tensor) -> LabelledRows:
        """Return the part of the training set at the given rows."""
        return LabelledRows(self.rows, self.y, self.weight, index, self.labels, self.trusted)
