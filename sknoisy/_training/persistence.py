"""State of a trained net for pickle, joblib, skops and transfer between processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sknoisy._runtime.accelerator import accelerator, accelerator_name, is_accelerator
from sknoisy._runtime.randomness import seeded
from sknoisy._runtime.serialization import to_arrays, to_tensors
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._training.plain import from_plain, to_plain
from sknoisy.networks import FineTuned

__all__ = ["get_state", "load_optimizer_state", "set_state", "weights_of"]


# Made by __init__ and when the parts of a net are built, or only of use during a training.
_DERIVED = ("_lock", "_params_to_validate", "init_context_", "loop_", "virtual_params_")
_COMPARED = (type(None), bool, int, float, str, range)
_PLAIN = ("columns_", "dtype", "module", "noise_", "optimizer", "settings")


def get_state(net: Any) -> dict[str, Any]:
    """Return the attributes of a skorch net in which it differs from a new one.

    Tensors become arrays, which load on any device, and objects of this package plain data, so that
    skops need trust neither pickled bytes nor many types. A running training is omitted.
    """
    new = vars(type(net)(net.module, n_classes=net.n_classes, settings=net.settings))
    state = {
        name: value
        for name, value in vars(net).items()
        if name not in _DERIVED and not (name in new and _is_same(value, new[name]))
    }
    state.update(module=net.module, n_classes=net.n_classes, settings=net.settings)
    if _has_default_callbacks(net):
        state.pop("callbacks_", None)
    for name in _PLAIN:
        if name in state:
            state[name] = to_plain(state[name])
    if net.initialized_:
        state["history_"] = list(net.history)
        if not isinstance(net.module, nn.Module):
            state.update(weights_of(net.module_))
        state["optimizer_"] = to_arrays(net.optimizer_.state_dict())
    return state


def set_state(net: Any, state: dict[str, Any]) -> None:
    """Restore a skorch net from the state that :func:`get_state` returned."""
    state = {name: from_plain(v) if name in _PLAIN else v for name, v in state.items()}
    module, n_classes, settings = (state.pop(k) for k in ("module", "n_classes", "settings"))
    names = ("module_", "criterion_", "optimizer_", "history_", "frozen_")
    weights, criterion, optimizer, history, frozen = (state.pop(name, ()) for name in names)
    initialized = state.pop("initialized_", False)
    parts = {name: value for name, value in state.items() if "__" in name}
    net.__init__(module, n_classes=n_classes, settings=settings, **parts)
    vars(net).update(state)
    if not initialized:
        return
    net.device = _available_device(net)
    if _has_default_callbacks(net):
        net._initialize_callbacks()
    with default_torch_settings():
        with net._current_init_context("module"):
            if isinstance(weights, nn.Module):
                net.module_ = weights.to(net.device)
            else:
                _load_module(net, to_tensors(weights))
                for name, parameter in net.module_.named_parameters():
                    parameter.requires_grad_(name not in frozen)
        with net._current_init_context("criterion"):
            net.criterion_ = criterion.to(net.device)
        net.module_.eval()
        net.criterion_.eval()
        net._initialize_optimizer()
        load_optimizer_state(net.optimizer_, to_tensors(optimizer))
    net.initialize_history()
    net.history.extend(history)
    net.initialized_ = True


def weights_of(module: nn.Module) -> dict[str, Any]:
    """Return the weights of a network as arrays, and the names of those that are not trained."""
    frozen = [name for name, p in module.named_parameters() if not p.requires_grad]
    return {"module_": to_arrays(module.state_dict()), "frozen_": frozen}


def _is_same(value: Any, other: Any) -> bool:
    if value is other:
        return True
    return type(value) is type(other) and isinstance(value, _COMPARED) and value == other


def _has_default_callbacks(net: Any) -> bool:
    return not net.callbacks or net.callbacks == "disable"


def _load_module(net: Any, state: dict[str, Tensor]) -> None:
    """Build the network with stored weights.

    The networks of this package are built on the meta device, where they draw no initial weights,
    so that loading need not wait for the generator that another thread trains with. Other modules
    may compute more than weights from tensors, and are built normally; so may a part of FineTuned.
    """
    device, home = net.device, getattr(net.module, "__module__", "")
    if home.startswith("sknoisy.networks") and net.module is not FineTuned:
        try:
            with torch.device("meta"):
                net.device = "meta"
                net.initialize_module()
        finally:
            net.device = device
        net.module_.load_state_dict(state, assign=True)
        net.module_.to(device, net.dtype)
        return
    with seeded(torch.device("cpu")):
        net.initialize_module()
        net.module_.load_state_dict(state)


def _available_device(net: Any) -> str:
    device = torch.device(net.device)
    if is_accelerator(device) and not accelerator().is_available():
        return net._check_device(net.device, "cpu")
    if is_accelerator(device) and (device.index or 0) >= accelerator().device_count():
        # The net was stored by one of several processes, or on a machine with more devices.
        return accelerator_name()
    return net.device


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Set the state of an optimizer with the same parameters.

    Moments get the memory layout of their parameter, which fused kernels rely on.
    """
    optimizer.load_state_dict(state)
    is_fused = any(group.get("fused") for group in optimizer.param_groups)
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if is_fused and np.ndim(value) and value.shape != parameter.shape:
                raise ValueError(f"{name} of the optimizer has another shape than its parameter")
            if torch.is_tensor(value) and value.shape == parameter.shape:
                like = parameter.detach().to(value.dtype)
                moments[name] = torch.empty_like(like).copy_(value)
