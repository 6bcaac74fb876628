"""Devices: the one to train on, its free memory, and launched processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import torch

__all__ = ["find_device", "free_memory", "launched"]


def find_device(device: str | torch.device) -> torch.device:
    """Resolve ``"auto"`` and ``"accelerate"``, and check that a device is there.

    Parameters
    ----------
    device : str or torch.device

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If there is no such device here.
    ImportError
        If it is "accelerate" and that package is not installed.
    """
    if device == "accelerate":
        found = launched().device
        return torch.device("cpu") if found.type == "cpu" else found
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"The 'device' parameter of NoisyLabelClassifier is {str(device)!r}, which is not "
            f"available here (torch {torch.__version__}); use 'auto' or 'cpu'."
        ) from error
    return found


def launched() -> Any:
    """The processes that a launcher has started, as accelerate knows them; without one, this."""
    try:
        from accelerate import PartialState
        from accelerate.utils import parse_flag_from_env
    except ImportError as error:
        raise ImportError(
            "device='accelerate' needs the package accelerate: pip install 'sknoisy[accelerate]'."
        ) from error
    if "LOCAL_RANK" in os.environ and multiprocessing.parent_process() is not None:
        raise RuntimeError(
            "device='accelerate' trains in the processes that a launcher has started, not in those "
            "that one of them starts: leave n_jobs=None there."
        )
    # Of several processes accelerate takes those on CPUs for separate ones unless told.
    several = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
    return PartialState(cpu=several or parse_flag_from_env("ACCELERATE_USE_CPU"))


def free_memory(device: torch.device) -> float:
    """Bytes that nothing uses; infinite where the system does not tell."""
    if device.type == "cuda":
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + held)
    if device.type != "cpu":
        return float("inf")
    free = float("inf")
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        free = 1024.0 * int(line.split()[1])
    with contextlib.suppress(OSError, ValueError):
        # A container may have less than its machine.
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current")
        )
        free = min(free, float(limit - used))
    return free
