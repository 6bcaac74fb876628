"""Checks of noise rates."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any


def _most(n_classes: int) -> float:
    """The largest rate of noise: that of labels drawn at random."""
    if not isinstance(n_classes, Integral):
        raise TypeError(f"n_classes must be an int. Got {n_classes!r}.")
    if n_classes < 2:
        raise ValueError(f"n_classes must be at least 2. Got {n_classes}.")
    return 1 - 1 / n_classes


def _checked(rate: Any, most: float) -> float:
    if not isinstance(rate, Real):
        raise TypeError(f"A rate of noise must be a number. Got {rate!r}.")
    if not 0 <= float(rate) <= most:
        raise ValueError(
            f"The rate of this kind of noise must be in the range [0, {most:g}]. Got {rate!r}."
        )
    return float(rate)
