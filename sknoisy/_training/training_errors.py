"""Errors of a running training, with the epoch, the batch and a remedy that fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from sknoisy._training.settings import Rate

__all__ = ["divergence_error", "explained_errors", "is_out_of_memory"]

# torch has a class of errors for the memory of accelerators, but not for that of the host.
_NO_MEMORY = ("can't allocate memory", "not enough memory")
_ONE_ROW = "Expected more than 1 value per channel"


def divergence_error(
    loss: float,
    epoch: int,
    batch: int,
    optimizer: torch.optim.Optimizer,
    smoothing: Rate,
    views_are_finite: bool = True,
) -> FloatingPointError:
    """Make the error for a training loss that is not finite.

    Parameters
    ----------
    loss : float
    epoch, batch : int
        Numbers from 1.
    optimizer : Optimizer
    smoothing : float or tuple of float
        The smoothing rate of the epoch.
    views_are_finite : bool, default=True
        Whether all random views of the training have been finite.
    """
    group = optimizer.param_groups[0]
    lr, rate = group["lr"], float(np.min(smoothing))
    if not views_are_finite:
        remedy = "The 'augment' parameter returned NaN or infinity: it must return finite numbers."
    elif lr > group.get("initial_lr", lr):
        remedy = (
            f"The 'lr_schedule' parameter has raised the learning rate from "
            f"{group['initial_lr']:g}: lower its factor, or 'lr'."
        )
    elif rate < 0:
        remedy = (
            "Lower 'lr', or bound the logits with 'logit_bound': with a negative 'smoothing' the "
            "loss has no lower limit."
        )
    else:
        remedy = "Lower 'lr', or bound the logits with 'logit_bound'."
    return FloatingPointError(
        f"The training loss is {loss} in epoch {epoch}, batch {batch}, with lr={lr:g} and "
        f"smoothing={rate:g}. {remedy}"
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory was not enough."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


@contextmanager
def explained_errors(batch_size: int) -> Iterator[None]:
    """Name the batch size in errors that depend on it; all others are unchanged.

    Raises
    ------
    torch.OutOfMemoryError, RuntimeError, MemoryError
        If memory is not enough, of the type that was raised.
    ValueError
        If batch normalisation got a single row.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise type(error)(
                f"Memory was not enough to train with batch_size={batch_size}. Try a lower "
                "'batch_size', a smaller 'module', precision='bf16-mixed', or images of a lower "
                f"'image_size'. The estimator is as before. {error}"
            ) from error
        if isinstance(error, ValueError) and _ONE_ROW in str(error):
            raise ValueError(
                "The 'batch_size' parameter must be at least 2 with a 'module' that has batch "
                f"normalisation. Got {batch_size}: {error}"
            ) from error
        raise
