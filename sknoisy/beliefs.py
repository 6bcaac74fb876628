"""What the training set seems to say about its own labels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sknoisy.losses import margin

__all__ = ["LabelQuality", "small_loss"]


class LabelQuality:
    """How firmly each label was believed, averaged over the visits of a training.

    A visit scores ``sigmoid(margin)``, the margin being the logit of the given label less the
    largest other: wrong labels are believed late and little.

    Parameters
    ----------
    n_samples : int
    device : torch.device

    References
    ----------
    Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin Ranking",
    NeurIPS 2020, Eq. 2; squashed into [0, 1] here, so that no single epoch outweighs the others.
    """

    def __init__(self, n_samples: int, device: torch.device) -> None:
        self._total = torch.zeros(n_samples, dtype=torch.float32, device=device)
        self._visits = torch.zeros_like(self._total)

    @torch.no_grad()
    def add(self, logits: Tensor, y: Tensor, index: Tensor) -> None:
        """Score one visit of some rows, from their logits ([n_networks,] n_rows, n_classes)."""
        believed = torch.sigmoid(margin(logits, y).float())
        believed = believed.mean(dim=0) if believed.dim() > 1 else believed
        self._total.index_add_(0, index, believed)
        self._visits.index_add_(0, index, torch.ones_like(believed))

    def missing(self) -> Tensor:
        """Rows that were never visited."""
        return torch.nonzero(self._visits == 0).squeeze(1)

    def numpy(self) -> np.ndarray:
        """Quality of each row, of shape (n_samples,); NaN for a row never visited."""
        return (self._total / self._visits).cpu().numpy()


def small_loss(losses: Tensor, weight: Tensor, fraction: float | Tensor) -> Tensor:
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
    >>> small_loss(torch.tensor([3.0, 1.0, 2.0]), torch.ones(3), 0.5)
    tensor([0.0000, 1.0000, 0.5000])
    """
    order = losses.argsort(dim=-1, stable=True)
    sorted_weight = weight.expand_as(losses).gather(-1, order)
    total = sorted_weight.cumsum(dim=-1)
    # Counted from above, so that rounding takes nothing away at a fraction of one.
    excess = total - fraction * total[..., -1:]
    kept = 1.0 - (excess / sorted_weight).clamp(0.0, 1.0)
    return torch.zeros_like(losses).scatter(-1, order, kept)
