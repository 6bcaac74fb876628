"""Fit of a transition matrix to how often the labels of neighbours occur together (HOC)."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

__all__ = ["fit_hoc"]


def fit_hoc(triples: np.ndarray, max_iter: int) -> np.ndarray:
    """Fit a transition matrix to the frequencies of the labels of neighbours.

    The optimiser is Adam, as in the code of Zhu et al. 2021. An optimiser with longer steps could
    end at a matrix with permuted rows, which fits equally well.

    Parameters
    ----------
    triples : ndarray of shape (n_classes, n_classes, n_classes)
        Frequencies of the labels of a sample and its two nearest neighbours; they sum to 1.
    max_iter : int
        Number of steps.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
    """
    k = len(triples)
    x = best = np.r_[(5 * np.eye(k) - 1).ravel(), np.zeros(k)]
    lowest, mean, variance = np.inf, np.zeros_like(x), np.zeros_like(x)
    for i in range(1, max_iter + 1):
        value, gradient = _objective(x, triples)
        if value < lowest:
            lowest, best = value, x
        mean = 0.9 * mean + 0.1 * gradient
        variance = 0.999 * variance + 0.001 * gradient**2
        x = x - 0.1 * mean / (1 - 0.9**i) / (np.sqrt(variance / (1 - 0.999**i)) + 1e-8)
    return softmax(best[:-k].reshape(k, k), axis=1)


def _objective(x: np.ndarray, triples: np.ndarray) -> tuple[float, np.ndarray]:
    """Compute the distance between expected and observed frequencies, and its gradient.

    The distance is the sum of three norms: for single labels, pairs and triples. The variables in x
    are the logits of the matrix, followed by the logits of the class priors.
    """
    k = len(triples)
    T, prior = softmax(x[:-k].reshape(k, k), axis=1), softmax(x[-k:])
    pairs = T[:, :, None] * T[:, None, :]
    flat_pairs = pairs.reshape(k, -1)
    residuals = (
        prior @ T - triples.sum(axis=(1, 2)),
        np.tensordot(prior, pairs, 1) - triples.sum(axis=2),
        (T.T * prior) @ flat_pairs - triples.reshape(k, -1),
    )
    norms = [max(float(np.linalg.norm(r)), 1e-12) for r in residuals]
    d1, d2, d3 = (r / norm for r, norm in zip(residuals, norms, strict=True))
    d3 = d3.reshape(k, k, k)
    grad_T = np.tile(d1, (k, 1)) + T @ (d2 + d2.T)
    # Each of the three labels of a triple depends on T.
    for d in (d3, d3.transpose(1, 0, 2), d3.transpose(2, 0, 1)):
        grad_T += flat_pairs @ d.reshape(k, -1).T
    grad_prior = T @ d1 + ((T @ d2) * T).sum(axis=1)
    grad_prior += ((flat_pairs @ d3.reshape(k, -1).T) * T).sum(axis=1)
    grad_T *= prior[:, None]
    # Backward pass through the softmax, to the logits.
    grad_T = T * (grad_T - (T * grad_T).sum(axis=1, keepdims=True))
    grad_prior = prior * (grad_prior - prior @ grad_prior)
    return sum(norms), np.r_[grad_T.ravel(), grad_prior]
