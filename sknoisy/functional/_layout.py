"""Memory layout of the logits of several networks."""

from __future__ import annotations

from torch import Tensor

__all__ = ["class_major", "has_short_rows"]

# With fewer classes, operations along rows of classes are slow on the CPU, and fast along samples.
_FEW_CLASSES = 16


def has_short_rows(logits: Tensor) -> bool:
    """Whether the rows of classes are too short for fast vectorised operations on the CPU."""
    return logits.dim() > 2 and logits.shape[-1] < _FEW_CLASSES and logits.device.type == "cpu"


def class_major(logits: Tensor) -> Tensor:
    """Copy logits to the memory layout with classes first, if their own layout is slow."""
    if not has_short_rows(logits):
        return logits
    return logits.transpose(-1, -2).contiguous().transpose(-1, -2)
