"""torch's switches for deterministic algorithms, which matter to GPUs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["deterministic_algorithms"]

# cuBLAS is deterministic with one of two settings of its workspace, which it reads when it starts.
_CUBLAS, _WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


@contextlib.contextmanager
def deterministic_algorithms(enabled: bool = True) -> Iterator[None]:
    """Let torch use deterministic algorithms only inside the context; False: change nothing.

    An operation without such an algorithm raises a RuntimeError that names it. The settings from
    before are restored afterwards, the environment too.
    """
    if not enabled:
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.callback(
            torch.use_deterministic_algorithms,
            torch.are_deterministic_algorithms_enabled(),
            warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        cudnn = torch.backends.cudnn
        stack.callback(setattr, cudnn, "benchmark", cudnn.benchmark)
        stack.callback(setattr, cudnn, "deterministic", cudnn.deterministic)
        fill: Any = torch.utils.deterministic
        stack.callback(setattr, fill, "fill_uninitialized_memory", fill.fill_uninitialized_memory)
        if _CUBLAS not in os.environ:
            stack.callback(os.environ.pop, _CUBLAS, None)
            os.environ[_CUBLAS] = _WORKSPACE
        torch.use_deterministic_algorithms(True)
        cudnn.benchmark, cudnn.deterministic = False, True
        # It would slow down every new tensor, and nothing reads uninitialised memory.
        fill.fill_uninitialized_memory = False
        yield
