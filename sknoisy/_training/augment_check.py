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
    """

    def __init__(self, augment: Callable[[Tensor], Tensor]) -> None:
        self._augment = augment
        self._are_values_checked = False

    def __call__(self, x: Tensor) -> Tensor:
        version = x._version
        view = self._augment(x)
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
        if not self._are_values_checked:
            if not torch.isfinite(view).all():
                raise ValueError(f"{must} finite numbers. Got NaN or infinity.")
            self._are_values_checked = True
        return view
