"""Check of numbers among the arguments; tensors are not checked, as a device is waited for then."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from torch import Tensor

__all__ = ["check_scalar"]


def check_scalar(
    function: str, name: str, value: Any, low: float, high: float = math.inf, left: str = "["
) -> None:
    """Check that a number is finite and lies in a range, whose left end is open with ``left="("``.

    Raises
    ------
    ValueError
        The message names the parameter.
    """
    if isinstance(value, Tensor):
        return
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and math.isfinite(value) and low <= value <= high and (left == "[" or value > low):
        return
    right = ")" if high == math.inf else "]"
    raise ValueError(
        f"The {name!r} parameter of {function} must be a number in the range {left}{low:g}, "
        f"{high:g}{right}. Got {value!r} instead."
    )
