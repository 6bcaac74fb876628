"""Instance-dependent noise: the probability of each noisy label depends on the features."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from scipy.stats import truncnorm
from sklearn.utils import check_random_state

from sknoisy._validation.constraints import checked
from sknoisy.noise._rates import check_rate, max_rate
from sknoisy.noise._samples import check_samples

__all__ = ["instance_dependent"]

# Standard deviation of the noise rates of samples before truncation, as in Xia et al. 2020.
_STD = 0.1


@checked(by_class=["boolean"], random_state=["random_state"])
def instance_dependent(
    X: Any,
    codes: np.ndarray,
    n_classes: int,
    rate: float,
    *,
    by_class: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Compute the label probabilities of each sample under instance-dependent noise.

    The noise rate of each sample is drawn from a normal distribution with standard deviation 0.1,
    truncated to [0, 1]. After truncation its mean is ``rate``. The probabilities of the other
    classes are the softmax of random projections of its features.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        The samples; columns are standardised.
    codes : array-like of int of shape (n_samples,)
        Encoded true labels.
    n_classes : int
        At least 2.
    rate : float
        Mean probability of a noisy label, in [0, 1 - 1 / n_classes].
    by_class : bool, default=True
        Whether each class has its own projections, as in part-dependent noise. False: one
        projection matrix for all classes, as in most implementations.
    random_state : int, RandomState instance or None, default=None
        Source of rates and projections.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Probability of each given label.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or lengths differ.

    References
    ----------
    Xia et al., "Part-dependent Label Noise: Towards Instance-dependent Label Noise", NeurIPS 2020,
    Algorithm 2. Departure: in the paper ``rate`` is the mean before truncation, and truncation
    increases low rates.

    Examples
    --------
    >>> from sknoisy.noise import instance_dependent
    >>> p = instance_dependent([[0.0], [1.0], [2.0]], [0, 1, 1], 2, 0.3, random_state=0)
    >>> p.sum(axis=1)
    array([1., 1., 1.])
    """
    rate, rng = check_rate(rate, max_rate(n_classes)), check_random_state(random_state)
    X, codes = check_samples(X, codes, n_classes, "instance_dependent")
    X = X.reshape(len(X), -1)
    std = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(std > 0, std, 1)
    noise_rates = _draw_rates(len(X), rate, rng)
    projection = rng.normal(size=(X.shape[1], n_classes))
    p = np.empty((len(X), n_classes))
    for label in range(n_classes):
        members = codes == label
        scores = X[members] @ (rng.normal(size=projection.shape) if by_class else projection)
        scores[:, label] = -np.inf
        p[members] = noise_rates[members, None] * softmax(scores, axis=1)
    p[np.arange(len(p)), codes] = 1 - noise_rates
    return p


def _draw_rates(n: int, rate: float, rng: np.random.RandomState) -> np.ndarray:
    """Draw noise rates of samples from a truncated normal distribution with this mean."""
    if rate < 1e-3:
        return np.full(n, rate)

    def truncated(loc: float) -> tuple[float, float, float, float]:
        return -loc / _STD, (1 - loc) / _STD, loc, _STD

    # Truncation at 0 increases the mean, so for a low rate the location is below the mean.
    loc = brentq(lambda loc: truncnorm.mean(*truncated(loc)) - rate, -20, 20)
    return truncnorm.rvs(*truncated(loc), size=n, random_state=rng)
