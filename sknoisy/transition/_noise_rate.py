"""Noise rates from predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sknoisy._label_noise import estimators as _estimates
from sknoisy._label_noise.estimators import Estimate, NoiseRate
from sknoisy.transition._checks import _checked, _in_range

__all__ = ["noise_rate"]


_FROM_PROBABILITIES: dict[str, Estimate] = {
    "most_confident": _estimates.most_confident,
    "anchor_points": _estimates.anchor_points,
    "confident_joint": _estimates.confident_joint,
    "dual_t": _estimates.dual_t,
}


def noise_rate(
    y: Any,
    proba: Any,
    *,
    method: str = "most_confident",
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    min_rate: float = 0.01,
    classes: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NoiseRate:
    """Estimate the share of wrong labels, with a bootstrap interval.

    Samples are drawn anew, and the interval reaches as far to both sides of the rate as their
    estimates lie on the farther one. It does not know of a bias of the model: where classes overlap
    even for the surest samples, the overlap looks like noise.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    method : {"most_confident", "anchor_points", "confident_joint", "dual_t"}, \
default="most_confident"
        Estimator of the transition matrix that the rate is taken from.
    confidence_level : float, default=0.95
        Of the interval, in (0, 1).
    n_resamples : int, default=200
        How many times samples are drawn.
    min_rate : float, default=0.01
        Where the interval reaches down to this rate, in [0, 1), no noise was found.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    NoiseRate

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import noise_rate
    >>> y = np.arange(200) % 2
    >>> noise_rate(y, np.where(np.eye(2)[y], 0.99, 0.01), random_state=0).rate
    0.0
    >>> y[:60] = 1 - y[:60]
    >>> rate = noise_rate(y, np.where(np.eye(2)[np.arange(200) % 2], 0.7, 0.3), random_state=0).rate
    >>> round(rate, 2)
    0.3
    """
    if method not in _FROM_PROBABILITIES:
        raise ValueError(
            f"The 'method' parameter must be a str among {sorted(_FROM_PROBABILITIES)}. Got "
            f"{method!r} instead."
        )
    _in_range(
        "noise_rate",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        min_rate=min_rate,
    )
    codes, p = _checked(y, proba, classes)
    return _estimates.noise_rate(
        codes,
        p,
        _FROM_PROBABILITIES[method],
        check_random_state(random_state),
        confidence_level,
        n_resamples,
        min_rate,
    )
