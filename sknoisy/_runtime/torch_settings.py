"""torch's settings that users change for their own code: a training has its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from sknoisy._runtime.deterministic import deterministic_algorithms

__all__ = ["default_torch_settings"]


@contextlib.contextmanager
def default_torch_settings(deterministic: bool = False) -> Iterator[None]:
    """Use torch's default settings inside the context.

    They are: float32 as default dtype, the CPU as default device, recorded gradients, and neither
    inference mode nor autocast. The settings from before are restored afterwards.

    Parameters
    ----------
    deterministic : bool, default=False
        Whether to use deterministic algorithms only.
    """
    dtype = torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        if dtype != torch.float32:
            stack.callback(torch.set_default_dtype, dtype)
            torch.set_default_dtype(torch.float32)
        # A device context slows down every call of torch, so it is entered only if needed.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        for device in {"cpu", *_accelerators()}:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(deterministic_algorithms(deterministic))
        stack.enter_context(torch.enable_grad())
        yield


def _accelerators() -> list[str]:
    return [name for name in ("cuda", "mps") if getattr(torch.backends, name).is_built()]
