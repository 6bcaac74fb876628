"""Rows of X (dense, sparse or items of a Dataset), fetched many at a time."""

from __future__ import annotations

import math
import warnings
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.utils.data import default_collate

from sknoisy._runtime.accelerator import is_accelerator
from sknoisy._runtime.devices import free_memory

__all__ = ["Rows", "as_rows"]


class Transform(Protocol):
    """What is done to the rows of a table before the cast."""

    @property
    def changes_rows(self) -> bool: ...

    def __call__(self, rows: Tensor) -> Tensor: ...


class Rows(Protocol):
    """Samples that can be fetched many at a time, as a tensor on the training device.

    Attributes
    ----------
    row_shape : tuple of int
        Shape of a row; of an image: (channels, height, width).
    row_bytes : int
        Memory of a row on the training device.
    can_prefetch : bool
        Whether another thread may gather rows while the device computes: they are on the host, and
        no code of the user is called.
    """

    row_shape: tuple[int, ...]
    row_bytes: int
    can_prefetch: bool

    def __len__(self) -> int: ...

    def gather(self, index: Tensor) -> Tensor:
        """Fetch the rows at some positions where they are kept, ready to be sent."""

    def send(self, rows: Tensor) -> Tensor:
        """Return gathered rows in the type and on the device of the training."""

    def take(self, index: Tensor) -> Tensor:
        """Fetch the rows at some positions."""

    def span(self, start: int, stop: int) -> Tensor:
        """Fetch consecutive rows."""


class _DenseRows:
    def __init__(
        self,
        X: np.ndarray,
        device: torch.device,
        dtype: torch.dtype,
        columns: Transform | None = None,
    ) -> None:
        with warnings.catch_warnings():
            # X is only read, so a read-only array or memmap is fine.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            self.data = torch.from_numpy(X)
        self.device, self.dtype, self.columns = device, dtype, columns
        self.row_shape = X.shape[1:]
        self.row_bytes = math.prod(self.row_shape) * dtype.itemsize
        if device.type != "cpu" and _fits(self.data, device):
            # Narrow types such as uint8 are kept, and float64 is converted: some devices lack it.
            is_double = self.data.dtype == torch.float64
            data = self._transformed(self.data)
            self.data = (data.to(dtype) if is_double or columns else data).to(device)
            self.columns = None
        self.can_prefetch = self.data.device.type != device.type

    def __len__(self) -> int:
        return len(self.data)

    def gather(self, index: Tensor) -> Tensor:
        rows = self.data.index_select(0, index.to(self.data.device))
        return _ready(self._transformed(rows), self.device, self.dtype)

    def send(self, rows: Tensor) -> Tensor:
        return _sent(rows, self.device, self.dtype)

    def take(self, index: Tensor) -> Tensor:
        return self.send(self.gather(index))

    def span(self, start: int, stop: int) -> Tensor:
        rows = self._transformed(self.data[start:stop])
        return self.send(_ready(rows, self.device, self.dtype))

    def _transformed(self, rows: Tensor) -> Tensor:
        return rows if self.columns is None else self.columns(rows)


def _ready(rows: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Put rows on the host into the memory from which an accelerator copies without waiting."""
    if rows.device.type == device.type or not is_accelerator(device):
        return rows
    # The narrower type is copied.
    rows = rows.to(dtype) if rows.dtype.itemsize > dtype.itemsize else rows
    return rows.pin_memory()


def _sent(rows: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    if rows.device.type == device.type or not is_accelerator(device):
        return rows.to(device, dtype)
    return rows.to(device, non_blocking=True).to(dtype)


def _fits(data: Tensor, device: torch.device) -> bool:
    """Whether a table fits on the device and leaves half of its free memory."""
    return data.nbytes < free_memory(device) / 2


class _SparseRows:
    def __init__(
        self,
        X: Any,
        device: torch.device,
        dtype: torch.dtype,
        columns: Transform | None = None,
    ) -> None:
        self.data, self.device, self.dtype = sp.csr_array(X), device, dtype
        self.columns = columns
        self.row_shape: tuple[int, ...] = (X.shape[1],)
        self.row_bytes = X.shape[1] * dtype.itemsize
        self.can_prefetch = device.type != "cpu"

    def __len__(self) -> int:
        return int(self.data.shape[0])

    def gather(self, index: Tensor) -> Tensor:
        return self._dense(self.data[index.cpu().numpy()])

    def send(self, rows: Tensor) -> Tensor:
        return _sent(rows, self.device, self.dtype)

    def take(self, index: Tensor) -> Tensor:
        return self.send(self.gather(index))

    def span(self, start: int, stop: int) -> Tensor:
        return self.send(self._dense(self.data[start:stop]))

    def _dense(self, part: Any) -> Tensor:
        rows = torch.from_numpy(part.toarray())
        rows = rows if self.columns is None else self.columns(rows)
        return _ready(rows, self.device, self.dtype)


class _ItemRows:
    """Rows of a torch Dataset, or a SliceDataset of skorch, collated item by item."""

    can_prefetch = False

    def __init__(
        self,
        items: Any,
        device: torch.device,
        dtype: torch.dtype,
        columns: Transform | None = None,
    ) -> None:
        if not len(items):
            raise ValueError("Found a Dataset with 0 samples while a minimum of 1 is required.")
        self.items, self.device, self.dtype, self.columns = items, device, dtype, columns
        first = _collated(self._samples([0]))
        self.row_shape = tuple(first.shape[1:])
        self.row_bytes = math.prod(self.row_shape) * dtype.itemsize

    def __len__(self) -> int:
        return len(self.items)

    def gather(self, index: Tensor) -> Tensor:
        return self._collate(index.tolist())

    def send(self, rows: Tensor) -> Tensor:
        return _sent(rows, self.device, self.dtype)

    def take(self, index: Tensor) -> Tensor:
        return self.send(self.gather(index))

    def span(self, start: int, stop: int) -> Tensor:
        return self.send(self._collate(range(start, min(stop, len(self)))))

    def _samples(self, index: Any) -> list[Any]:
        # torch's way to fetch several items together.
        fetch = getattr(self.items, "__getitems__", None)
        items = [self.items[i] for i in index] if fetch is None else fetch(list(index))
        return [item[0] if isinstance(item, (tuple, list)) else item for item in items]

    def _collate(self, index: Any) -> Tensor:
        rows = _collated(self._samples(index))
        if tuple(rows.shape[1:]) != self.row_shape:
            raise ValueError(_several_shapes([self.row_shape, tuple(rows.shape[1:])]))
        if rows.is_complex():
            raise ValueError("Complex data not supported: the items of a Dataset must be real.")
        is_inexact = rows.is_floating_point()
        rows = rows if self.columns is None else self.columns(rows.cpu())
        if is_inexact:
            self._check_finite(rows, index)
        return _ready(rows, self.device, self.dtype)

    def _check_finite(self, rows: Tensor, index: Any) -> None:
        # On the host, so that a device is not waited for.
        finite = torch.isfinite(rows.to(self.dtype).flatten(1)).all(dim=1)
        if not finite.all():
            position = int(index[int(finite.logical_not().nonzero()[0])])
            raise ValueError(
                "Input X contains NaN, infinity or a value too large for "
                f"{str(self.dtype).removeprefix('torch.')}. The items of a Dataset must be finite. "
                f"Got such a value in item {position}."
            )


def _collated(samples: list[Any]) -> Tensor:
    """Stack the samples of some items of a Dataset."""
    try:
        rows = default_collate(samples)
    except (RuntimeError, TypeError) as error:
        shapes = list(dict.fromkeys(tuple(getattr(sample, "shape", ())) for sample in samples))
        if len(shapes) > 1:
            raise ValueError(_several_shapes(shapes)) from error
        rows = None
    if isinstance(rows, Tensor):
        return rows
    raise TypeError(
        "The items of a Dataset must be samples x or pairs (x, y), where x is a tensor or an array "
        f"of numbers. Got x of type {type(samples[0]).__name__} instead; for example, "
        "torchvision.transforms.ToTensor makes tensors of images."
    )


def _several_shapes(shapes: list[tuple[int, ...]]) -> str:
    few = ", ".join(map(str, shapes[:3]))
    return (
        f"The items of a Dataset must have the same shape. Got shapes {few}; resize or pad them, "
        "images by the 'image_size' parameter."
    )


def as_rows(
    X: Any, device: torch.device, dtype: torch.dtype, columns: Transform | None = None
) -> Rows:
    """Wrap checked samples; an array is not copied.

    Parameters
    ----------
    X : ndarray, sparse matrix or Dataset
    device : torch.device
    dtype : torch.dtype
        Of the tensors that are fetched.
    columns : Transform or None, default=None
        Applied to tables before the cast, if it changes them.

    Returns
    -------
    Rows
    """
    if columns is not None and not columns.changes_rows:
        columns = None
    if sp.issparse(X):
        return _SparseRows(X, device, dtype, columns)
    if isinstance(X, np.ndarray):
        return _DenseRows(X, device, dtype, columns)
    return _ItemRows(X, device, dtype, columns)
