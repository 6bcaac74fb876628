"""State of a trained net for pickle, joblib, skops and transfer between processes."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import torch
from torch import Tensor, nn

from sknoisy._data.columns import ColumnTransform
from sknoisy._runtime.accelerator import accelerator, accelerator_name, is_accelerator
from sknoisy._runtime.locks import ForkSafeLock
from sknoisy._runtime.randomness import seeded
from sknoisy._runtime.serialization import to_arrays, to_tensors
from sknoisy._runtime.torch_settings import default_torch_settings

__all__ = ["get_state", "load_optimizer_state", "set_state"]


def get_state(net: Any) -> dict[str, Any]:
    """Return the attributes of a skorch net, with arrays instead of tensors.

    Arrays load on any device, and skops need not trust pickled bytes. A running training is
    omitted.
    """
    state = {name: value for name, value in vars(net).items() if name not in ("loop_", "_lock")}
    state["columns_"] = None if net.columns_ is None else astuple(net.columns_)
    state["dtype"] = str(net.dtype).removeprefix("torch.")
    if net.initialized_:
        if not isinstance(net.module, nn.Module):
            state["module_"] = to_arrays(net.module_.state_dict())
            parameters = net.module_.named_parameters()
            state["frozen_"] = [name for name, p in parameters if not p.requires_grad]
        state["optimizer_"] = to_arrays(net.optimizer_.state_dict())
    return state


def set_state(net: Any, state: dict[str, Any]) -> None:
    """Restore a skorch net from the state that :func:`get_state` returned."""
    names = ("module_", "optimizer_", "frozen_")
    module, optimizer, frozen = (state.pop(name, ()) for name in names)
    vars(net).update(state, _lock=ForkSafeLock())
    net.dtype = getattr(torch, state["dtype"])
    net.columns_ = None if net.columns_ is None else ColumnTransform(*net.columns_)
    if not net.initialized_:
        return
    net.device = _available_device(net)
    with default_torch_settings():
        if isinstance(module, nn.Module):
            vars(net)["module_"] = module.to(net.device)
        else:
            _load_module(net, to_tensors(module))
            for name, parameter in net.module_.named_parameters():
                parameter.requires_grad_(name not in frozen)
        net.module_.eval()
        net.criterion_.to(net.device).eval()
        net.initialize_optimizer()
        load_optimizer_state(net.optimizer_, to_tensors(optimizer))


def _load_module(net: Any, state: dict[str, Tensor]) -> None:
    """Build the network with stored weights.

    The networks of this package are built on the meta device, where they draw no initial weights,
    so that loading need not wait for the generator that another thread trains with. Other modules
    may compute more than weights from tensors, and are built normally.
    """
    device = net.device
    if getattr(net.module, "__module__", "").startswith("sknoisy.networks"):
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
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                like = parameter.detach().to(value.dtype)
                moments[name] = torch.empty_like(like).copy_(value)
