"""Memory layout of logits of several networks."""

from __future__ import annotations

from torch import Tensor

__all__ = ["_class_by_class", "_short_rows"]


# Of several networks; one row after another fewer are slow, one class after another fast.
_FEW_CLASSES = 16


def _short_rows(logits: Tensor) -> bool:
    """Whether rows of classes are too short for a processor to compute with several at once."""
    return logits.dim() > 2 and logits.shape[-1] < _FEW_CLASSES and logits.device.type == "cpu"


def _class_by_class(logits: Tensor) -> Tensor:
    """The same logits; where there are few classes, in the memory one class lies after another."""
    if not _short_rows(logits):
        return logits
    return logits.transpose(-1, -2).contiguous().transpose(-1, -2)
