"""How often a sample and its neighbours agree, explained by a transition matrix."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

__all__ = ["fit_hoc"]


def fit_hoc(seen: np.ndarray, max_iter: int) -> np.ndarray:
    """Find the transition matrix that explains best what labels were seen together.

    By Adam, as in the code of Zhu et al. 2021. The matrix with its rows exchanged explains as much:
    a method that takes longer steps can end there.

    Parameters
    ----------
    seen : ndarray of shape (n_classes, n_classes, n_classes)
        Shares of the labels of samples and two neighbours of each.
    max_iter : int

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
    """
    k = len(seen)
    x = best = np.r_[(5 * np.eye(k) - 1).ravel(), np.zeros(k)]
    least, drift, spread = np.inf, np.zeros_like(x), np.zeros_like(x)
    for i in range(1, max_iter + 1):
        missed, slope = _disagreement(x, seen)
        if missed < least:
            least, best = missed, x
        drift = 0.9 * drift + 0.1 * slope
        spread = 0.999 * spread + 0.001 * slope**2
        x = x - 0.1 * drift / (1 - 0.9**i) / (np.sqrt(spread / (1 - 0.999**i)) + 1e-8)
    return softmax(best[:-k].reshape(k, k), axis=1)


def _disagreement(x: np.ndarray, seen: np.ndarray) -> tuple[float, np.ndarray]:
    """How far single labels, pairs and triples are from those expected, and its slope."""
    k = len(seen)
    T, prior = softmax(x[:-k].reshape(k, k), axis=1), softmax(x[-k:])
    pairs = T[:, :, None] * T[:, None, :]
    flat = pairs.reshape(k, -1)
    missed = (
        prior @ T - seen.sum(axis=(1, 2)),
        np.tensordot(prior, pairs, 1) - seen.sum(axis=2),
        (T.T * prior) @ flat - seen.reshape(k, -1),
    )
    size = [max(float(np.linalg.norm(m)), 1e-12) for m in missed]
    one, two, three = (m / s for m, s in zip(missed, size, strict=True))
    three = three.reshape(k, k, k)
    slope_T = np.tile(one, (k, 1)) + T @ (two + two.T)
    for turned in (three, three.transpose(1, 0, 2), three.transpose(2, 0, 1)):
        slope_T += flat @ turned.reshape(k, -1).T
    slope_prior = T @ one + ((T @ two) * T).sum(axis=1)
    slope_prior += ((flat @ three.reshape(k, -1).T) * T).sum(axis=1)
    slope_T *= prior[:, None]
    slope_T = T * (slope_T - (T * slope_T).sum(axis=1, keepdims=True))
    slope_prior = prior * (slope_prior - prior @ slope_prior)
    return sum(size), np.r_[slope_T.ravel(), slope_prior]
