"""How a trained net is stored and loaded: by pickle, joblib, skops and between processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from sknoisy._runtime.randomness import seeded
from sknoisy._runtime.serialization import to_arrays, to_tensors
from sknoisy.methods import Method

__all__ = ["Travels"]


# Set for the length of a training, and not worth storing in one.
_OF_A_TRAINING = (
    "best_epoch_", "data_", "epoch_told_", "first_epoch_", "held_out_", "memorization_", "quality_",
    "ranks_",
)  # fmt: skip


class Travels:
    """Stores the net it is mixed into without pickled bytes, and for any device."""

    module: Any
    module_: nn.Module
    optimizer_: torch.optim.Optimizer
    criterion_: Method
    device: str
    dtype: torch.dtype
    initialized_: bool
    initialize_module: Callable[[], Any]
    initialize_optimizer: Callable[[], Any]
    _check_device: Callable[[str, str], str]

    def __getstate__(self) -> dict[str, Any]:
        """Hold tensors as arrays: they load on any device, and skops trusts no pickled bytes."""
        state = {k: v for k, v in vars(self).items() if k not in _OF_A_TRAINING}
        state["dtype"] = str(self.dtype).removeprefix("torch.")
        if self.initialized_:
            if not isinstance(self.module, nn.Module):
                state["module_"] = to_arrays(self.module_.state_dict())
                parameters = self.module_.named_parameters()
                state["frozen_"] = [name for name, p in parameters if not p.requires_grad]
            state["optimizer_"] = to_arrays(self.optimizer_.state_dict())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        names = ("module_", "optimizer_", "frozen_")
        module, optimizer, frozen = (state.pop(name, ()) for name in names)
        self.__dict__.update(state)
        self.dtype = getattr(torch, state["dtype"])
        if not self.initialized_:
            return
        device = torch.device(self.device)
        if device.type == "cuda" and not torch.cuda.is_available():
            self.device = self._check_device(self.device, "cpu")
        elif device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            # One of several processes has stored it, or a larger machine.
            self.device = "cuda"
        with seeded(torch.device("cpu")):
            if isinstance(module, nn.Module):
                self.__dict__["module_"] = module.to(self.device)
            else:
                self.initialize_module()
                self.module_.load_state_dict(to_tensors(module))
                for name, parameter in self.module_.named_parameters():
                    parameter.requires_grad_(name not in frozen)
            self.criterion_.to(self.device)
            self.initialize_optimizer()
        self.optimizer_.load_state_dict(to_tensors(optimizer))
        # Fused kernels walk a parameter and its moments through memory side by side.
        for learned, moments in self.optimizer_.state.items():
            for name, value in moments.items():
                if torch.is_tensor(value) and value.shape == learned.shape:
                    like = learned.detach().to(value.dtype)
                    moments[name] = torch.empty_like(like).copy_(value)
