"""Several perceptrons computed at once, forward and backward, in the fewest passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["fused_mlp", "dropout_mask"]


def dropout_mask(like: Tensor, dropout: float, generator: torch.Generator | None = None) -> Tensor:
    """What units are multiplied by under dropout: 0, or a little more than 1.

    On the CPU the probability is rounded to a multiple of 2 ** -16: four units share a random
    number, as drawing them is a good part of the time of a step. Elsewhere they are the units that
    torch's own dropout keeps, and its generator draws.
    """
    if like.device.type != "cpu":
        return torch.nn.functional.dropout(torch.ones_like(like), dropout)
    dropped, n = round(dropout * 2**16), like.numel()
    bits = torch.empty((n + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=generator)
    kept = bits.view(torch.int16)[:n] >= dropped - 2**15 if dropped < 2**16 else torch.zeros(n)
    scale = 2**16 / max(2**16 - dropped, 1)
    return kept.view(like.shape).to(like.dtype).mul_(scale)


def fused_mlp(
    x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], kept: Sequence[Tensor | None]
) -> Tensor:
    """Logits of several multi-layer perceptrons with ReLU.

    Parameters
    ----------
    x : Tensor of shape ([n_networks,] n_samples, n_in)
        Without a gradient.
    weights : sequence of Tensor of shape (n_networks, n_out, n_in)
        Of each layer.
    biases : sequence of Tensor of shape (n_networks, [1,] n_out)
    kept : sequence of Tensor of shape ([n_networks,] n_samples, n_out) or None
        What the units of each layer but the last are multiplied by; None: nothing.

    Returns
    -------
    Tensor of shape (n_networks, n_samples, n_classes)
    """
    x = x.expand(len(weights[0]), *x.shape[-2:])
    return _BatchedMLP.apply(x, len(weights), *weights, *biases, *kept)


class _BatchedMLP(torch.autograd.Function):
    """By hand, in place and with no more saved than is needed: fewer passes over memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, n_layers: int, *parts: Any) -> Tensor:
        weights, biases = parts[:n_layers], parts[n_layers : 2 * n_layers]
        kept = parts[2 * n_layers :]
        ctx.flat = biases[0].dim() == 2
        if ctx.flat:
            biases = tuple(bias.unsqueeze(1) for bias in biases)
        inputs = [x]
        for weight, bias, keep in zip(weights[:-1], biases[:-1], kept, strict=True):
            h = torch.baddbmm(bias, inputs[-1], weight.transpose(1, 2)).relu_()
            inputs.append(h if keep is None else h.mul_(keep))
        ctx.n_layers = n_layers
        ctx.save_for_backward(*weights, *inputs, *kept)
        return torch.baddbmm(biases[-1], inputs[-1], weights[-1].transpose(1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        n, saved = ctx.n_layers, ctx.saved_tensors
        weights, inputs, kept = saved[:n], saved[n : 2 * n], saved[2 * n :]
        slopes: list[Tensor | None] = [None] * (2 * n)
        for i in reversed(range(n)):
            slopes[i] = torch.bmm(g.transpose(1, 2), inputs[i])
            slopes[n + i] = g.sum(dim=1, keepdim=not ctx.flat)
            if i:
                g = torch.bmm(g, weights[i])
                g = g if kept[i - 1] is None else g.mul_(kept[i - 1])
                # A unit that was dropped is zero too, and has no gradient either way.
                torch.ops.aten.threshold_backward.grad_input(g, inputs[i], 0, grad_input=g)
        return None, None, *slopes, *[None] * (n - 1)
