"""A pretended accelerator: its tensors report another device and hold their values on the CPU.

What fails or waits on an accelerator is found without one. Operations that mix devices raise, and
each wait of the host and each copy between host and device is counted by the line of the library
that caused it. Draws are those of the CPU, so that results can be compared with its results.

A device is registered once in a process and cannot be taken back, so it has processes of its own.
"""

from __future__ import annotations

import contextlib
import traceback
from collections import Counter
from unittest import mock

import torch
from torch.utils import _pytree, backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "pretend"
# Operations whose result the host needs before it can go on.
WAITING = {
    "_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim",
    "unique_consecutive", "is_nonzero", "equal", "isin",
}  # fmt: skip
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}
ON_HOST = {"_local_scalar_dense", "is_nonzero", "equal"}


class DeviceModule:
    """What ``torch.cuda`` is for CUDA; ``free`` is the free memory that it reports, in bytes."""

    free = 2**36
    manual_seed = manual_seed_all = staticmethod(lambda seed: None)
    get_rng_state = staticmethod(lambda device=None: torch.get_rng_state())
    set_rng_state = staticmethod(lambda state, device=None: None)
    is_available = is_initialized = is_bf16_supported = staticmethod(lambda *args: True)
    _is_in_bad_fork = staticmethod(lambda: False)
    current_device = staticmethod(lambda: 0)
    device_count = staticmethod(lambda: 1)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])
    mem_get_info = staticmethod(lambda device=None: (DeviceModule.free, 2**36))
    memory_reserved = memory_allocated = staticmethod(lambda device=None: 0)

    @staticmethod
    def synchronize(device=None):
        PretendedDevice.active.count("wait: synchronize")


backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=DeviceModule())
DEVICE = torch.device(NAME, 0)
# Autocast does nothing, as the device has no kernels in lower precision.
_AUTOCAST = torch.library.Library("_", "IMPL", "AutocastPrivateUse1")
_AUTOCAST.fallback(torch.library.fallthrough_kernel)


class DeviceTensor(torch.Tensor):
    """A tensor on the device, with its values in ``values``."""

    values: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> DeviceTensor:
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            layout=values.layout,
            device=DEVICE,
        )
        tensor.values = values.detach()
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return PretendedDevice.active.run(func, args, kwargs or {})

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            copied = DeviceTensor(self.values.clone())
            if isinstance(self, torch.nn.Parameter):
                copied = torch.nn.Parameter(copied, self.requires_grad)
            memo[id(self)] = copied
        return memo[id(self)]

    def __repr__(self) -> str:
        return f"DeviceTensor({self.values!r})"

    def numpy(self, *args, **kwargs):
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy")

    __array__ = numpy

    def tolist(self):
        PretendedDevice.active.count("wait: tolist")
        return self.values.tolist()

    def __tensor_flatten__(self):
        return ["values"], None

    @staticmethod
    def __tensor_unflatten__(inner, meta, size, stride):
        return DeviceTensor(inner["values"])


class PretendedDevice(TorchDispatchMode):
    """Context in which the device can be used.

    Attributes
    ----------
    counts : Counter
        Times of each wait and copy, by kind and line of the library. Copies from pinned memory are
        not counted: nothing waits for them.
    n_launches : int
        Operations on the device.
    """

    active: PretendedDevice

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.n_launches = 0
        self._patches = contextlib.ExitStack()

    def count(self, kind: str) -> None:
        """Count what happened, with the innermost line of the library that did it."""
        frames = traceback.extract_stack()
        inside = [f for f in frames if "/sknoisy/" in f.filename] or frames
        place = inside[-1].filename.rpartition("/sknoisy/")[2]
        self.counts[f"{kind} at {place}:{inside[-1].lineno}: {inside[-1].line}"] += 1

    def __enter__(self):
        patch = self._patches.enter_context
        # Neither generators nor copies of lists pass through the dispatcher.
        patch(mock.patch.object(torch, "Generator", _HostGenerator))
        for name in ("tensor", "as_tensor"):
            patch(mock.patch.object(torch, name, _on_device(getattr(torch, name))))
        patch(mock.patch("sknoisy._runtime.accelerator._NAME", NAME))
        patch(mock.patch.object(torch.Tensor, "pin_memory", _pinned))
        PretendedDevice.active = self
        return super().__enter__()

    def __exit__(self, *error):
        self._patches.close()
        return super().__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.run(func, args, kwargs or {})

    def run(self, func, args, kwargs):
        """Run an operation on the values, after what a real device would object to."""
        name = func.overloadpacket.__name__
        tensors = [a for a in _pytree.tree_leaves((args, kwargs)) if isinstance(a, torch.Tensor)]
        on_device = [t for t in tensors if isinstance(t, DeviceTensor)]
        on_host = [t for t in tensors if not isinstance(t, DeviceTensor)]
        target = self._target(name, args, kwargs, bool(on_device))
        if name in ("_to_copy", "copy_"):
            if target != bool(on_device) or (name == "copy_" and on_host):
                self._count_copy(target, on_host)
        elif on_device:
            self._check(name, args, on_device, on_host)
            self.n_launches += 1
        kwargs = dict(kwargs)
        if kwargs.get("device") is not None:
            kwargs["device"] = torch.device("cpu")
        if "pin_memory" in kwargs:
            kwargs["pin_memory"] = False
        owners = {id(t.values): t for t in on_device}
        args, kwargs = _pytree.tree_map_only(DeviceTensor, lambda t: t.values, (args, kwargs))
        result = func(*args, **kwargs)
        if not target:
            return result
        # Operations in place return the tensor that they were given.
        return _pytree.tree_map_only(
            torch.Tensor, lambda t: owners[id(t)] if id(t) in owners else DeviceTensor(t), result
        )

    def _target(self, name, args, kwargs, has_device_tensors: bool) -> bool:
        """Tell whether the result is on the device."""
        if name in ON_HOST:
            return False
        if name == "copy_":
            return isinstance(args[0], DeviceTensor)
        if kwargs.get("device") is not None:
            return torch.device(kwargs["device"]).type == NAME
        return has_device_tensors

    def _count_copy(self, to_device: bool, on_host: list) -> None:
        if not to_device:
            self.count("wait: copy to the host")
        elif any(t.dim() and not hasattr(t, "is_pretended_pinned") for t in on_host):
            self.count("copy to the device")

    def _check(self, name: str, args, on_device: list, on_host: list) -> None:
        if name in WAITING:
            self.count(f"wait: {name}")
        # Tensors without dimensions are passed by value.
        on_host = [t for t in on_host if t.dim()]
        if name in INDEXING:
            indices = [i for i in args[1] if isinstance(i, torch.Tensor)]
            if any(i.dtype in (torch.bool, torch.uint8) for i in indices):
                self.count(f"wait: {name} by a mask")
            # torch copies indices that are on the host.
            if any(i is t for i in indices for t in on_host):
                self.count("wait: copy of an index to the device")
            on_host = [t for t in on_host if not any(i is t for i in indices)]
        if on_host:
            shapes = [tuple(t.shape) for t in (*on_device, *on_host)]
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{DEVICE} and cpu: {name} of shapes {shapes}."
            )


def _pinned(tensor: torch.Tensor) -> torch.Tensor:
    """Mark a copy as one from which the device copies while the host goes on."""
    copied = tensor.clone()
    copied.is_pretended_pinned = True
    return copied


class _HostGenerator:
    real = torch.Generator

    def __new__(cls, device="cpu"):
        return cls.real("cpu")


def _on_device(make):
    def made(*args, device=None, **kwargs):
        tensor = make(*args, **kwargs)
        return tensor if device is None else tensor.to(device)

    return made
