"""Bounds on logits, which give a lower limit to losses with negative targets."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from sknoisy.functional._layout import class_major
from sknoisy.functional._scalars import check_scalar

__all__ = ["bound_logits", "squash_logits"]


def bound_logits(logits: Tensor, bound: float | Tensor) -> Tensor:
    """Centre the logits of each sample and bound the norm of the result.

    A loss with negative targets has no lower limit unless logits are bounded. The norm is bounded,
    not each logit, so that two classes cannot both reach the bound: if 60 % of the labels of a
    region are of one class and 40 % of another, the first gets the larger logit.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    bound : float or Tensor of shape (n_networks, 1, 1)
        Positive. Vectors much shorter than the bound are only centred. In a tensor, an infinite
        bound leaves the logits of a network unchanged.

    Returns
    -------
    Tensor of shape (..., n_classes)
        ``v / sqrt(1 + (|v| / bound) ** 2)`` with v the centred logits. The order of the classes
        does not change.

    References
    ----------
    Wei et al., "Mitigating Memorization of Noisy Labels by Clipping the Model Prediction", ICML
    2023. Departure: the norm is bounded smoothly, while the authors clip it.

    Examples
    --------
    >>> import torch
    >>> bound_logits(torch.tensor([[0.5, -0.5], [1e6, -1e6]]), 1.0)
    tensor([[ 0.4082, -0.4082],
            [ 0.7071, -0.7071]])
    """
    if isinstance(bound, Tensor):
        z = class_major(logits)
        v = z - z.mean(dim=-1, keepdim=True) * bound.isfinite()
        return v * torch.rsqrt(1 + (v * v).sum(dim=-1, keepdim=True) / bound**2)
    check_scalar("bound_logits", "bound", bound, 0, left="(")
    limits = torch.finfo(logits.dtype)
    # The square of the bound must be a positive number.
    bound = min(max(bound, math.sqrt(limits.tiny)), math.sqrt(limits.max) / 2)
    # Layer normalisation computes this function in one kernel: eps takes the role of the bound.
    k = logits.shape[-1]
    return bound / math.sqrt(k) * layer_norm(logits, (k,), eps=bound**2 / k)


def squash_logits(logits: Tensor, bound: float) -> Tensor:
    """Squash each logit into ``(-bound, bound)``.

    Like :func:`bound_logits`, this gives a lower limit to a loss with negative targets. It is more
    robust to noisy labels if the targets are only a little below zero, but all classes with many
    labels can reach the bound. The tails are heavier than those of ``tanh``, so that large logits
    still get a gradient.

    Parameters
    ----------
    logits : Tensor of shape (...)
    bound : float
        Positive.

    Returns
    -------
    Tensor of shape (...)
        ``z / sqrt(1 + (z / bound) ** 2)``, close to z near zero. The order of the classes does not
        change.

    Examples
    --------
    >>> import torch
    >>> squash_logits(torch.tensor([0.0, 3.0, 1e6]), 4.0)
    tensor([0.0000, 2.4000, 4.0000])
    """
    check_scalar("squash_logits", "bound", bound, 0, left="(")
    scaled = logits / bound
    # Without hypot the square of a huge logit would overflow, and the result would be zero.
    return logits / torch.hypot(scaled, torch.ones_like(scaled))
