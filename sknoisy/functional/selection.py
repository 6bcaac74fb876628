"""Selection of samples of a batch by their losses, and the weights of the selected samples."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_scalar

__all__ = ["normalize_weights", "select_small_loss"]


def select_small_loss(losses: Tensor, weight: Tensor, fraction: float | Tensor) -> Tensor:
    """Select the samples with the smallest losses, up to a fraction of the weight of the batch.

    The last selected sample may be selected in part, so that a sample of weight two counts exactly
    as the sample given twice.

    Parameters
    ----------
    losses : Tensor of shape (..., n_samples)
    weight : Tensor of shape (n_samples,)
    fraction : float or Tensor
        Fraction of the weight to select, in [0, 1].

    Returns
    -------
    Tensor of shape (..., n_samples)
        Selected part of each sample, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> select_small_loss(torch.tensor([3.0, 1.0, 2.0]), torch.ones(3), 0.5)
    tensor([0.0000, 1.0000, 0.5000])
    """
    check_scalar("select_small_loss", "fraction", fraction, 0, 1)
    order = losses.argsort(dim=-1, stable=True)
    sorted_weight = weight.expand_as(losses).gather(-1, order)
    cumulated = sorted_weight.cumsum(dim=-1)
    # Measured from the cumulated total, so that rounding deselects nothing at a fraction of 1.
    excess = cumulated - fraction * cumulated[..., -1:]
    selected = 1.0 - (excess / sorted_weight).clamp(0.0, 1.0)
    return torch.zeros_like(losses).scatter(-1, order, selected)


def normalize_weights(weight: Tensor, selection: Tensor | None = None) -> Tensor:
    """Distribute the weight of a batch over the selected samples.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,)
        Weight of the loss of each sample if all are selected.
    selection : Tensor of shape (..., n_samples), default=None
        Selected part of each sample, in [0, 1]; None: all samples.

    Returns
    -------
    Tensor of shape (..., n_samples)
        ``weight * selection``, scaled to the sum of ``weight``, so that a sample of weight two
        counts as the sample given twice; zeros if no sample is selected.

    Examples
    --------
    >>> import torch
    >>> normalize_weights(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    tensor([1., 0.])
    """
    if selection is None:
        return weight
    selected = weight * selection
    total = selected.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(selected.dtype).tiny)
    return selected / total * weight.sum()
