"""Checks of the parameters of built-in networks."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

__all__ = ["check_dropout", "check_sizes", "check_widths"]


def check_widths(network: str, parameter: str, widths: Any) -> None:
    """Check the widths of layers."""
    is_sequence = isinstance(widths, Sequence) and not isinstance(widths, str | bytes)
    if not is_sequence or not all(_is_positive(width) for width in widths):
        raise ValueError(
            f"The {parameter!r} parameter of {network} must hold ints in the range [1, inf). "
            f"Got {widths!r} instead."
        )


def check_sizes(network: str, **sizes: Any) -> None:
    """Check numbers of columns, channels, classes or units."""
    for parameter, size in sizes.items():
        if not _is_positive(size):
            raise ValueError(
                f"The {parameter!r} parameter of {network} must be an int in the range [1, inf). "
                f"Got {size!r} instead."
            )


def _is_positive(size: Any) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1


def check_dropout(network: str, dropout: Any) -> None:
    """Check a probability of dropping a unit."""
    if isinstance(dropout, bool) or not isinstance(dropout, Real) or not 0 <= float(dropout) < 1:
        raise ValueError(
            f"The 'dropout' parameter of {network} must be a float in the range [0, 1). Got "
            f"{dropout!r} instead."
        )
