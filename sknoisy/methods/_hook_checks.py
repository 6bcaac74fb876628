"""Checks of what hooks return, as users may write them; no value is read from a device."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sknoisy.methods._batch import Batch

__all__ = ["check_batch", "check_losses", "check_sample_weights"]


def check_batch(batch: Any, method: object) -> Batch:
    """Check that ``prepare_batch`` returned a batch."""
    if not isinstance(batch, Batch):
        raise TypeError(
            f"The 'method' parameter: prepare_batch of {type(method).__name__} must return a "
            f"Batch. Got {batch!r:.80} instead."
        )
    return batch


def check_losses(losses: Any, logits: Tensor, method: object) -> Tensor:
    """Check that ``loss`` returned one number for each sample, or for each network and sample."""
    what = f"The 'method' parameter: the loss of {type(method).__name__}"
    if not isinstance(losses, Tensor):
        raise TypeError(f"{what} must be a tensor. Got {type(losses).__name__} instead.")
    if losses.shape not in (logits.shape[:-1], logits.shape[-2:-1]):
        raise ValueError(
            f"{what} has shape {tuple(losses.shape)}, but one number for each sample was expected, "
            f"of shape {tuple(logits.shape[:-1])}."
        )
    if not losses.requires_grad:
        raise ValueError(f"{what} has no gradient.")
    return losses


def check_sample_weights(weights: Any, losses: Tensor, method: object) -> Tensor | None:
    """Check that ``sample_weights`` returned one number for each loss, or None."""
    if weights is None:
        return None
    if not isinstance(weights, Tensor) or weights.shape not in (losses.shape, losses.shape[-1:]):
        got = tuple(weights.shape) if isinstance(weights, Tensor) else type(weights).__name__
        raise ValueError(
            f"The 'method' parameter: sample_weights of {type(method).__name__} must return a "
            f"tensor of shape {tuple(losses.shape)}, or None. Got {got} instead."
        )
    return weights
