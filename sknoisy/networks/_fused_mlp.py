"""Vectorised training pass of several MLPs, with few passes over memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

__all__ = ["dropout_mask", "dropout_rate", "fused_mlp"]


def dropout_rate(network: nn.Module) -> float:
    """Return the dropout rate of the layers of an MLP; 0 without dropout."""
    return next((layer.p for layer in network.children() if isinstance(layer, nn.Dropout)), 0.0)


def dropout_mask(like: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """Draw the factors that dropout multiplies units by: 0 or ``1 / (1 - rate)``.

    On the CPU the rate is rounded to a multiple of 2 ** -16, and four units use the bits of one
    random number, because drawing random numbers takes much of the time of a step. On other devices
    torch's own dropout draws the mask, from its global generator.

    Parameters
    ----------
    like : Tensor
        Gives the shape, dtype and device.
    rate : float
        Probability of dropping a unit.
    generator : torch.Generator, default=None
        Used on the CPU only; None: torch's global generator.

    Returns
    -------
    Tensor of the shape of ``like``
    """
    if like.device.type != "cpu":
        return torch.nn.functional.dropout(torch.ones_like(like), rate)
    dropped, n = round(rate * 2**16), like.numel()
    bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    kept = bits.view(torch.int16)[:n] >= dropped - 2**15 if dropped < 2**16 else torch.zeros(n)
    scale = 2**16 / max(2**16 - dropped, 1)
    return kept.view(like.shape).to(like.dtype).mul_(scale)


def fused_mlp(
    x: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    dropout: float = 0.0,
    *,
    same_mask: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Compute the logits of several MLPs with ReLU together; has no second derivative.

    Parameters
    ----------
    x : Tensor of shape ([n_networks,] n_samples, n_in)
        Gets no gradient.
    weights : sequence of Tensor of shape (n_networks, n_out, n_in)
        One per layer.
    biases : sequence of Tensor of shape (n_networks, [1,] n_out)
        One per layer.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    same_mask : bool, default=False
        Whether all networks drop the same units.
    generator : torch.Generator, default=None
        Draws the dropout masks on the CPU; None: torch's global generator.

    Returns
    -------
    Tensor of shape (n_networks, n_samples, n_classes)
    """
    n_networks, n_samples = len(weights[0]), x.shape[-2]
    masks: list[Tensor | None] = [None] * (len(weights) - 1)
    if dropout:
        rows = (n_samples,) if same_mask else (n_networks, n_samples)
        shapes = [(*rows, weight.shape[1]) for weight in weights[:-1]]
        masks = [dropout_mask(x.new_empty(shape), dropout, generator) for shape in shapes]
    x = x.expand(n_networks, *x.shape[-2:])
    return _FusedMLP.apply(x, len(weights), *weights, *biases, *masks)


class _FusedMLP(torch.autograd.Function):
    """Forward and backward pass that work in place and save no more than the gradients need."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_layers: int, *tensors: Any) -> Tensor:
        weights, biases = tensors[:n_layers], tensors[n_layers : 2 * n_layers]
        masks = tensors[2 * n_layers :]
        ctx.flat_biases = biases[0].dim() == 2
        if ctx.flat_biases:
            biases = tuple(bias.unsqueeze(1) for bias in biases)
        inputs = [x]
        for weight, bias, mask in zip(weights[:-1], biases[:-1], masks, strict=True):
            h = torch.baddbmm(bias, inputs[-1], weight.transpose(1, 2)).relu_()
            inputs.append(h if mask is None else h.mul_(mask))
        ctx.n_layers = n_layers
        ctx.save_for_backward(*weights, *inputs, *masks)
        return torch.baddbmm(biases[-1], inputs[-1], weights[-1].transpose(1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        n, saved = ctx.n_layers, ctx.saved_tensors
        weights, inputs, masks = saved[:n], saved[n : 2 * n], saved[2 * n :]
        grads: list[Tensor | None] = [None] * (2 * n)
        for i in reversed(range(n)):
            grads[i] = torch.bmm(g.transpose(1, 2), inputs[i])
            grads[n + i] = g.sum(dim=1, keepdim=not ctx.flat_biases)
            if i:
                g = torch.bmm(g, weights[i])
                g = g if masks[i - 1] is None else g.mul_(masks[i - 1])
                # A dropped unit is zero as well, and its gradient is zero either way.
                torch.ops.aten.threshold_backward.grad_input(g, inputs[i], 0, grad_input=g)
        return None, None, *grads, *[None] * (n - 1)
