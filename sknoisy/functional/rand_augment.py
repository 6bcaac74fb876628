"""Strong random views of images: random operations of random kinds, and erased squares."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral

import torch
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional._view_checks import (
    check_batch,
    check_callable,
    check_floats,
    check_fraction,
    check_images,
)
from sknoisy.functional.augment import RandomShift

__all__ = ["Cutout", "RandAugment"]

_MAX_ANGLE, _MAX_SHEAR, _MAX_TRANSLATION = math.pi / 6, 0.3, 0.45
_N_GEOMETRIC, _N_OF_COLOR = 5, 7


@dataclass(frozen=True)
class RandAugment:
    """Change each image by random operations of random kinds, after another view.

    The operations are rotation, shears, translations, brightness, contrast, colour, sharpness,
    posterisation, solarisation and auto-contrast, each with equal probability and in a random
    direction. Brightness and the like refer to the least and the largest value of each image, so
    that images may have any scale.

    Parameters
    ----------
    n_operations : int, default=2
        Number of operations for each image.
    magnitude : float, default=0.3
        Strength of the operations, in [0, 1]: 1 rotates by 30 degrees.
    first : callable, default=RandomShift()
        View that is applied before.

    References
    ----------
    Cubuk et al., "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
    NeurIPS 2020. Departures: operations are computed for the whole batch on its device; there is no
    equalisation, and geometric operations interpolate and repeat the border.

    Examples
    --------
    >>> import torch
    >>> RandAugment()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    n_operations: int = 2
    magnitude: float = 0.3
    first: Callable[[Tensor], Tensor] = field(default_factory=RandomShift)

    def __post_init__(self) -> None:
        n = self.n_operations
        if isinstance(n, bool) or not isinstance(n, Integral) or int(n) < 1:
            raise ValueError(
                "The 'n_operations' parameter of RandAugment must be an int in the range [1, inf). "
                f"Got {n!r} instead."
            )
        check_fraction("RandAugment", "magnitude", self.magnitude)
        check_callable("RandAugment", self.first)

    def __call__(self, x: Tensor) -> Tensor:
        check_batch("RandAugment", x)
        check_floats("RandAugment", x)
        x = self.first(x)
        check_images("RandAugment", x)
        for _ in range(self.n_operations):
            kind = torch.randint(_N_GEOMETRIC + _N_OF_COLOR, (len(x),), device=x.device)
            signs = 2 * torch.randint(2, (len(x),), device=x.device) - 1
            strength = self.magnitude * signs.to(x.dtype)
            x = _changed_in_color(_moved(x, kind, strength), kind - _N_GEOMETRIC, strength)
        return x


@dataclass(frozen=True)
class Cutout:
    """Replace a square of each image by the mean of the image, after another view.

    Parameters
    ----------
    fraction : float, default=0.5
        Side of the square, as a fraction of the shorter side of the image; its centre may be
        anywhere in the image.
    first : callable, default=RandAugment()
        View that is applied before.

    References
    ----------
    DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout",
    2017.

    Examples
    --------
    >>> import torch
    >>> Cutout(fraction=0.25)(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    fraction: float = 0.5
    first: Callable[[Tensor], Tensor] = field(default_factory=RandAugment)

    def __post_init__(self) -> None:
        check_fraction("Cutout", "fraction", self.fraction)
        check_callable("Cutout", self.first)

    def __call__(self, x: Tensor) -> Tensor:
        check_batch("Cutout", x)
        check_floats("Cutout", x)
        x = self.first(x)
        check_images("Cutout", x)
        n, _, height, width = x.shape
        side = round(self.fraction * min(height, width))
        inside = torch.ones((), dtype=torch.bool, device=x.device)
        for length, shape in ((height, (n, 1, -1, 1)), (width, (n, 1, 1, -1))):
            start = torch.randint(length, (n, 1), device=x.device) - side // 2
            position = torch.arange(length, device=x.device)
            inside = inside & ((position >= start) & (position < start + side)).view(shape)
        return torch.where(inside, x.mean(dim=(1, 2, 3), keepdim=True), x)


def _moved(x: Tensor, kind: Tensor, strength: Tensor) -> Tensor:
    """Rotate, shear or translate the images with these kinds of operations."""
    zero = torch.zeros_like(strength)
    angle, shear_x, shear_y, shift_x, shift_y = (
        torch.where(kind == i, largest * strength, zero)
        for i, largest in enumerate(
            (_MAX_ANGLE, _MAX_SHEAR, _MAX_SHEAR, 2 * _MAX_TRANSLATION, 2 * _MAX_TRANSLATION)
        )
    )
    # Positions are in units of half the height and width, so a rotation depends on their ratio.
    ratio = x.shape[-2] / x.shape[-1]
    rows = [
        torch.stack([angle.cos(), shear_x - angle.sin() * ratio, shift_x], dim=1),
        torch.stack([shear_y + angle.sin() / ratio, angle.cos(), shift_y], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return torch.where((kind < _N_GEOMETRIC).view(-1, 1, 1, 1), moved, x)


def _changed_in_color(x: Tensor, kind: Tensor, strength: Tensor) -> Tensor:
    """Change brightness, contrast and the like of the images with these kinds of operations."""
    kind, strength = kind.view(-1, 1, 1, 1), strength.view(-1, 1, 1, 1)
    low, high = x.amin(dim=(1, 2, 3), keepdim=True), x.amax(dim=(1, 2, 3), keepdim=True)
    extent = (high - low).clamp_min(torch.finfo(x.dtype).tiny)
    gray, mean = x.mean(dim=1, keepdim=True), x.mean(dim=(1, 2, 3), keepdim=True)
    blurred = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    factor = 1 + 0.9 * strength
    # Eight grey levels at full strength, 64 without.
    levels = torch.exp2(6 - 3 * strength.abs())
    per_channel = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    stretched = (x - per_channel[0]) / (per_channel[1] - per_channel[0]).clamp_min(
        torch.finfo(x.dtype).tiny
    )
    changed = (
        low + factor * (x - low),
        mean + factor * (x - mean),
        gray + factor * (x - gray),
        blurred + factor * (x - blurred),
        low + extent * ((x - low) / extent * levels).floor() / levels,
        torch.where(x - low > extent * (1 - 0.5 * strength.abs()), low + high - x, x),
        low + extent * stretched,
    )
    result = x
    for i, image in enumerate(changed):
        result = torch.where(kind == i, image.clamp(low, high), result)
    return result
