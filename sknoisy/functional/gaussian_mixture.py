"""Mixtures of two normal distributions: the lower component describes clean labels."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from sknoisy.functional._scalars import check_count

__all__ = ["fit_gaussian_mixture", "gmm_clean_probability"]

# Smallest variance of a component, for values scaled to [0, 1].
_MIN_VARIANCE = 5e-4

# Bins of the histogram of long rows, much narrower than the smallest standard deviation.
_BINS = 2048


def gmm_clean_probability(values: Tensor, weight: Tensor, max_iter: int = 100) -> Tensor:
    """Compute the probability that each value comes from the lower of two normal distributions.

    With losses as values, the lower component describes clean labels. The mixture is fitted by
    expectation maximisation, which starts from both ends of the range and so is deterministic. Rows
    of more than 2048 values are fitted as a histogram of 2048 bins.

    Parameters
    ----------
    values : Tensor of shape (..., n_samples)
        Each leading index gets its own mixture.
    weight : Tensor of shape (n_samples,) or (..., n_samples)
        Values of weight 0 are ignored in the fit.
    max_iter : int, default=100

    Returns
    -------
    Tensor of shape (..., n_samples)
        In [0, 1] and non-increasing in the value; 1 if all values are equal.

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Section 3.1. The scaling to [0, 1] and the 5e-4 that are added to variances follow the authors'
    code.

    Examples
    --------
    >>> import torch
    >>> gmm_clean_probability(torch.tensor([0.1, 0.0, 0.2, 2.1, 2.0]), torch.ones(5)).round()
    tensor([1., 1., 1., 0., 0.])
    """
    check_count("gmm_clean_probability", "max_iter", max_iter, 0)
    low, high, x, fitted = _fit(values, weight.expand_as(values), max_iter)
    mean, variance, mixing = fitted.unbind(dim=-3)
    log_p = mixing.log() - 0.5 * (variance.log() + (x.unsqueeze(-2) - mean) ** 2 / variance)
    lower = torch.softmax(log_p, dim=-2)[..., 0, :]
    # In both tails the component with the larger variance is more likely, so the probability is
    # set to 1 below the lower mean and to 0 above the upper one.
    lower_mean, upper_mean = mean[..., 0, :], mean[..., 1, :]
    lower = torch.where(x <= lower_mean, 1.0, torch.where(x >= upper_mean, 0.0, lower))
    return torch.where(high > low, lower, 1.0)


def fit_gaussian_mixture(
    values: Tensor, weight: Tensor, max_iter: int = 100
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit the two normal distributions of :func:`gmm_clean_probability`.

    Parameters
    ----------
    values : Tensor of shape (..., n_samples)
    weight : Tensor of shape (n_samples,) or (..., n_samples)
    max_iter : int, default=100

    Returns
    -------
    mean, std, mixing_weight : Tensor of shape (..., 2)
        Parameters of both components; the component with the lower mean comes first.

    Examples
    --------
    >>> import torch
    >>> fit_gaussian_mixture(torch.tensor([0.1, 0.0, 0.2, 2.1, 2.0]), torch.ones(5))[0]
    tensor([0.1000, 2.0500])
    """
    check_count("fit_gaussian_mixture", "max_iter", max_iter, 0)
    low, high, _, fitted = _fit(values, weight.expand_as(values), max_iter)
    mean, variance, mixing = fitted.squeeze(-1).unbind(dim=-2)
    return low + (high - low) * mean, (high - low) * variance.sqrt(), mixing


def _fit(values: Tensor, weight: Tensor, max_iter: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return minimum, maximum, values scaled to [0, 1], and parameters of shape (..., 3, 2, 1)."""
    counts = weight > 0
    low = torch.where(counts, values, torch.inf).amin(dim=-1, keepdim=True)
    high = torch.where(counts, values, -torch.inf).amax(dim=-1, keepdim=True)
    x = (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
    rows = (part.reshape(-1, part.shape[-1]) for part in (x.clamp(0, 1), weight))
    fitted = torch.from_numpy(_fit_two_normals(*_to_numpy(*rows), max_iter)).to(x)
    return low, high, x, fitted.reshape(*x.shape[:-1], 3, 2, 1)


def _to_numpy(x: Tensor, weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of values in [0, 1] and their weights, long rows as histograms."""
    if x.shape[1] <= _BINS:
        return x.double().cpu().numpy(), weight.double().cpu().numpy()
    # NaN is put into some bin here; the training raises the error about it.
    bins = (x * (_BINS - 1)).round().long().clamp(0, _BINS - 1)
    # A sum of integers does not depend on the order of addition, which devices may change.
    integers = (weight / weight.sum(dim=1, keepdim=True) * 2**40).long()
    mass = integers.new_zeros(len(x), _BINS).scatter_add_(1, bins, integers)
    return np.linspace(0, 1, _BINS)[None].repeat(len(x), axis=0), mass.double().cpu().numpy()


def _fit_two_normals(x: np.ndarray, weight: np.ndarray, max_iter: int) -> np.ndarray:
    """Fit means, variances and mixing weights of two components to each row: (n_rows, 3, 2)."""
    weight = weight / weight.sum(axis=1, keepdims=True)
    powers = np.stack([np.ones_like(x), x, x**2], axis=2)
    total = np.einsum("mn,mnp->mp", weight, powers)
    # Start from both ends of the range.
    mean = np.tile([0.0, 1.0], (len(x), 1))
    variance = np.maximum(np.einsum("mn,mn->m", weight, (x - 0.5) ** 2), _MIN_VARIANCE)
    fitted = np.stack([mean, np.tile(variance[:, None], 2), np.full_like(mean, 0.5)], axis=1)
    active = np.arange(len(x))
    for _ in range(max_iter):
        lower = weight * expit((powers @ _log_density_ratio(fitted[active])[:, :, None])[:, :, 0])
        sums = (lower[:, None] @ powers)[:, 0]
        mass, first, second = np.stack([sums, total - sums], axis=2).swapaxes(0, 1)
        mass = np.maximum(mass, 1e-12)
        mean = first / mass
        variance = np.maximum(second / mass - mean**2, 0) + _MIN_VARIANCE
        change = abs(mean - fitted[active, 0]).max(axis=1)
        fitted[active] = np.stack([mean, variance, mass], axis=1)
        # Negated, so that a row with NaN stays active.
        moving = ~(change < 1e-6)
        if not moving.all():
            active, weight, powers, total = (
                part[moving] for part in (active, weight, powers, total)
            )
        if not len(active):
            break
    # Long tails can move one component past the other.
    return np.take_along_axis(fitted, np.argsort(fitted[:, :1], axis=2), axis=2)


def _log_density_ratio(fitted: np.ndarray) -> np.ndarray:
    """Return the coefficients of log(lower density / upper density), a quadratic: (n_rows, 3)."""
    mean, variance, mixing = fitted.swapaxes(0, 1)
    constant = np.log(mixing) - 0.5 * (np.log(variance) + mean**2 / variance)
    coefficients = np.stack([constant, mean / variance, -0.5 / variance], axis=1)
    return coefficients[:, :, 0] - coefficients[:, :, 1]
