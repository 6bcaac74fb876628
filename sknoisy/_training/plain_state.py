"""The state that users' objects keep in attributes: callbacks, views and networks."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from types import FunctionType
from typing import Any

import torch
from torch import nn

__all__ = ["module_numbers", "object_states", "set_module_numbers", "set_object_states"]

Named = Sequence[tuple[str, Any]]


def object_states(objects: Named) -> dict[str, Any]:
    """Return the state of objects: what they have learned from the epochs so far.

    Schedulers and the like have a ``state_dict``; other attributes are kept if they can be pickled.
    Parameters of an object are left out, because they are those of the call that goes on.
    """
    return {
        name: (_kind(part), _state(part))
        for name, part in objects
        if hasattr(part, "__dict__") and not isinstance(part, FunctionType)
    }


def set_object_states(objects: Named, states: Mapping[str, Any]) -> None:
    """Restore the states of the objects that have the same name and class."""
    for name, part in objects:
        kind, state = states.get(name, (None, {}))
        if kind != _kind(part):
            continue
        for attribute, (has_state_dict, value) in state.items():
            if not has_state_dict:
                part.__dict__[attribute] = pickle.loads(value)
            elif hasattr(part, attribute):
                getattr(part, attribute).load_state_dict(pickle.loads(value))


def module_numbers(module: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the plain numbers of a network and its parts, such as a count of steps."""
    kinds = (bool, int, float)
    return {
        name: {key: value for key, value in vars(part).items() if type(value) in kinds}
        for name, part in module.named_modules()
    }


def set_module_numbers(module: nn.Module, numbers: Mapping[str, dict[str, Any]]) -> None:
    """Restore the plain numbers of a network and its parts."""
    for name, part in module.named_modules():
        vars(part).update(numbers.get(name, {}))


def _kind(part: Any) -> str:
    return f"{type(part).__module__}.{type(part).__qualname__}"


def _state(part: Any) -> dict[str, tuple[bool, bytes]]:
    params = part.get_params(deep=False) if hasattr(part, "get_params") else {}
    state = {}
    for name, value in vars(part).items():
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
