"""Loader of whole batches, which gathers the rows of many batches together."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows

__all__ = ["BatchLoader"]

# Limits on the batches and bytes that are gathered together.
_CHUNK_BATCHES, _CHUNK_BYTES = 64, 2**24
_INFERENCE_BYTES = 2**22

# Positions of rows, and the sizes of their batches.
Chunk = tuple[Tensor, list[int]]


class BatchLoader:
    """Cut whole batches from a training set.

    Rows of up to 64 batches are gathered together, within a constant amount of memory. Fetching row
    by row, as a DataLoader does, would double the training time and multiply the prediction time.

    Parameters
    ----------
    dataset : LabelledRows
    batch_size : int, default=None
        None: a size that suits inference.
    shuffle : bool, default=False
        Whether to draw a new order each time.
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
        """Return the number of rows of each batch."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        sizes = [self.batch_size] * whole + [rest] * (rest > 0)
        if len(sizes) > 1 and rest == 1:
            # Batch normalisation cannot train on a single row.
            sizes[-2:] = [self.batch_size + 1]
        return sizes

    def indices(self, order: Tensor | None = None) -> Iterator[tuple[Tensor, list[int]]]:
        """Yield the positions of the rows of each chunk, and the sizes of its batches.

        A shuffled loader draws a new order, unless one is given.
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
        """Yield rows, encoded labels, weights, positions and batch sizes of each chunk.

        The weights of an average batch sum to one.
        """
        y, weight = self.dataset.y, self.dataset.weight
        fetched = self._prefetched if self.dataset.rows.can_prefetch else self._fetched
        for x, index, sizes in fetched(self.indices(order)):
            index = index.to(y.device)
            batch_size = torch.from_numpy(np.repeat(sizes, sizes)).to(y.device)
            yield x, y[index], weight[index] / batch_size, index, sizes

    def _fetched(self, indices: Iterator[Chunk]) -> Iterator[tuple[Tensor, Tensor, list[int]]]:
        for index, sizes in indices:
            yield self.rows_at(index), index, sizes

    def _prefetched(self, indices: Iterator[Chunk]) -> Iterator[tuple[Tensor, Tensor, list[int]]]:
        """Gather the rows of the next chunk in another thread, while the device computes."""
        rows = self.dataset.rows
        with ThreadPoolExecutor(1) as thread:
            waiting: list[tuple[Future[Tensor], Chunk]] = []
            for chunk in indices:
                waiting.append((thread.submit(rows.gather, chunk[0]), chunk))
                if len(waiting) > 1:
                    gathered, earlier = waiting.pop(0)
                    yield rows.send(gathered.result()), *earlier
            for gathered, earlier in waiting:
                yield rows.send(gathered.result()), *earlier

    def weighted_rows(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the rows of each batch with their weights."""
        weight = self.dataset.weight
        for index, sizes in self.indices():
            for part in index.split(sizes):
                yield self.rows_at(part), weight[part.to(weight.device)]

    def rows_at(self, index: Tensor) -> Tensor:
        """Fetch rows; consecutive rows are sliced instead of gathered."""
        if not self.shuffle and self.dataset.index is None and len(index):
            return self.dataset.rows.span(int(index[0]), int(index[-1]) + 1)
        return self.dataset.rows.take(index)
