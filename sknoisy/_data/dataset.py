"""Training sets: rows of X with labels and weights, and the split into parts."""

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

__all__ = ["LabelledRows", "hold_out", "sizes_and_classes"]


def hold_out(
    codes: np.ndarray,
    weight: np.ndarray,
    fraction: float,
    seed: int,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows with a positive weight into a training and a held-out part.

    The split is stratified by class, if there are enough rows for that. Groups are not split.

    Parameters
    ----------
    codes : ndarray of shape (n_rows,)
        Encoded labels.
    weight : ndarray of shape (n_rows,)
    fraction : float
        Fraction of the rows to hold out.
    seed : int
    groups : ndarray of shape (n_rows,), int64, default=None
        Number of the group of each row; None: each row is a group of its own.

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
    n, what = len(rows), "samples"
    if groups is not None:
        _, groups = np.unique(groups[rows], return_inverse=True)
        n, what = int(groups.max()) + 1, "groups of samples"
    n_held_out = ceil(fraction * n)
    if n_held_out >= n:
        raise ValueError(
            f"With early_stopping and validation_fraction={fraction}, {n} {what} leave none to "
            "train on."
        )
    if groups is not None:
        is_held_out = _hold_out_groups(codes[rows], groups, n_held_out, seed)[groups]
        return rows[~is_held_out], rows[is_held_out]
    counts = np.bincount(codes[rows])
    counts = counts[counts > 0]
    can_stratify = counts.min() > 1 and min(n_held_out, len(rows) - n_held_out) >= len(counts)
    train, held_out = train_test_split(
        rows,
        test_size=n_held_out,
        stratify=codes[rows] if can_stratify else None,
        random_state=seed,
    )
    return np.sort(train), np.sort(held_out)


def sizes_and_classes(codes: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of rows of each group, and the class of most of them, (n_groups,) each."""
    n_classes = codes.max() + 1
    pairs, counts = np.unique(groups * n_classes + codes, return_counts=True)
    pairs = pairs[counts.argsort(kind="stable")]
    sizes = np.bincount(groups)
    majority = np.empty(len(sizes), dtype=np.int64)
    # Of several values for a group the last one is kept, which has the highest count.
    majority[pairs // n_classes] = pairs % n_classes
    return sizes, majority


def _hold_out_groups(
    codes: np.ndarray, groups: np.ndarray, n_held_out: int, seed: int
) -> np.ndarray:
    """Choose groups evenly among those of each class and size; return their mask, (n_groups,).

    The class of a group is that of most of its rows.
    """
    rng, sizes, majority = np.random.RandomState(seed), *sizes_and_classes(codes, groups)
    order = np.lexsort((rng.permutation(len(sizes)), sizes, majority))
    # A class with a single group is trained on, if there are others to hold out.
    several = np.bincount(majority)[majority[order]] > 1
    order = order[several] if np.count_nonzero(several) > n_held_out else order
    positions = (np.arange(n_held_out) + rng.uniform()) * len(order) / n_held_out
    mask = np.zeros(len(sizes), dtype=bool)
    mask[order[positions.astype(np.int64)]] = True
    return mask


class LabelledRows(Dataset):
    """Part of a training set: rows of X with encoded labels and weights.

    Parameters
    ----------
    rows : Rows
    y : Tensor of shape (n_rows,), int64, default=None
        Encoded labels; None for rows to predict.
    weight : Tensor of shape (n_rows,), default=None
    index : Tensor of int64, default=None
        Positions of the rows of this part; None: all rows.
    soft_labels : Tensor of shape (n_rows, n_classes), default=None
        None: the labels are hard.
    trusted : Tensor of bool of shape (n_rows,), default=None
        Mask of the rows whose labels are known to be clean.
    groups : Tensor of shape (n_rows,), int64, default=None
        Number of the group of each row; None: each row is a group of its own.
    """

    def __init__(
        self,
        rows: Rows,
        y: Tensor | None = None,
        weight: Tensor | None = None,
        index: Tensor | None = None,
        soft_labels: Tensor | None = None,
        trusted: Tensor | None = None,
        groups: Tensor | None = None,
    ) -> None:
        self.rows, self.index = rows, index
        self.soft_labels, self.trusted, self.groups = soft_labels, trusted, groups
        self.y = torch.empty(0, dtype=torch.int64) if y is None else y
        self.weight = torch.empty(0) if weight is None else weight

    def __len__(self) -> int:
        return len(self.rows) if self.index is None else len(self.index)

    def __getitem__(self, i: int) -> tuple[Tensor, Any]:
        row = int(range(len(self))[i] if self.index is None else self.index[i])
        return self.rows.span(row, row + 1)[0], int(self.y[row]) if len(self.y) else 0

    def label_distributions(self, index: Tensor, n_classes: int) -> Tensor:
        """Return the labels of some rows as distributions, (n_index, n_classes)."""
        if self.soft_labels is not None:
            return self.soft_labels[index]
        return one_hot(self.y[index], n_classes, self.weight.dtype)

    def is_decided(self, index: Tensor) -> Tensor:
        """Tell which labels of some rows have a single most likely class; hard labels have."""
        if self.soft_labels is None:
            return torch.ones(len(index), dtype=torch.bool, device=index.device)
        first, second = self.soft_labels[index.to(self.y.device)].topk(2).values.unbind(dim=1)
        return (first > second).to(index.device)

    def part(self, index: Tensor) -> LabelledRows:
        """Return the part of the training set at the given rows."""
        parts = (self.soft_labels, self.trusted, self.groups)
        return LabelledRows(self.rows, self.y, self.weight, index, *parts)
