"""Random views by name, for tables and images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

from torch import Tensor

from sknoisy.functional.augment import FeatureCorruption, RandomFlip, RandomShift
from sknoisy.functional.rand_augment import Cutout, RandAugment

__all__ = ["AUGMENTATIONS", "make_augment"]

AUGMENTATIONS = ("auto", "weak", "strong")
# Entries of a row that a strong view replaces.
_STRONG_FRACTION = 0.4


def make_augment(name: str, row_shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Make random views by name.

    Images are mirrored only if they have three channels, because a mirrored digit, for example, is
    not a digit.

    Parameters
    ----------
    name : "auto", "weak" or "strong"
        "weak" and "auto": images are shifted and, with three channels, mirrored; entries of tables
        are replaced. "strong": more entries are replaced; images are also changed by
        :class:`RandAugment` and :class:`Cutout`.
    row_shape : tuple of int
        Shape of a sample; images have three axes, (channels, height, width).

    Returns
    -------
    callable
        Takes a batch and returns a view of each sample.

    Raises
    ------
    ValueError
        If there is no such name, or ``row_shape`` is no shape.

    Examples
    --------
    >>> make_augment("weak", (1, 28, 28))
    RandomShift(fraction=0.125)
    >>> make_augment("weak", (3, 32, 32))
    RandomFlip(first=RandomShift(fraction=0.125))
    """
    if name not in AUGMENTATIONS:
        raise ValueError(
            f"The 'name' parameter must be one of {list(AUGMENTATIONS)}. Got {name!r} instead."
        )
    is_shape = isinstance(row_shape, Sequence) and len(row_shape) > 0
    if not is_shape or not all(isinstance(n, Integral) and int(n) >= 0 for n in row_shape):
        raise ValueError(
            "The 'row_shape' parameter must be the shape of a sample, a tuple of ints in the range "
            f"[0, inf). Got {row_shape!r} instead."
        )
    if len(row_shape) != 3:
        return FeatureCorruption(_STRONG_FRACTION) if name == "strong" else FeatureCorruption()
    weak = RandomFlip() if row_shape[0] == 3 else RandomShift()
    return Cutout(first=RandAugment(first=weak)) if name == "strong" else weak
