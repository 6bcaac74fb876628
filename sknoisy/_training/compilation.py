"""The compiled form of a network, which training steps call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["CompiledNetwork"]

_COMPILER = ("torch._dynamo", "torch._inductor")


class CompiledNetwork:
    """Calls a network as compiled by torch, and explains why it cannot be compiled.

    The network itself is not changed: both forms have the same parameters.

    Parameters
    ----------
    network : Module
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._compiled: Any = torch.compile(network)

    def __call__(self, x: Tensor) -> Tensor:
        try:
            return self._compiled(x)
        except Exception as error:
            if not type(error).__module__.startswith(_COMPILER):
                raise
            name, reason = type(self.network).__name__, str(error).strip().partition("\n")[0]
            raise RuntimeError(
                f"The 'compile' parameter: torch.compile failed for {name}: {reason} Set "
                "compile=False, or install a compiler of C++."
            ) from error
