"""Sparse over-parameterisation: a correction of the predictions for each training sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from sknoisy.functional import class_balance_penalty, expected_loss, one_hot

if TYPE_CHECKING:
    from sknoisy.methods._base import Method, NetworkView
    from sknoisy.methods._batch import Batch

__all__ = ["OverParameterized", "make_corrections", "over_parameterized_losses"]

_MIN_PROBABILITY = 1e-4
_PAPER_BATCH_SIZE = 128


class OverParameterized(Protocol):
    """The parameters and the state of a method with corrections."""

    lr_u: float
    lr_v: float
    start: float
    u: Tensor
    v: Tensor


def make_corrections(method: Method, start: float, net: NetworkView, y: Tensor) -> None:
    """Make the buffers ``u`` and ``v`` of a method, from which corrections are computed."""
    for name, width in (("u", 1), ("v", net.n_classes)):
        table = torch.full((len(y), width), start, dtype=net.dtype, device=y.device)
        method.register_buffer(name, table)


def over_parameterized_losses(
    method: OverParameterized,
    logits: Tensor,
    batch: Batch,
    balance: float = 0.0,
    prior: Tensor | None = None,
) -> Tensor:
    """Compute the losses of corrected predictions, and take a step of the corrections.

    Cross-entropy trains the network and u; the squared error of the hard prediction trains u and v.

    Parameters
    ----------
    method : OverParameterized
        Its tables ``u`` and ``v`` are updated.
    logits : Tensor of shape (n_samples, n_classes)
    batch : Batch
    balance : float, default=0.0
        Weight of :func:`~sknoisy.functional.class_balance_penalty` of the corrected predictions,
        which also trains u.
    prior : Tensor of shape (n_classes,), default=None
        The distribution towards which it moves them.

    Returns
    -------
    Tensor of shape (n_samples,)
    """
    index, target, start = batch.index, batch.target, method.start
    u, v = method.u.index_select(0, index), method.v.index_select(0, index)
    t = target.clamp(0.0, 1.0)
    correction = u**2 * t - v**2 * (1 - t)
    p = torch.softmax(logits, dim=-1)
    corrected = (p + correction).clamp_min(_MIN_PROBABILITY)
    total = corrected.sum(dim=-1)
    losses = total.log() - expected_loss(corrected.log(), target)
    with torch.no_grad():
        # Gradients of the losses by the correction, then, by the chain rule, by u and v.
        slope = 1 / total.unsqueeze(-1) - target / corrected
        if balance:
            slope = slope + balance * _balance_slope(corrected, batch.weight, prior)
        slope = torch.where(corrected > _MIN_PROBABILITY, slope, 0)
        hard = one_hot(p.argmax(dim=-1), p.shape[-1], p.dtype)
        squared_slope = 2 * (hard + correction - t)
        u_slope = 2 * u * expected_loss(slope + squared_slope, t).unsqueeze(-1)
        v_slope = -2 * v * (1 - t) * squared_slope
        for table, rows, lr, gradient in (
            (method.u, u, method.lr_u, u_slope),
            (method.v, v, method.lr_v, v_slope),
        ):
            # A correction of zero could not grow; one above 1 would exceed any probability.
            rows = (rows - lr / _PAPER_BATCH_SIZE * gradient).clamp(start, 1.0)
            table.index_copy_(0, index, rows)
    if balance:
        normalized = corrected / total.unsqueeze(-1)
        losses = losses + balance * class_balance_penalty(normalized, batch.weight, prior)
    return losses


def _balance_slope(corrected: Tensor, weight: Tensor, prior: Tensor | None) -> Tensor:
    """Compute the gradient of the balance penalty by corrected predictions, per unit of weight."""
    total = corrected.sum(dim=-1, keepdim=True)
    normalized = corrected / total
    mean = weight @ normalized / weight.sum()
    slope = -(torch.full_like(mean, 1 / len(mean)) if prior is None else prior) / mean
    return (slope - (slope * normalized).sum(dim=-1, keepdim=True)) / total
