"""Losses that compare the samples of a batch with each other, without labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional._scalars import check_scalar
from sknoisy.functional.losses import expected_loss

__all__ = ["contrastive_loss", "neighborhood_divergence"]


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """Compute the NT-Xent loss between two views of each sample.

    It is the cross-entropy of finding the second view of the sample among all other views in the
    batch, averaged over both directions.

    Parameters
    ----------
    first, second : Tensor of shape (n_samples, n_features)
        Projections of the two views, as unit vectors.
    temperature : float, default=0.5
        Positive divisor of the cosine similarities.

    Returns
    -------
    Tensor of shape (n_samples,)

    References
    ----------
    Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020,
    Eq. 1.

    Examples
    --------
    >>> import torch
    >>> contrastive_loss(torch.eye(3), torch.eye(3), temperature=0.1).max() < 1e-3
    tensor(True)
    """
    check_scalar("contrastive_loss", "temperature", temperature, 0, left="(")
    views = torch.cat([first, second])
    similarity = _without_self(views @ views.T / temperature)
    other_view = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity, other_view, reduction="none").view(2, -1).mean(dim=0)


def neighborhood_divergence(teacher: Tensor, student: Tensor, width: float = 0.5) -> Tensor:
    """Compute the divergence of the student's neighbourhoods from the teacher's.

    The neighbourhood of a sample is a distribution over the other samples of the batch. The
    probability of each is proportional to a normal density of its distance.

    Parameters
    ----------
    teacher, student : Tensor of shape (n_samples, n_features)
        Points that represent the samples; both may have different numbers of features.
    width : float, default=0.5
        Standard deviation of the density, positive.

    Returns
    -------
    Tensor of shape (n_samples,)
        Kullback-Leibler divergences.

    Examples
    --------
    >>> import torch
    >>> points = torch.tensor([[0.0], [1.0], [3.0]])
    >>> neighborhood_divergence(points, points + 5.0)
    tensor([0., 0., 0.])
    """
    check_scalar("neighborhood_divergence", "width", width, 0, left="(")
    log_student, log_teacher = (_log_neighborhood(points, width) for points in (student, teacher))
    return expected_loss(log_teacher - log_student, log_teacher.exp())


def _log_neighborhood(points: Tensor, width: float) -> Tensor:
    square = (points**2).sum(dim=-1)
    distance = square.unsqueeze(-1) + square - 2 * points @ points.T
    return torch.log_softmax(_without_self(-distance / (2 * width**2)), dim=-1)


def _without_self(scores: Tensor) -> Tensor:
    # Minus infinity would give NaN in a batch of one sample.
    return scores.fill_diagonal_(torch.finfo(scores.dtype).min)
