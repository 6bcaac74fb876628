"""Random views of a batch, made on its device, for methods that compare several views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional._view_checks import (
    check_batch,
    check_callable,
    check_fraction,
    check_images,
)

__all__ = ["FeatureCorruption", "RandomFlip", "RandomShift"]


# Fraction of the entries of wide rows that "auto" replaces, the number of columns from which it is
# reached, and the number below which no entry is replaced.
_MAX_FRACTION, _WIDE, _NARROW = 0.2, 256, 8


@dataclass(frozen=True)
class FeatureCorruption:
    """Replace random entries of each row by values of the same column from random rows.

    New values are drawn from the same column of the batch. At a moderate fraction a network can
    still recognise the class of a row. The fewer columns there are, the more does the class depend
    on each.

    Parameters
    ----------
    fraction : float or "auto", default="auto"
        Expected fraction of entries to replace, in [0, 1]. "auto": none of fewer than 8 columns,
        one column of up to 36, then a growing number, up to a fifth of 256 columns and more.

    References
    ----------
    Bahri et al., "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption",
    ICLR 2022, Algorithm 1. Departures: the authors replace a fixed number of columns, 60 %, and
    draw values from the whole training set.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(6.0).reshape(3, 2)
    >>> view = FeatureCorruption(fraction=0.5)(x)
    >>> bool(torch.isin(view[:, 0], x[:, 0]).all())
    True
    """

    fraction: float | str = "auto"

    def __post_init__(self) -> None:
        if self.fraction != "auto":
            check_fraction("FeatureCorruption", "fraction", self.fraction)

    def __call__(self, x: Tensor) -> Tensor:
        check_batch("FeatureCorruption", x)
        fraction = self.fraction
        if isinstance(fraction, str):
            n = x[0].numel()
            fraction = max(1 / n, _MAX_FRACTION * min(n / _WIDE, 1)) if n >= _NARROW else 0.0
        donor = torch.randint(len(x), x.shape, device=x.device)
        replaced = torch.rand(x.shape, device=x.device) < fraction
        return torch.where(replaced, x.gather(0, donor), x)


@dataclass(frozen=True)
class RandomShift:
    """Shift each image by a random number of pixels in both directions, repeating its border.

    Parameters
    ----------
    fraction : float, default=0.125
        Largest shift, as a fraction of the longer side.

    Examples
    --------
    >>> import torch
    >>> RandomShift()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    fraction: float = 0.125

    def __post_init__(self) -> None:
        check_fraction("RandomShift", "fraction", self.fraction)

    def __call__(self, x: Tensor) -> Tensor:
        check_images("RandomShift", x)
        n, _, height, width = x.shape
        largest = round(self.fraction * max(height, width))
        padded = F.pad(x, (largest, largest, largest, largest), mode="replicate")
        top, left = torch.randint(2 * largest + 1, (2, n, 1), device=x.device)
        rows = top + torch.arange(height, device=x.device)
        columns = left + torch.arange(width, device=x.device)
        images = torch.arange(n, device=x.device).view(n, 1, 1)
        # Advanced indexing on both sides of the channel axis moves that axis to the end.
        shifted = padded[images, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
        return shifted.contiguous()


@dataclass(frozen=True)
class RandomFlip:
    """Mirror each image left to right with probability 0.5, after another view.

    Parameters
    ----------
    first : callable, default=RandomShift()
        View that is applied before mirroring.

    Examples
    --------
    >>> import torch
    >>> RandomFlip()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    first: Callable[[Tensor], Tensor] = RandomShift()

    def __post_init__(self) -> None:
        check_callable("RandomFlip", self.first)

    def __call__(self, x: Tensor) -> Tensor:
        check_batch("RandomFlip", x)
        x = self.first(x)
        check_images("RandomFlip", x)
        mirrored = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
        return torch.where(mirrored, x.flip(-1), x)
