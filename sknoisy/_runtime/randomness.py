"""Random generators: seeded, and put back afterwards."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

__all__ = ["generators_at", "seeded"]


# Torch's generator is one for the whole process, so fits in threads of one process take turns.
_GENERATOR = threading.RLock()


@contextlib.contextmanager
def seeded(device: torch.device, seed: int | None = None, state: Any = None) -> Iterator[dict]:
    """Draw from generators of one's own: torch's global ones are put back afterwards.

    Parameters
    ----------
    device : torch.device
    seed : int, default=None
        Where the draws begin; or
    state : dict of ndarray, default=None
        where an earlier context left off.

    Yields
    ------
    dict
        ``["state"]`` holds, after the context, where it left off.
    """
    left: dict[str, Any] = {}
    on_cuda = device.type == "cuda"
    index = torch.cuda.current_device() if on_cuda and device.index is None else device.index
    devices = [index] if on_cuda else []
    with _GENERATOR, torch.random.fork_rng(devices=devices):
        if state is not None:
            torch.set_rng_state(torch.from_numpy(np.array(state["cpu"])))
            if on_cuda and "cuda" in state:
                torch.cuda.set_rng_state(torch.from_numpy(np.array(state["cuda"])), device)
        elif seed is not None:
            # torch.manual_seed also queues a call, with a stack trace, for each absent accelerator.
            torch.default_generator.manual_seed(seed)
            if on_cuda:
                torch.cuda.manual_seed(seed)
        try:
            yield left
        finally:
            left["state"] = {"cpu": torch.get_rng_state().numpy()}
            if on_cuda:
                left["state"]["cuda"] = torch.cuda.get_rng_state(device).numpy()


def generators_at(state: dict, device: torch.device) -> dict[str, torch.Generator]:
    """Make generators that go on from where :func:`seeded` left those of torch, by device type."""
    made = {}
    for name, numbers in state.items():
        made[name] = torch.Generator(device if name == device.type else "cpu")
        made[name].set_state(torch.from_numpy(np.array(numbers)))
    return made
