"""Random generators of torch: seeded for a while, then restored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from sknoisy._runtime.accelerator import accelerator, accelerator_name, is_accelerator
from sknoisy._runtime.locks import ForkSafeLock

__all__ = ["generator_state", "generators_at", "seeded", "set_generator_state"]

# Torch has one global generator for the whole process, so fits in its threads take turns.
_GENERATOR = ForkSafeLock()


@contextlib.contextmanager
def seeded(device: torch.device, seed: int | None = None, state: Any = None) -> Iterator[dict]:
    """Seed torch's global generators inside the context, and restore them afterwards.

    Parameters
    ----------
    device : torch.device
        Its generator is seeded and restored too.
    seed : int, default=None
        Seed of the generators. Without seed and state, the generators are not changed.
    state : dict of ndarray, default=None
        State at the end of an earlier context, to continue from; ``seed`` is ignored then.

    Yields
    ------
    dict
        After the context, ``["state"]`` holds the state of the generators at its end.
    """
    final: dict[str, Any] = {}
    on_device, name = is_accelerator(device), accelerator_name()
    index = accelerator().current_device() if on_device and device.index is None else device.index
    devices = [index] if on_device else []
    with _GENERATOR, torch.random.fork_rng(devices=devices, device_type=name):
        if state is not None:
            set_generator_state(state, device)
        elif seed is not None:
            # torch.manual_seed also queues a call with a stack trace for each absent accelerator.
            torch.default_generator.manual_seed(seed)
            if on_device:
                accelerator().manual_seed(seed)
        try:
            yield final
        finally:
            final["state"] = generator_state(device)


def generator_state(device: torch.device) -> dict[str, np.ndarray]:
    """Return the state of torch's global generators, of the CPU and of a device."""
    state = {"cpu": torch.get_rng_state().numpy()}
    if is_accelerator(device):
        state[accelerator_name()] = accelerator().get_rng_state(device).numpy()
    return state


def set_generator_state(state: dict[str, np.ndarray], device: torch.device) -> None:
    """Set the state of torch's global generators, as far as it is known for the device."""
    torch.set_rng_state(torch.from_numpy(np.array(state["cpu"])))
    name = accelerator_name()
    if is_accelerator(device) and name in state:
        accelerator().set_rng_state(torch.from_numpy(np.array(state[name])), device)


def generators_at(state: dict, device: torch.device) -> dict[str, torch.Generator]:
    """Make a generator per device type that continues from a final state of :func:`seeded`."""
    generators = {}
    for name, values in state.items():
        generators[name] = torch.Generator(device if name == device.type else "cpu")
        generators[name].set_state(torch.from_numpy(np.array(values)))
    return generators
