"""Logarithmic opinion pool of several predictions, fitted to noisy labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

__all__ = ["fit_exponents", "log_pool"]

_MIN_PROBABILITY = 1e-3
_MAX_EXPONENT = 5.0
_PENALTY = 1e-3
# Most products in one evaluation of the loss; of more samples and classes some samples are fitted.
_MAX_PRODUCTS = 5e7


def log_pool(opinions: Sequence[np.ndarray], exponents: np.ndarray) -> np.ndarray:
    """Multiply predictions, each with an exponent, and normalise.

    Parameters
    ----------
    opinions : sequence of ndarray of shape (n_samples, n_classes)
        Probabilities; below 1e-3 they are not distinguished.
    exponents : ndarray of shape (n_opinions,)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    References
    ----------
    Genest and Zidek, "Combining Probability Distributions: A Critique and an Annotated
    Bibliography", Statistical Science 1, 1986.
    """
    return np.exp(_log_pool(_logarithms(opinions), exponents))


def fit_exponents(
    opinions: Sequence[np.ndarray],
    labels: np.ndarray,
    weight: np.ndarray,
    transition: np.ndarray,
) -> np.ndarray:
    """Fit the exponents of a log pool by the log loss of given labels.

    Parameters
    ----------
    opinions : sequence of ndarray of shape (n_samples, n_classes)
        Probabilities of the true class, of models that do not know the label of the sample.
    labels : ndarray of shape (n_samples, n_classes)
        Given labels as distributions.
    weight : ndarray of shape (n_samples,)
    transition : ndarray of shape (n_classes, n_classes)
        Maps true to given labels: the identity for opinions about given labels.

    Returns
    -------
    ndarray of shape (n_opinions,)
        In [0, 5]. A ridge penalty pulls them to equal exponents that sum to one.
    """
    m, (n, k) = len(opinions), labels.shape
    is_identity = np.array_equal(transition, np.eye(k))
    n_fitted = int(_MAX_PRODUCTS / (k * (m if is_identity else m + 2 * k)))
    if n_fitted < n:
        rows = np.random.RandomState(0).permutation(n)[:n_fitted]
        opinions = [opinion[rows] for opinion in opinions]
        labels, weight = labels[rows], weight[rows]
    logs, weight = _logarithms(opinions), weight / weight.sum()

    def loss_and_gradient(exponents: np.ndarray) -> tuple[float, np.ndarray]:
        log_pooled = _log_pool(logs, exponents)
        pooled = np.exp(log_pooled)
        if is_identity:
            log_given, plausible = log_pooled, labels
        else:
            given = np.maximum(pooled @ transition, 1e-9)
            log_given, plausible = np.log(given), pooled * ((labels / given) @ transition.T)
        slope = weight[:, None] * (plausible - pooled * labels.sum(axis=1, keepdims=True))
        distance = exponents - 1 / m
        loss = _PENALTY * distance @ distance - weight @ (labels * log_given).sum(axis=1)
        return loss, 2 * _PENALTY * distance - np.einsum("nk,mnk->m", slope, logs)

    start = np.full(m, 1 / m)
    bounds = [(0.0, _MAX_EXPONENT)] * m
    return minimize(loss_and_gradient, start, jac=True, bounds=bounds, method="L-BFGS-B").x


def _logarithms(opinions: Sequence[np.ndarray]) -> np.ndarray:
    return np.log(np.clip(np.stack(opinions).astype(np.float64), _MIN_PROBABILITY, 1.0))


def _log_pool(logs: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    return log_softmax(np.tensordot(exponents, logs, axes=1), axis=1)
