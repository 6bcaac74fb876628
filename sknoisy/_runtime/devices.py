"""Devices: the one to train on, its free memory, and the processes of accelerate."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import torch

from sknoisy._runtime.accelerator import accelerator, accelerator_name, is_accelerator

__all__ = ["find_device", "free_memory", "launched"]


def find_device(device: str | torch.device) -> torch.device:
    """Resolve ``"auto"`` and ``"accelerate"``, and check that the device is available.

    Parameters
    ----------
    device : str or torch.device

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is not available.
    ImportError
        If it is "accelerate" and the package accelerate is not installed.
    """
    if device == "accelerate":
        launched_device = launched().device
        return torch.device("cpu") if launched_device.type == "cpu" else launched_device
    if device == "auto":
        if accelerator().is_available():
            return torch.device(accelerator_name())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        if resolved.type == "cpu" and resolved.index:
            raise RuntimeError("there is one CPU device only")
        if resolved.type == "meta":
            raise RuntimeError("tensors on the device meta have no values")
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The 'device' parameter of NoisyLabelClassifier is {str(device)!r}, which is not "
            f"available here (torch {torch.__version__}); use 'auto' or 'cpu'."
        ) from error
    return resolved


def launched() -> Any:
    """Return accelerate's state of the processes that a launcher started, or of this process alone.

    Returns
    -------
    accelerate.PartialState

    Raises
    ------
    ImportError
        If the package accelerate is not installed.
    RuntimeError
        If this is a worker that one of the launched processes started.
    """
    try:
        from accelerate import PartialState
        from accelerate.utils import parse_flag_from_env
    except ImportError as error:
        raise ImportError(
            "device='accelerate' needs the package accelerate: pip install 'sknoisy[accelerate]'."
        ) from error
    if "LOCAL_RANK" in os.environ and multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "device='accelerate' trains in the processes that a launcher has started, not in "
            "workers that they start: leave n_jobs=None there."
        )
    # On CPUs accelerate connects the processes only if the CPU is requested explicitly.
    on_cpus = "LOCAL_RANK" in os.environ and not accelerator().is_available()
    return PartialState(cpu=on_cpus or parse_flag_from_env("ACCELERATE_USE_CPU"))


def free_memory(device: torch.device) -> float:
    """Return the free memory of a device in bytes; infinite if it cannot be determined."""
    if is_accelerator(device):
        module = accelerator()
        # Memory that torch has reserved but does not use is free for it.
        cached = module.memory_reserved(device) - module.memory_allocated(device)
        return float(module.mem_get_info(device)[0] + cached)
    if device.type != "cpu":
        return float("inf")
    free = float("inf")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        free = 1024.0 * int(line.split()[1])
    with contextlib.suppress(OSError, ValueError):
        # A container may be limited to less memory than the machine has.
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current")
        )
        free = min(free, float(limit - used))
    return free
