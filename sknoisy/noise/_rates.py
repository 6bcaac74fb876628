"""Checks of noise rates."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

__all__ = ["check_rate", "max_rate"]


def max_rate(n_classes: int) -> float:
    """Return the highest noise rate: the noise rate of uniformly drawn labels."""
    if isinstance(n_classes, bool) or not isinstance(n_classes, Integral):
        raise TypeError(f"The 'n_classes' parameter must be an int. Got {n_classes!r} instead.")
    if n_classes < 2:
        raise ValueError(f"The 'n_classes' parameter must be at least 2. Got {n_classes} instead.")
    return 1 - 1 / n_classes


def check_rate(rate: Any, highest: float) -> float:
    """Check that a noise rate is a number from 0 to the highest."""
    if isinstance(rate, bool) or not isinstance(rate, Real):
        raise TypeError(f"The noise rate must be a number. Got {rate!r} instead.")
    if not 0 <= float(rate) <= highest:
        raise ValueError(
            f"The noise rate must be in the range [0, {highest:g}] for this kind of noise. Got "
            f"{rate!r} instead."
        )
    return float(rate)
