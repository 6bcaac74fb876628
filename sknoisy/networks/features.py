"""Logits and what reaches the last linear layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sknoisy.networks.ensemble import BatchedLinear, NetworkEnsemble, StackedMLP

__all__ = ["capture_features"]


def capture_features(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute logits and what reached the last linear layer, in one pass.

    Parameters
    ----------
    network : Module
    x : Tensor

    Returns
    -------
    logits : Tensor of shape ([n_networks,] n_samples, n_classes)
    features : Tensor of shape ([n_networks,] n_samples, n_features)
    """
    networks = list(network) if isinstance(network, NetworkEnsemble) else [network]
    logits, features = zip(*(_captured(one, x) for one in networks), strict=True)
    if isinstance(network, NetworkEnsemble):
        return torch.stack(logits), torch.stack(features)
    return logits[0], features[0]


def _captured(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    last: list[Tensor] = []

    def remember(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        # The last linear layer *called*: the order of registration need not be that of execution.
        last[:] = [inputs[0]]

    hooks = [
        part.register_forward_pre_hook(remember)
        for part in network.modules()
        if isinstance(part, (nn.Linear, BatchedLinear))
    ]
    try:
        logits = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    # A network without a linear layer is its own representation.
    features = last[0] if last else logits
    if isinstance(network, StackedMLP):
        return logits, features.expand(len(logits), *features.shape[-2:])
    return logits, features.flatten(1)
