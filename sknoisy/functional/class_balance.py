"""Balance of the classes: in labels, among selected samples, and in the mean prediction."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional.selection import select_small_loss

__all__ = ["class_balance_penalty", "class_frequencies", "select_small_loss_per_class"]


def class_balance_penalty(probs: Tensor, weight: Tensor, prior: Tensor | None = None) -> Tensor:
    """Compute the divergence of the class frequencies from the mean prediction of a batch.

    Parameters
    ----------
    probs : Tensor of shape (..., n_samples, n_classes)
    weight : Tensor of shape (n_samples,)
    prior : Tensor of shape (n_classes,), default=None
        The class frequencies; None: the uniform distribution, as in the paper.

    Returns
    -------
    Tensor of shape (..., 1)
        At least 0; 0 if the mean prediction is the prior.

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Eq. 11.

    Examples
    --------
    >>> import torch
    >>> class_balance_penalty(torch.eye(2), torch.ones(2)).abs()
    tensor([0.])
    """
    mean = (weight.unsqueeze(-1) * probs).sum(dim=-2, keepdim=True) / weight.sum()
    mean = mean.clamp_min(torch.finfo(probs.dtype).tiny)
    if prior is None:
        return -(mean * probs.shape[-1]).log().mean(dim=-1)
    # The derivative of xlogy by a prior of 0 over the mean is not a number.
    return (torch.xlogy(prior, prior) - prior * mean.log()).sum(dim=-1)


def class_frequencies(target: Tensor, weight: Tensor) -> Tensor:
    """Compute the fraction of the weight of the samples that is labelled with each class.

    Parameters
    ----------
    target : Tensor of shape (n_samples, n_classes)
        One-hot or soft labels.
    weight : Tensor of shape (n_samples,)

    Returns
    -------
    Tensor of shape (n_classes,)

    Examples
    --------
    >>> import torch
    >>> class_frequencies(torch.eye(2), torch.tensor([3.0, 1.0]))
    tensor([0.7500, 0.2500])
    """
    return weight @ target / weight.sum()


def select_small_loss_per_class(
    losses: Tensor, labels: Tensor, weight: Tensor, fraction: float
) -> Tensor:
    """Apply :func:`select_small_loss` to the samples of each class.

    Parameters
    ----------
    losses : Tensor of shape (n_samples,)
    labels : Tensor of shape (n_samples,), int64
    weight : Tensor of shape (n_samples,)
    fraction : float
        Fraction of the weight of each class to select, in [0, 1].

    Returns
    -------
    Tensor of shape (n_samples,)
        Selected part of each sample, in [0, 1].

    Examples
    --------
    >>> import torch
    >>> losses, labels = torch.tensor([3.0, 4.0, 1.0, 2.0]), torch.tensor([0, 0, 1, 1])
    >>> select_small_loss_per_class(losses, labels, torch.ones(4), 0.5)
    tensor([1., 0., 1., 0.])
    """
    selected = torch.zeros_like(weight)
    for label in labels.unique():
        members = labels == label
        selected[members] = select_small_loss(losses[members], weight[members], fraction)
    return selected
