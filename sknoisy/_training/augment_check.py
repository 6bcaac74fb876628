"""Check of the random views that a user's function makes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["CheckedAugment"]


class CheckedAugment:
    """Make random views, and check that they are views of the batch.

    Type, shape and dtype of each view are checked. Its values are read in the first view only, as
    a device is waited for then; of later views it is noted whether they are finite.

    Parameters
    ----------
    augment : callable
        Makes a random view of a batch.

    Attributes
    ----------
    function : callable
    is_used : bool
        Whether a view was made.
    is_finite : bool or Tensor of bool
        Whether all views have been finite.
    """

    def __init__(self, augment: Callable[[Tensor], Tensor]) -> None:
        self.function = augment
        self.is_used = False
        self.is_finite: bool | Tensor = True

    def __call__(self, x: Tensor) -> Tensor:
        version = x._version
        try:
            view = self.function(x)
        except Exception as error:
            error.add_note(f"The 'augment' parameter failed on a batch of shape {tuple(x.shape)}.")
            raise
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
        finite = torch.isfinite(view).all()
        if not self.is_used:
            if not finite:
                raise ValueError(f"{must} finite numbers. Got NaN or infinity.")
            self.is_used = True
        self.is_finite = finite & self.is_finite
        return view
