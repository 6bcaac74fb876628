"""Checks of numbers and of shapes; values of tensors would have to wait for their device."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from torch import Tensor

__all__ = ["check_count", "check_scalar", "check_square"]


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


def check_count(
    function: str, name: str, value: Any, low: int, high: int | float = math.inf
) -> None:
    """Check that a number is an int in a range.

    Raises
    ------
    ValueError
        The message names the parameter.
    """
    is_count = isinstance(value, Integral) and not isinstance(value, bool)
    if isinstance(value, Tensor) or (is_count and low <= value <= high):
        return
    right = "inf)" if high == math.inf else f"{high}]"
    raise ValueError(
        f"The {name!r} parameter of {function} must be an int in the range [{low}, {right}. Got "
        f"{value!r} instead."
    )


def check_square(function: str, name: str, value: Any, n_classes: int | None = None) -> None:
    """Check that a tensor is a matrix with a row and a column for each class.

    Parameters
    ----------
    function, name : str
        The function and its parameter, for the error message.
    value : object
    n_classes : int, default=None
        None: any number of classes.

    Raises
    ------
    ValueError, TypeError
        The message names the parameter.
    """
    if not isinstance(value, Tensor):
        raise TypeError(
            f"The {name!r} parameter of {function} must be a Tensor. Got {type(value).__name__} "
            "instead."
        )
    shape = tuple(value.shape)
    k = n_classes or (shape[0] if shape else 1)
    if shape != (k, k):
        expected = (k, k) if n_classes else "(n_classes, n_classes)"
        raise ValueError(
            f"The {name!r} parameter of {function} must have shape {expected}. Got {shape} instead."
        )
