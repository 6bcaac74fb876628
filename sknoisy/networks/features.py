"""Features: the input of the last linear layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sknoisy.networks.ensemble import BatchedLinear, BatchedMLP, NetworkEnsemble

__all__ = ["capture_features"]


def capture_features(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute logits and features in one forward pass.

    Parameters
    ----------
    network : Module
    x : Tensor of shape (n_samples, ...)

    Returns
    -------
    logits : Tensor of shape ([n_networks,] n_samples, n_classes)
    features : Tensor of shape ([n_networks,] n_samples, n_features)
        Input of the last linear layer; the logits of a network without linear layers.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.networks import MLP, capture_features
    >>> logits, features = capture_features(MLP(4, 3, hidden=(8,)), torch.zeros(5, 4))
    >>> logits.shape, features.shape
    (torch.Size([5, 3]), torch.Size([5, 8]))
    """
    if not isinstance(network, nn.Module):
        raise TypeError(
            "The 'network' parameter of capture_features must be a torch Module. Got "
            f"{network!r} instead."
        )
    if isinstance(network, NetworkEnsemble):
        logits, features = zip(*(_capture(member, x) for member in network), strict=True)
        return torch.stack(logits), torch.stack(features)
    return _capture(network, x)


def _capture(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    last_input: list[Tensor] = []

    def record(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        # The order of registration may differ from the order of calls, so the last call counts.
        last_input[:] = [inputs[0]]

    hooks = [
        layer.register_forward_pre_hook(record)
        for layer in network.modules()
        if isinstance(layer, (nn.Linear, BatchedLinear))
    ]
    try:
        logits = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    features = last_input[0] if last_input else logits
    if isinstance(network, BatchedMLP):
        return logits, features.expand(len(logits), *features.shape[-2:])
    return logits, features.flatten(1)
