"""Two normal distributions fitted to losses, the lower one of the clean labels."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

__all__ = ["fit_gaussian_mixture", "gmm_clean_probability"]


# Of a mixture's components, in values scaled to [0, 1].
_LEAST_VARIANCE = 5e-4


# Of the histogram a mixture is fitted to: narrow beside the smallest standard deviation.
_BINS = 2048


def gmm_clean_probability(values: Tensor, weight: Tensor, max_iter: int = 100) -> Tensor:
    """Probability that each value comes from the lower of two normal distributions.

    The mixture is fitted by expectation maximisation from the two ends of the range, which is the
    same in every run; with losses as values, the lower component holds the right labels. More than
    2048 values are counted in as many bins first.

    Parameters
    ----------
    values : Tensor of shape (..., n_samples)
        Each leading index is fitted apart.
    weight : Tensor of shape (n_samples,) or (..., n_samples)
        Values of weight 0 have no part in the fit.
    max_iter : int, default=100

    Returns
    -------
    Tensor of shape (..., n_samples)
        In [0, 1], and never rising with the value; 1 where all values are equal.

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Section 3.1; the scaling to [0, 1] and the floor of 5e-4 under the variances are those of the
    authors' code.

    Examples
    --------
    >>> import torch
    >>> gmm_clean_probability(torch.tensor([0.1, 0.0, 0.2, 2.1, 2.0]), torch.ones(5)).round()
    tensor([1., 1., 1., 0., 0.])
    """
    low, high, x, fitted = _fit(values, weight.expand_as(values), max_iter)
    mean, variance, mixture = fitted.unbind(dim=-3)
    log_p = mixture.log() - 0.5 * (variance.log() + (x.unsqueeze(-2) - mean) ** 2 / variance)
    lower = torch.softmax(log_p, dim=-2)[..., 0, :]
    # Far out in the tails the wider component takes over at both ends; beyond its mean, the lower
    # one has all, beyond the mean of the upper one, none.
    first, second = mean[..., 0, :], mean[..., 1, :]
    lower = torch.where(x <= first, 1.0, torch.where(x >= second, 0.0, lower))
    return torch.where(high > low, lower, 1.0)


def fit_gaussian_mixture(values: Tensor, weight: Tensor, max_iter: int = 100) -> tuple[Tensor, ...]:
    """Fit the two normal distributions of :func:`gmm_clean_probability`.

    Parameters
    ----------
    values, weight, max_iter
        As there.

    Returns
    -------
    mean, std, share : Tensor of shape (..., 2)
        Of each component, the lower one first.

    Examples
    --------
    >>> import torch
    >>> fit_gaussian_mixture(torch.tensor([0.1, 0.0, 0.2, 2.1, 2.0]), torch.ones(5))[0]
    tensor([0.1000, 2.0500])
    """
    low, high, _, fitted = _fit(values, weight.expand_as(values), max_iter)
    mean, variance, share = fitted.squeeze(-1).unbind(dim=-2)
    return low + (high - low) * mean, (high - low) * variance.sqrt(), share


def _fit(values: Tensor, weight: Tensor, max_iter: int) -> tuple[Tensor, ...]:
    """Ends of the values, these scaled to [0, 1], and what is fitted to them: (..., 3, 2, 1)."""
    counts = weight > 0
    low = torch.where(counts, values, torch.inf).amin(dim=-1, keepdim=True)
    high = torch.where(counts, values, -torch.inf).amax(dim=-1, keepdim=True)
    x = (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
    rows = (part.reshape(-1, part.shape[-1]) for part in (x.clamp(0, 1), weight))
    fitted = torch.from_numpy(_two_normals(*_binned(*rows), max_iter)).to(x)
    return low, high, x, fitted.reshape(*x.shape[:-1], 3, 2, 1)


def _binned(x: Tensor, weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Rows of values in [0, 1] and their weights on the CPU, long ones as histograms."""
    if x.shape[1] <= _BINS:
        return x.double().cpu().numpy(), weight.double().cpu().numpy()
    # A loss that is not a number has no place; the training that meets it says so.
    place = (x * (_BINS - 1)).round().long().clamp(0, _BINS - 1)
    # Whole numbers add up to the same sum in any order, which a device may choose as it likes.
    whole = (weight / weight.sum(dim=1, keepdim=True) * 2**40).long()
    mass = whole.new_zeros(len(x), _BINS).scatter_add_(1, place, whole)
    return np.linspace(0, 1, _BINS)[None].repeat(len(x), axis=0), mass.double().cpu().numpy()


def _two_normals(x: np.ndarray, weight: np.ndarray, max_iter: int) -> np.ndarray:
    """Means, variances and shares of two normal distributions for each row, (n_rows, 3, 2)."""
    share = weight / weight.sum(axis=1, keepdims=True)
    powers = np.stack([np.ones_like(x), x, x**2], axis=2)
    total = np.einsum("mn,mnp->mp", share, powers)
    # From both ends of x.
    mean = np.tile([0.0, 1.0], (len(x), 1))
    variance = np.maximum(np.einsum("mn,mn->m", share, (x - 0.5) ** 2), _LEAST_VARIANCE)
    fitted = np.stack([mean, np.tile(variance[:, None], 2), np.full_like(mean, 0.5)], axis=1)
    moving = np.arange(len(x))
    for _ in range(max_iter):
        lower = share * expit((powers @ _log_ratio(fitted[moving])[:, :, None])[:, :, 0])
        sums = (lower[:, None] @ powers)[:, 0]
        mass, first, second = np.stack([sums, total - sums], axis=2).swapaxes(0, 1)
        mass = np.maximum(mass, 1e-12)
        mean = first / mass
        variance = np.maximum(second / mass - mean**2, 0) + _LEAST_VARIANCE
        far = abs(mean - fitted[moving, 0]).max(axis=1)
        fitted[moving] = np.stack([mean, variance, mass], axis=1)
        on = ~(far < 1e-6)
        if not on.all():
            moving, share, powers, total = moving[on], share[on], powers[on], total[on]
        if not len(moving):
            break
    # Long tails can drive one component past the other.
    return np.take_along_axis(fitted, np.argsort(fitted[:, :1], axis=2), axis=2)


def _log_ratio(fitted: np.ndarray) -> np.ndarray:
    """Logarithm of the lower density over the upper one: a quadratic, (n_rows, 3) coefficients."""
    mean, variance, mixture = fitted.swapaxes(0, 1)
    constant = np.log(mixture) - 0.5 * (np.log(variance) + mean**2 / variance)
    each = np.stack([constant, mean / variance, -0.5 / variance], axis=1)
    return each[:, :, 0] - each[:, :, 1]
