"""Checks of the training steps and the probabilities of methods, as users may write them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sknoisy.methods import Method, TrainingStep

__all__ = ["check_step", "checked_log_proba", "first_loss_error"]


def check_step(step: Any, method: Method) -> None:
    """Check the result of a ``training_step``.

    The losses may belong to other samples than the logits, if a method has its own order of hooks.
    """
    what = f"The 'method' parameter: training_step of {type(method).__name__} must return"
    if not isinstance(step, TrainingStep):
        raise TypeError(f"{what} a TrainingStep. Got {step!r:.80} instead.")
    if step.losses.dim() not in (1, step.logits.dim() - 1) or not step.losses.requires_grad:
        raise ValueError(
            f"{what} one loss for each sample, with a gradient. Got losses of shape "
            f"{tuple(step.losses.shape)} instead."
        )


def checked_log_proba(method: Method, logits: Tensor) -> Tensor:
    """Compute logarithms of probabilities, one for each sample and class."""
    log_proba = method.log_proba(logits)
    if log_proba.shape != logits.shape[-2:]:
        raise ValueError(
            f"The 'method' parameter: log_proba of {type(method).__name__} must return shape "
            f"{tuple(logits.shape[-2:])}. Got {tuple(log_proba.shape)} instead."
        )
    return log_proba


def first_loss_error(loss: float, method: Method) -> ValueError:
    """Make the error for a loss that is not finite before the first step."""
    return ValueError(
        f"The 'method' parameter: the loss of {type(method).__name__} is {loss} in the first "
        "batch, before any step. The logits and labels are finite, so look at the loss and the "
        "sample weights of the method."
    )
