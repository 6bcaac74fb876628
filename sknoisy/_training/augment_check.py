"""Check of the random views that a user's function makes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["CheckedAugment"]


class CheckedAugment:
    """Make random views, and check that they are views of the batch.

    Type, shape and dtype of each view are checked. Its values are checked in the first view only,
    since a device is waited for when they are read.

    Parameters
    ----------
    augment : callable
        Makes a random view of a batch.

    Attributes
    ----------
    function : callable
    is_used : bool
        Whether a view was made.
    """

    def __init__(self, augment: Callable[[Tensor], Tensor]) -> None:
        self.function = augment
        self.is_used = False

    def __call__(self, x: Tensor) -> Tensor:
        version = x._version
        view = self.function(x)
        must = "The 'augment' parameter must return"
        if not isinstance(view, Tensor):
            raise TypeError(f"{must} a tensor. Got {type(view).__name__} instead.")
        if view.shape != x.shape or view.dtype != x.dtype:
            raise ValueError(
                f"{must} a tensor of the shape and dtype of its argument, {tuple(x.shape)} and "
                f"{x.dtype}. Got {tuple(view.shape)} and {view.dtype} instead."
            )
        if x._version != version:
            raise ValueError(f"{must} a new tensor. Got one that changes its argument in place.")
        if not self.is_used:
            if not torch.isfinite(view).all():
                raise ValueError(f"{must} finite numbers. Got NaN or infinity.")
            self.is_used = True
        return view
