"""Tempered softmax: probabilities with heavy tails."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_scalar

__all__ = ["tempered_log", "tempered_log_softmax"]

# At a distance of zero, tempered functions are limits; at this one they are equal up to rounding.
_TINY = 1e-12
# From two classes to thousands, and up to a temperature of 4, six steps reach rounding.
_N_STEPS = 7


def _at_least_tiny(distance: float | Tensor) -> float | Tensor:
    return distance.clamp_min(_TINY) if isinstance(distance, Tensor) else max(distance, _TINY)


def tempered_log(log_x: Tensor, temperature: float | Tensor) -> Tensor:
    """Compute the tempered logarithm ``(x ** (1 - t) - 1) / (1 - t)``.

    Parameters
    ----------
    log_x : Tensor of shape (...)
        Natural logarithm of x.
    temperature : float or Tensor
        Temperature t in [0, 1]. At 1 it is the natural logarithm; below, it is bounded from below
        by ``-1 / (1 - t)``.

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> import torch
    >>> tempered_log(torch.tensor([-torch.inf, 0.0]), 0.5)
    tensor([-2.,  0.])
    """
    check_scalar("tempered_log", "temperature", temperature, 0, 1)
    distance = _at_least_tiny(1 - temperature)
    return torch.expm1(distance * log_x) / distance


def tempered_log_softmax(logits: Tensor, temperature: float | Tensor) -> Tensor:
    """Compute logarithms of the probabilities of a tempered softmax.

    The higher the temperature, the slower probabilities decrease with the distance of a logit from
    the largest one.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    temperature : float or Tensor
        Temperature t, at least 1. At 1 it is the logarithm of softmax.

    Returns
    -------
    Tensor of shape (..., n_classes)
        Logarithms of ``(1 + (t - 1) * (s - logits)) ** (-1 / (t - 1))``, where the number s of each
        sample is such that the probabilities sum to one.

    References
    ----------
    Amid et al., "Robust Bi-Tempered Logistic Loss Based on Bregman Divergences", NeurIPS 2019, Eq.
    4. Departure: s is computed by Newton's method; five steps of the authors' fixed-point iteration
    leave errors of several percent with many classes.

    Examples
    --------
    >>> import torch
    >>> tempered_log_softmax(torch.tensor([2.0, 0.0]), 1.0).exp()
    tensor([0.8808, 0.1192])
    >>> tempered_log_softmax(torch.tensor([2.0, 0.0]), 2.0).exp()
    tensor([0.7071, 0.2929])
    """
    check_scalar("tempered_log_softmax", "temperature", temperature, 1)
    distance = _at_least_tiny(temperature - 1)
    z = logits - logits.detach().amax(dim=-1, keepdim=True)

    def log_probs(z: Tensor, shift: Tensor) -> Tensor:
        return torch.log1p(distance * (shift - z)) / -distance

    # The sum of the probabilities, to the power of 1 - t, is concave and increases with the shift,
    # so that Newton's method increases the shift from zero to the root.
    fixed = z.detach()
    shift = torch.zeros_like(fixed[..., :1])
    for _ in range(_N_STEPS):
        log_p = log_probs(fixed, shift)
        log_total = torch.logsumexp(log_p, dim=-1, keepdim=True)
        log_slope = torch.logsumexp((1 + distance) * log_p, dim=-1, keepdim=True)
        factor = torch.exp((1 + distance) * log_total - log_slope)
        shift = shift - factor * torch.expm1(-distance * log_total) / distance
    # A last step with a graph has the gradient of the root.
    slope = torch.exp((1 + distance) * log_probs(fixed, shift)).sum(dim=-1, keepdim=True)
    excess = log_probs(z, shift).exp().sum(dim=-1, keepdim=True) - 1
    return log_probs(z, shift + excess / slope)
