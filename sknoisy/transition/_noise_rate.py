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
    clf_or_proba: Any,
    y: Any,
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
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
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
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.
    random_state : int, RandomState instance or None, default=None
        Source of the bootstrap samples.

    Returns
    -------
    NoiseRate
        A named tuple of ``rate``, ``low`` and ``high``.

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels and probabilities do not match, or a
        parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import noise_rate
    >>> y = np.arange(200) % 2
    >>> noise_rate(np.where(np.eye(2)[y], 0.95, 0.05), y, random_state=0).rate
    0.0
    >>> y[:60] = 1 - y[:60]
    >>> proba = np.where(np.eye(2)[np.arange(200) % 2], 0.7, 0.3)
    >>> round(noise_rate(proba, y, random_state=0).rate, 2)
    0.3
    """
    return estimators.noise_rate(
        y,
        clf_or_proba,
        estimators.FROM_PREDICTIONS[method],
        check_random_state(random_state),
        confidence_level,
        n_resamples,
        min_rate,
    )
