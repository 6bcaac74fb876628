"""Mixtures of the samples of a batch, for the methods that train between samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["Mixture", "draw_mixture"]


@dataclass(frozen=True)
class Mixture:
    """How a batch is mixed with itself.

    Attributes
    ----------
    partner : Tensor of shape (n_samples,), int64
        Position of the other sample of each pair.
    coefficient : Tensor of shape ()
        Mixing coefficient of the sample itself, kept on the CPU: used as a number it reaches any
        device without a wait.

    Examples
    --------
    >>> import torch
    >>> Mixture(torch.tensor([1, 0]), torch.tensor(0.75))(torch.tensor([[0.0], [4.0]]))
    tensor([[1.],
            [3.]])
    """

    partner: Tensor
    coefficient: Tensor

    def __call__(self, values: Tensor, dim: int = 0) -> Tensor:
        """Mix what belongs to the samples, which lie along an axis."""
        return self.coefficient * values + (1 - self.coefficient) * values.index_select(
            dim, self.partner
        )


def draw_mixture(weight: Tensor, alpha: float) -> Mixture:
    """Pair each sample of a batch with another, at one share of Beta(alpha, alpha) for all pairs.

    The sample itself has the larger share. Partners are drawn in proportion to their weights, a
    permutation where these are equal, so that a label counts as the row it comes from.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,)
    alpha : float
        At least 0; at 0 samples stay as they are.

    Returns
    -------
    Mixture
    """
    n, device = len(weight), weight.device
    # The same numbers in every precision.
    jitter = torch.rand(1, dtype=torch.float32, device=device).to(weight.dtype)
    places = torch.randperm(n, device=device) + jitter
    total = weight.cumsum(dim=0)
    partner = torch.searchsorted(total, places / n * total[-1], right=True).clamp_max(n - 1)
    coefficient = torch.ones(())
    if alpha:
        coefficient = _pairs(alpha).sample().amax()
    return Mixture(partner, coefficient)


@lru_cache
def _pairs(alpha: float) -> torch.distributions.Dirichlet:
    """Both shares of a pair at once; in single precision both would vanish at a small alpha."""
    return torch.distributions.Dirichlet(torch.full((2,), float(alpha), dtype=torch.float64))
