"""Batches of several folds, stacked along a leading axis of folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sknoisy._data.loader import BatchLoader
from sknoisy.search._fold import Fold

__all__ = ["Chunk", "FoldBatches", "stack_padded"]


@dataclass(frozen=True)
class Chunk:
    """Some batches of several folds.

    A fold with fewer rows is padded with its last row, at weight zero.

    Attributes
    ----------
    x, y, weight, index : Tensor of shape (n_folds, n_samples, ...)
    labels : tuple of Tensor
        Soft labels of the samples, if there are any.
    sizes : list of int
        Sizes of the batches.
    fold_sizes : list of list of int
        Sizes of the batches of each fold, without padding.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    index: Tensor
    labels: tuple[Tensor, ...]
    sizes: list[int]
    fold_sizes: list[list[int]]

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield x, y, weight and index of each batch, and soft labels if there are any."""
        parts = (self.x, self.y, self.weight, self.index, *self.labels)
        return zip(*(part.split(self.sizes, dim=1) for part in parts), strict=True)


class FoldBatches:
    """The batches of one epoch of several folds.

    Parameters
    ----------
    folds : list of Fold
        Folds with the same signature.
    generators : list of torch.Generator or None
        One for each fold, or one that draws the same order for all folds; None: torch's global
        generator.
    """

    def __init__(self, folds: list[Fold], generators: Sequence[torch.Generator | None]) -> None:
        self.loaders = [BatchLoader(f.data, f.batch_size, shuffle=True) for f in folds]
        self.generators = generators

    def __len__(self) -> int:
        return len(self.loaders[0])

    def __iter__(self) -> Iterator[Chunk]:
        pairs = zip(self.loaders, self.generators, strict=False)
        orders = [torch.randperm(len(loader.dataset), generator=g) for loader, g in pairs]
        if len(orders) < len(self.loaders):
            orders *= len(self.loaders)
        chunks = [loader.chunks(order) for loader, order in zip(self.loaders, orders, strict=True)]
        for parts in zip(*chunks, strict=True):
            x, y, weight, index, fold_sizes = zip(*parts, strict=True)
            labels = [
                loader.dataset.soft_labels[rows]
                for loader, rows in zip(self.loaders, index, strict=True)
                if loader.dataset.soft_labels is not None
            ]
            yield Chunk(
                stack_padded(x),
                stack_padded(y),
                stack_padded(weight, repeat_last=False),
                stack_padded(index),
                (stack_padded(labels),) if labels else (),
                [max(sizes) for sizes in zip(*fold_sizes, strict=True)],
                list(fold_sizes),
            )


def stack_padded(parts: Sequence[Tensor], repeat_last: bool = True) -> Tensor:
    """Stack tensors of similar length, padded with their last entry or with zeros."""
    if len(parts) == 1:
        return parts[0].unsqueeze(0)
    longest = max(map(len, parts))
    return torch.stack([_padded(part, longest, repeat_last) for part in parts])


def _padded(part: Tensor, n: int, repeat_last: bool) -> Tensor:
    if len(part) == n:
        return part
    padding = part[-1:].expand(n - len(part), *part.shape[1:])
    return torch.cat([part, padding if repeat_last else torch.zeros_like(padding)])
