"""Instance-dependent noise: the hard samples are mislabelled more often."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax
from scipy.stats import truncnorm
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_consistent_length

from sknoisy.noise._rates import _checked, _most

__all__ = ["instance_dependent"]


# Spread of the rates of single samples in instance-dependent noise.
_SPREAD = 0.1


def instance_dependent(
    X: Any,
    codes: np.ndarray,
    n_classes: int,
    rate: float,
    *,
    by_class: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Probabilities of labels under noise that hangs on the sample.

    Each sample has a rate of its own, drawn from a normal distribution with a spread of .1, cut off
    at 0 and 1, whose mean is ``rate``; what it is taken for instead is drawn from a softmax of
    random projections of it.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        The samples; columns are standardised.
    codes : ndarray of int of shape (n_samples,)
        Right labels as positions among the classes.
    n_classes : int
    rate : float
        Mean probability of a wrong label, in [0, 1 - 1 / n_classes].
    by_class : bool, default=True
        Whether each class has projections of its own, as in part-dependent noise; False: one matrix
        for all, the form most code has.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    References
    ----------
    Xia et al., "Part-dependent Label Noise: Towards Instance-dependent Label Noise", NeurIPS 2020,
    Algorithm 2. Departure: there ``rate`` is the centre before the cut, so that low rates come out
    higher.

    Examples
    --------
    >>> p = instance_dependent([[0.0], [1.0], [2.0]], [0, 1, 1], 2, 0.3, random_state=0)
    >>> p.sum(axis=1)
    array([1., 1., 1.])
    """
    rate, rng = _checked(rate, _most(n_classes)), check_random_state(random_state)
    X = check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
    X, codes = X.reshape(len(X), -1), np.asarray(codes)
    check_consistent_length(X, codes)
    if codes.min() < 0 or codes.max() >= n_classes:
        raise ValueError(
            f"codes must be from 0 to {n_classes - 1}. Got {codes.min()} to {codes.max()}."
        )
    spread = X.std(axis=0)
    X = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    wrong = _rates(len(X), rate, rng)
    shared = rng.normal(size=(X.shape[1], n_classes))
    p = np.empty((len(X), n_classes))
    for label in range(n_classes):
        own = codes == label
        scores = X[own] @ (rng.normal(size=shared.shape) if by_class else shared)
        scores[:, label] = -np.inf
        p[own] = wrong[own, None] * softmax(scores, axis=1)
    p[np.arange(len(p)), codes] = 1 - wrong
    return p


def _rates(n: int, rate: float, rng: np.random.RandomState) -> np.ndarray:
    """Rates of single samples: from a normal distribution cut off at 0 and 1, of this mean."""
    if rate < 1e-3:
        return np.full(n, rate)

    def cut(centre: float) -> tuple[float, float, float, float]:
        return -centre / _SPREAD, (1 - centre) / _SPREAD, centre, _SPREAD

    # What is cut off at 0 would lift the mean of a low rate.
    centre = brentq(lambda centre: truncnorm.mean(*cut(centre)) - rate, -20, 20)
    return truncnorm.rvs(*cut(centre), size=n, random_state=rng)
