"""Mixup: convex combinations of the samples of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_scalar

__all__ = ["Mixture", "draw_mixture"]


@dataclass(frozen=True)
class Mixture:
    """Mixing coefficient and partners with which a batch is mixed with itself.

    Attributes
    ----------
    partner : Tensor of shape (n_samples,), int64
        Position of the other sample of each pair.
    coefficient : Tensor of shape ()
        Mixing coefficient of the sample itself. It stays on the CPU, so that torch can read it as a
        number without waiting for the device.

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
        """Mix values whose samples lie along the axis ``dim``."""
        return self.coefficient * values + (1 - self.coefficient) * values.index_select(
            dim, self.partner
        )


def draw_mixture(weight: Tensor, alpha: float) -> Mixture:
    """Draw a partner for each sample and one mixing coefficient for the batch.

    The coefficient is the larger of c and 1 - c with c from Beta(alpha, alpha). Partners are drawn
    in proportion to their weights, so that each label counts with the weight of its sample. With
    equal weights the partners are a permutation.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,)
    alpha : float
        At least 0; with 0, samples are not mixed.

    Returns
    -------
    Mixture

    Examples
    --------
    >>> import torch
    >>> draw_mixture(torch.ones(4), alpha=0.0).coefficient
    tensor(1.)
    """
    check_scalar("draw_mixture", "alpha", alpha, 0)
    partner = draw_partners(weight)
    coefficient = draw_coefficients(alpha).amax() if alpha else torch.ones(())
    return Mixture(partner, coefficient)


def draw_partners(weight: Tensor) -> Tensor:
    """Draw the position of a partner for each sample, in proportion to the weights."""
    n, device = len(weight), weight.device
    # Drawn in single precision, so that all dtypes get the same numbers.
    jitter = torch.rand(1, dtype=torch.float32, device=device).to(weight.dtype)
    points = torch.randperm(n, device=device) + jitter
    cumulated = weight.cumsum(dim=0)
    partner = torch.searchsorted(cumulated, points / n * cumulated[-1], right=True)
    return partner.clamp_max(n - 1)


def draw_coefficients(alpha: float) -> Tensor:
    """Draw c from Beta(alpha, alpha), and return c and 1 - c, on the CPU."""
    return _coefficients(alpha).sample()


@lru_cache
def _coefficients(alpha: float) -> torch.distributions.Dirichlet:
    """Return the distribution of c and 1 - c, in double precision.

    In single precision both would underflow at a small alpha.
    """
    return torch.distributions.Dirichlet(torch.full((2,), float(alpha), dtype=torch.float64))
