"""Tensors as NumPy arrays, so that trained state loads on any device, without torch pickles."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["to_arrays", "to_tensors"]


def to_arrays(value: Any) -> Any:
    """Convert the tensors in nested dicts and lists to arrays; tuples become lists."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        # NumPy has no bfloat16. Loading into a parameter casts it back.
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, dict):
        return {k: to_arrays(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_arrays(v) for v in value]
    return value


def to_tensors(value: Any) -> Any:
    """Convert the arrays in nested dicts and lists to tensors with copies of the data."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.array(value))
    if isinstance(value, dict):
        return {k: to_tensors(v) for k, v in value.items()}
    if isinstance(value, list):
        return [to_tensors(v) for v in value]
    return value
