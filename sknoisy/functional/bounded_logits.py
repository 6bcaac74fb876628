"""Logits held below a bound."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

from sknoisy.functional._layout import _class_by_class

__all__ = ["bound_logits", "squash_logits"]


def bound_logits(logits: Tensor, bound: float | Tensor) -> Tensor:
    """Centre the logits of each sample and hold the length of their vector below a bound.

    A loss with negative targets falls without limit as logits grow; on bounded logits it cannot. It
    is the length that is bounded, not each logit by itself, so that two classes can never both be
    at the limit: where 60 % of the labels of a region are of one class and 40 % of another, the
    first comes out ahead.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    bound : float or Tensor
        Positive; of vectors much shorter than that only the mean is taken off. A tensor has one for
        each network, (n_networks, 1, 1); infinite: logits stay as they are.

    Returns
    -------
    Tensor of the same shape
        ``v / sqrt(1 + (|v| / bound) ** 2)`` with v the centred logits; in their order.

    References
    ----------
    Wei et al., "Mitigating Memorization of Noisy Labels by Clipping the Model Prediction", ICML
    2023, clip the norm of the logits, with a corner at the bound.

    Examples
    --------
    >>> import torch
    >>> bound_logits(torch.tensor([[0.5, -0.5], [1e6, -1e6]]), 1.0)
    tensor([[ 0.4082, -0.4082],
            [ 0.7071, -0.7071]])
    """
    if isinstance(bound, Tensor):
        z = _class_by_class(logits)
        v = z - z.mean(dim=-1, keepdim=True) * bound.isfinite()
        return v * torch.rsqrt(1 + (v * v).sum(dim=-1, keepdim=True) / bound**2)
    # Layer normalisation is this map, with the bound in place of its epsilon, in one kernel.
    k = logits.shape[-1]
    return bound / math.sqrt(k) * layer_norm(logits, (k,), eps=bound**2 / k)


def squash_logits(logits: Tensor, bound: float) -> Tensor:
    """Squash logits into ``(-bound, bound)``, one by one and keeping their order.

    The map is ``z / sqrt(1 + (z / bound) ** 2)``. As :func:`bound_logits` it gives a lower limit to
    a loss with negative targets. It resists wrong labels better while the targets are little below
    zero, but lets all classes with many labels reach the bound. The tails are heavier than those of
    ``tanh``, so that a logit far out can still be brought back.

    Parameters
    ----------
    logits : Tensor
    bound : float
        Positive; near zero the map is the identity.

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> import torch
    >>> squash_logits(torch.tensor([0.0, 3.0, 1e6]), 4.0)
    tensor([0.0000, 2.4000, 4.0000])
    """
    scaled = logits / bound
    # The square of a huge logit would overflow, and the logit come out as zero.
    return logits / torch.hypot(scaled, torch.ones_like(scaled))
