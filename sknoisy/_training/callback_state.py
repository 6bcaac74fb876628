"""The state of skorch's callbacks, so that a training that goes on has it too."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

__all__ = ["callback_states", "set_callback_states"]

Named = Sequence[tuple[str, Any]]


def callback_states(callbacks: Named) -> dict[str, Any]:
    """Return the state of each callback: what it has learned from the epochs so far.

    Schedulers and the like have a ``state_dict``; other attributes are kept if they can be pickled.
    Parameters of a callback are left out, because they are those of the call that goes on.
    """
    return {name: (_kind(callback), _state(callback)) for name, callback in callbacks}


def set_callback_states(callbacks: Named, states: dict[str, Any]) -> None:
    """Restore the states of the callbacks that have the same name and class."""
    for name, callback in callbacks:
        kind, state = states.get(name, (None, {}))
        if kind != _kind(callback):
            continue
        for attribute, (has_state_dict, value) in state.items():
            if not has_state_dict:
                setattr(callback, attribute, pickle.loads(value))
            elif hasattr(callback, attribute):
                getattr(callback, attribute).load_state_dict(pickle.loads(value))


def _kind(callback: Any) -> str:
    return f"{type(callback).__module__}.{type(callback).__qualname__}"


def _state(callback: Any) -> dict[str, tuple[bool, bytes]]:
    params = callback.get_params(deep=False)
    state = {}
    for name, value in vars(callback).items():
        is_part_of_net = isinstance(value, nn.Module | torch.optim.Optimizer)
        if name in params or is_part_of_net or hasattr(value, "get_params_for_optimizer"):
            continue
        has_state_dict = hasattr(value, "state_dict") and hasattr(value, "load_state_dict")
        try:
            pickled = pickle.dumps(value.state_dict() if has_state_dict else value)
        except Exception:
            # Open files and functions, for example, are opened or set when a training begins.
            continue
        state[name] = has_state_dict, pickled
    return state
