"""The state of a method: copied and restored during training, pickled afterwards."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from sknoisy._runtime.serialization import to_arrays, to_tensors

__all__ = ["copy_state", "get_state", "restore_state", "set_state"]

_MODULE_ATTRIBUTES = frozenset(vars(nn.Module()))


def copy_state(module: nn.Module) -> dict[str, Any]:
    """Copy buffers, parameters and submodules; other attributes are shared."""
    return {
        "plain": _plain_attributes(module),
        "buffers": {name: _cloned(value) for name, value in module._buffers.items()},
        "parameters": {name: _cloned(value) for name, value in module._parameters.items()},
        "modules": {k: copy.deepcopy(m.state_dict()) for k, m in module.named_children()},
    }


def restore_state(module: nn.Module, state: Mapping[str, Any]) -> None:
    """Restore the result of :func:`copy_state` in place: parameters stay the same objects."""
    for name in _plain_attributes(module):
        del module.__dict__[name]
    module.__dict__.update(state["plain"])
    for name, value in state["buffers"].items():
        module._buffers[name] = _cloned(value)
    for name, parameter in module.named_parameters(recurse=False):
        parameter.data.copy_(state["parameters"][name])
    for name, child in module.named_children():
        child.load_state_dict(state["modules"][name])


def get_state(module: nn.Module) -> dict[str, Any]:
    """Return the state with arrays instead of tensors, which load on any device."""
    parameters = module._parameters
    return {
        "plain": _plain_attributes(module),
        "buffers": to_arrays(module._buffers),
        "parameters": to_arrays(parameters),
        "frozen": [k for k, p in parameters.items() if p is None or not p.requires_grad],
        "non_persistent": sorted(module._non_persistent_buffers_set),
        "modules": dict(module._modules),
    }


def set_state(module: nn.Module, state: Mapping[str, Any]) -> None:
    """Initialise a module and set the state that :func:`get_state` returned."""
    nn.Module.__init__(module)
    module.__dict__.update(state["plain"])
    for name, value in to_tensors(state["buffers"]).items():
        module.register_buffer(name, value, persistent=name not in state["non_persistent"])
    for name, value in to_tensors(state["parameters"]).items():
        trainable = name not in state["frozen"]
        parameter = None if value is None else nn.Parameter(value, trainable)
        module.register_parameter(name, parameter)
    for name, child in state["modules"].items():
        module.add_module(name, child)


def _plain_attributes(module: nn.Module) -> dict[str, Any]:
    return {name: v for name, v in vars(module).items() if name not in _MODULE_ATTRIBUTES}


def _cloned(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach().clone()
