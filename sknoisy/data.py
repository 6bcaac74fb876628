"""What travels through a training: rows of X, batches of them, and scans of them all."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from sknoisy.losses import cross_entropy, one_hot

__all__ = ["Batch", "BatchLoader", "LabelledRows", "Rows", "Scan", "as_rows"]

_NO_NOTES: Mapping[str, Any] = MappingProxyType({})
_CHUNK_BYTES = 2**24
_CHUNK_BATCHES = 64
_INFERENCE_BYTES = 2**22


@dataclass(frozen=True)
class Batch:
    """One batch of the training set, never changed in place.

    Attributes
    ----------
    x : Tensor of shape (n_samples, ...)
    y : Tensor of shape (n_samples,), int64
        The given labels, as codes ``0 .. n_classes - 1``; of soft labels the likeliest.
    target : Tensor of shape (n_samples, n_classes)
        The labels one-hot, or the soft labels given, smoothed at the estimator's rate.
    weight : Tensor of shape (n_samples,)
        What each sample's loss is multiplied by: sample weight times class weight, over the number
        of samples; the weights of an average batch sum to one.
    index : Tensor of shape (n_samples,), int64
        Row of each sample in the training set: the key to all per-sample state.
    epoch : int
        Epochs that the method trained before this one, from 0; warm-up is not counted.
    notes : mapping
        What one moment of a method leaves for a later one.
    """

    x: Tensor
    y: Tensor
    target: Tensor
    weight: Tensor
    index: Tensor
    epoch: int
    notes: Mapping[str, Any] = field(default_factory=lambda: _NO_NOTES)

    def replace(self, **changes: Any) -> Batch:
        """Return a batch with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Scan:
    """The whole training set seen in evaluation mode, in one pass and without a graph.

    The pass is made when its logits or features are first asked for. Rows held out or of weight
    zero are not part of it: a table for all rows of X is filled as
    ``table[scan.index] = ...``.

    Attributes
    ----------
    index : Tensor of shape (n_samples,), int64
        Row of each sample in X.
    y : Tensor of shape (n_samples,), int64
        The given labels; of soft labels the likeliest.
    target : Tensor of shape (n_samples, n_classes)
        The labels one-hot, or the soft labels given; never smoothed.
    weight : Tensor of shape (n_samples,)
    epoch : int
        Epochs that the method trained before this scan, from 0; warm-up is not counted.
    look : callable
        Makes the pass, and returns logits and features.
    """

    index: Tensor
    y: Tensor
    target: Tensor
    weight: Tensor
    epoch: int
    look: Callable[[], tuple[Tensor, Tensor]]

    @cached_property
    def _seen(self) -> tuple[Tensor, Tensor]:
        return self.look()

    @property
    def logits(self) -> Tensor:
        """Logits, of shape ([n_networks,] n_samples, n_classes)."""
        return self._seen[0]

    @property
    def features(self) -> Tensor:
        """What reaches the last linear layer, ([n_networks,] n_samples, n_features)."""
        return self._seen[1]

    @property
    def probabilities(self) -> Tensor:
        """Class probabilities, of the shape of ``logits``."""
        return torch.softmax(self.logits, dim=-1)

    @property
    def losses(self) -> Tensor:
        """Cross-entropy of each sample's given label, shape ([n_networks,] n_samples)."""
        return cross_entropy(self.logits, self.target)


class Rows(Protocol):
    """Samples that can be fetched many at a time, as a tensor on the training device."""

    row_bytes: int

    def __len__(self) -> int: ...
    def take(self, index: Tensor) -> Tensor: ...
    def span(self, start: int, stop: int) -> Tensor: ...


class _DenseRows:
    def __init__(self, X: np.ndarray, device: torch.device, dtype: torch.dtype) -> None:
        with warnings.catch_warnings():
            # X is only ever read, so a read-only array or memmap is as good as any.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            self.data = torch.from_numpy(X)
        self.device, self.dtype = device, dtype
        self.row_bytes = math.prod(X.shape[1:]) * dtype.itemsize
        if device.type != "cpu" and _fits(self.data, device):
            # Small numbers stay small; doubles do not, as not every device has them.
            wide = self.data.dtype == torch.float64
            self.data = (self.data.to(dtype) if wide else self.data).to(device)

    def __len__(self) -> int:
        return len(self.data)

    def take(self, index: Tensor) -> Tensor:
        found = self.data.index_select(0, index.to(self.data.device))
        return found.to(self.device, self.dtype)

    def span(self, start: int, stop: int) -> Tensor:
        return self.data[start:stop].to(self.device, self.dtype)


def _fits(data: Tensor, device: torch.device) -> bool:
    """Whether a table may live on the device and leave half of its memory to the training."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return data.nbytes < free / 2


class _SparseRows:
    def __init__(self, X: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.data, self.device, self.dtype = sp.csr_array(X), device, dtype
        self.row_bytes = X.shape[1] * dtype.itemsize

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def take(self, index: Tensor) -> Tensor:
        return self._dense(self.data[index.cpu().numpy()])

    def span(self, start: int, stop: int) -> Tensor:
        return self._dense(self.data[start:stop])

    def _dense(self, part: Any) -> Tensor:
        return torch.from_numpy(part.toarray()).to(self.device, self.dtype)


class _ItemRows:
    """Rows of a torch Dataset (or a skorch SliceDataset), collated item by item."""

    def __init__(self, items: Any, device: torch.device, dtype: torch.dtype) -> None:
        self.items, self.device, self.dtype = items, device, dtype
        self.row_bytes = self.span(0, 1).nbytes

    def __len__(self) -> int:
        return len(self.items)

    def take(self, index: Tensor) -> Tensor:
        return self._collate(index.tolist())

    def span(self, start: int, stop: int) -> Tensor:
        return self._collate(range(start, min(stop, len(self))))

    def _collate(self, index: Any) -> Tensor:
        found = [self.items[i] for i in index]
        found = [item[0] if isinstance(item, (tuple, list)) else item for item in found]
        return default_collate(found).to(self.device, self.dtype)


def as_rows(X: Any, device: torch.device, dtype: torch.dtype) -> Rows:
    """Wrap validated samples, without a copy where they are an array.

    Parameters
    ----------
    X : ndarray, sparse matrix or Dataset
    device : torch.device
    dtype : torch.dtype
        Of the tensors handed out.

    Returns
    -------
    Rows
    """
    if sp.issparse(X):
        return _SparseRows(X, device, dtype)
    if isinstance(X, np.ndarray):
        return _DenseRows(X, device, dtype)
    return _ItemRows(X, device, dtype)


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

    def given(self, index: Tensor, n_classes: int) -> Tensor:
        """Labels of some rows as distributions, (n_index, n_classes): one-hot, or soft."""
        if self.labels is not None:
            return self.labels[index]
        return one_hot(self.y[index], n_classes, self.weight.dtype)

    def part(self, index: Tensor) -> LabelledRows:
        """Return the part of the training set at the given rows."""
        return LabelledRows(self.rows, self.y, self.weight, index, self.labels, self.trusted)


class BatchLoader:
    """Hand out whole batches by index, many at a time.

    One gather serves up to 64 batches, within a constant amount of memory; fetching row by row
    as a DataLoader does would double the time of a training and multiply that of a prediction.

    Parameters
    ----------
    dataset : LabelledRows
    batch_size : int, default=None
        None: as many rows as suit inference.
    shuffle : bool, default=False
        A new order each time.
    """

    def __init__(
        self,
        dataset: LabelledRows,
        batch_size: int | None = None,
        shuffle: bool = False,
    ) -> None:
        rows = max(1, dataset.rows.row_bytes)
        self.dataset, self.shuffle = dataset, shuffle
        self.batch_size = batch_size or max(64, min(4096, _INFERENCE_BYTES // rows))
        self._chunk = max(1, min(_CHUNK_BATCHES, _CHUNK_BYTES // (rows * self.batch_size)))

    def __len__(self) -> int:
        return len(self.sizes())

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        for index, sizes in self.indices():
            for part in index.split(sizes):
                y = self.dataset.y
                yield self.rows_at(part), y[part.to(y.device)] if len(y) else None

    def sizes(self) -> list[int]:
        """Rows of each batch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        sizes = [self.batch_size] * whole + [rest] * (rest > 0)
        if len(sizes) > 1 and rest == 1:
            # Batch normalisation cannot train on a single row.
            sizes[-2:] = [self.batch_size + 1]
        return sizes

    def indices(self, order: Tensor | None = None) -> Iterator[tuple[Tensor, list[int]]]:
        """Yield the rows of the next chunk and the sizes of the batches to cut it into.

        Shuffled, they are in a new order, or in the one given.
        """
        n, index = len(self.dataset), self.dataset.index
        if self.shuffle:
            order = torch.randperm(n) if order is None else order
            index = order if index is None else index[order]
        elif index is None:
            index = torch.arange(n)
        sizes, start = self.sizes(), 0
        for first in range(0, len(sizes), self._chunk):
            part = sizes[first : first + self._chunk]
            yield index[start : start + sum(part)], part
            start += sum(part)

    def chunks(
        self, order: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, list[int]]]:
        """Yield rows, label codes, weights, index and the sizes of the batches of the next chunk.

        The weights of an average batch sum to one.
        """
        y, weight = self.dataset.y, self.dataset.weight
        for index, sizes in self.indices(order):
            x, index = self.rows_at(index), index.to(y.device)
            batch_size = torch.from_numpy(np.repeat(sizes, sizes)).to(y.device)
            yield x, y[index], weight[index] / batch_size, index, sizes

    def rows_at(self, index: Tensor) -> Tensor:
        """Fetch rows; an unbroken run of them is sliced, not gathered."""
        if not self.shuffle and self.dataset.index is None and len(index):
            return self.dataset.rows.span(int(index[0]), int(index[-1]) + 1)
        return self.dataset.rows.take(index)
