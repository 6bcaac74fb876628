"""Checks that random views share."""

from __future__ import annotations

from numbers import Real

from torch import Tensor

__all__ = ["check_batch", "check_callable", "check_floats", "check_fraction", "check_images"]


def check_batch(view: str, x: Tensor, rows: str = "at least one row") -> None:
    """Refuse what is no batch of samples."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{view} must get a batch as a tensor. Got {type(x).__name__} instead; "
            "torch.from_numpy makes one of an array."
        )
    if x.dim() < 2 or not len(x):
        raise ValueError(
            f"{view} must get a batch with {rows}, (n_samples, ...). Got a tensor of shape "
            f"{tuple(x.shape)} instead."
        )


def check_floats(view: str, x: Tensor) -> None:
    """Refuse images of integers, whose values cannot be interpolated."""
    if not x.is_floating_point():
        raise TypeError(
            f"{view} must get images of floating-point numbers. Got {x.dtype} instead; pass "
            "x.float()."
        )


def check_images(view: str, x: Tensor) -> None:
    """Refuse what is no batch of images."""
    check_batch(view, x, rows="at least one image")
    if x.dim() != 4:
        raise ValueError(
            f"{view} takes images of shape (n_samples, channels, height, width). Got an array of "
            f"shape {tuple(x.shape)} instead."
        )


def check_fraction(view: str, parameter: str, fraction: object) -> None:
    """Refuse what is no fraction."""
    if (
        isinstance(fraction, bool)
        or not isinstance(fraction, Real)
        or not 0 <= float(fraction) <= 1
    ):
        raise ValueError(
            f"The {parameter!r} parameter of {view} must be a float in the range [0, 1]. Got "
            f"{fraction!r} instead."
        )


def check_callable(view: str, first: object) -> None:
    """Refuse what cannot make a view."""
    if not callable(first):
        raise TypeError(
            f"The 'first' parameter of {view} must be a callable, which makes a view of a batch. "
            f"Got {first!r} instead."
        )
