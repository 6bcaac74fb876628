"""Noise rate from labels and out-of-sample predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sknoisy._label_noise import estimators
from sknoisy._label_noise.estimators import NoiseRate
from sknoisy.transition._checks import check_arguments

__all__ = ["noise_rate"]


@check_arguments
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
    """Estimate the noise rate, with a bootstrap interval.

    The interval is symmetric about the estimate and includes the central part of the bootstrap
    estimates. It does not account for bias of the model: if even the most confident samples lie
    where classes overlap, the overlap looks like noise.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Out-of-sample predicted probabilities of the given labels.
    method : {"most_confident", "anchor_points", "confident_joint", "dual_t"}, \
default="most_confident"
        Estimator of the transition matrix from which the rate is computed.
    confidence_level : float, default=0.95
        Confidence level of the interval, in (0, 1).
    n_resamples : int, default=200
        Number of bootstrap samples.
    min_rate : float, default=0.01
        The rate is reported as 0 if the lower bound of the interval is at most this, in [0, 1).
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of ``proba``; None: the labels in y.
    random_state : int, RandomState instance or None, default=None
        Source of the bootstrap samples.

    Returns
    -------
    NoiseRate
        A named tuple of ``rate``, ``low`` and ``high``.

    Raises
    ------
    ValueError
        If labels and probabilities do not match, or a parameter is out of range.

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
    return estimators.noise_rate(
        y,
        proba,
        estimators.FROM_PREDICTIONS[method],
        check_random_state(random_state),
        confidence_level,
        n_resamples,
        min_rate,
    )
