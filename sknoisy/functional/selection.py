"""Which samples have small losses or belong to the lower component of a mixture."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["normalize_weights", "select_small_loss"]


def select_small_loss(losses: Tensor, weight: Tensor, fraction: float | Tensor) -> Tensor:
    """Choose the samples with the smallest losses, up to a fraction of the batch's weight.

    The sample on the border is kept in part, so that a sample of weight two counts exactly as the
    sample given twice.

    Parameters
    ----------
    losses : Tensor of shape (..., n_samples)
    weight : Tensor of shape (n_samples,)
    fraction : float
        In [0, 1].

    Returns
    -------
    Tensor of shape (..., n_samples)
        How much of each sample is kept, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> select_small_loss(torch.tensor([3.0, 1.0, 2.0]), torch.ones(3), 0.5)
    tensor([0.0000, 1.0000, 0.5000])
    """
    order = losses.argsort(dim=-1, stable=True)
    sorted_weight = weight.expand_as(losses).gather(-1, order)
    total = sorted_weight.cumsum(dim=-1)
    # Counted from above, so that rounding takes nothing away at a fraction of one.
    excess = total - fraction * total[..., -1:]
    kept = 1.0 - (excess / sorted_weight).clamp(0.0, 1.0)
    return torch.zeros_like(losses).scatter(-1, order, kept)


def normalize_weights(weight: Tensor, keep: Tensor | None = None) -> Tensor:
    """Spread the weight of a batch over the samples that are kept.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,)
        What each sample's loss is multiplied by when all count.
    keep : Tensor of shape (..., n_samples), default=None
        How much each sample counts, in [0, 1]; None: every sample counts in full.

    Returns
    -------
    Tensor of shape (..., n_samples)
        ``weight * keep``, scaled to the sum of ``weight``, so that a sample of weight two counts
        as the sample given twice; zero where nothing is kept.

    Examples
    --------
    >>> import torch
    >>> normalize_weights(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    tensor([1., 0.])
    """
    if keep is None:
        return weight
    kept = weight * keep
    total = kept.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(kept.dtype).tiny)
    return kept / total * weight.sum()
