"""Checks of the parameters of built-in networks."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

__all__ = ["check_dropout", "check_widths"]


def check_widths(network: str, parameter: str, widths: Sequence[Any]) -> None:
    """Check the widths of layers."""
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, Integral) or width < 1:
            raise ValueError(
                f"The {parameter!r} parameter of {network} must hold ints in the range [1, inf). "
                f"Got {widths!r} instead."
            )


def check_dropout(network: str, dropout: Any) -> None:
    """Check a probability of dropping a unit."""
    if isinstance(dropout, bool) or not isinstance(dropout, Real) or not 0 <= float(dropout) < 1:
        raise ValueError(
            f"The 'dropout' parameter of {network} must be a float in the range [0, 1). Got "
            f"{dropout!r} instead."
        )
