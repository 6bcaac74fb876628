"""The accelerator: the one type of device, besides the CPU, whose memory and draws are managed."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["accelerator", "accelerator_name", "is_accelerator"]

# Type of the device in torch's terms; tests replace it by that of a device without hardware.
_NAME = "cuda"


def accelerator_name() -> str:
    """Return the type of the device."""
    return _NAME


def accelerator() -> Any:
    """Return torch's module for the device, such as ``torch.cuda``."""
    return getattr(torch, _NAME)


def is_accelerator(device: torch.device) -> bool:
    """Tell whether a device is of this type."""
    return device.type == _NAME
