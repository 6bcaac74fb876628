"""Scores of classes, computed from logarithms of their probabilities."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp

__all__ = ["log_odds", "probabilities"]


def probabilities(log_proba: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round probabilities to a dtype; those below 1, whose logarithm is not 0, stay below 1."""
    proba = np.exp(log_proba).astype(dtype)
    below_one = np.nextafter(dtype.type(1), dtype.type(0))
    return np.minimum(proba, below_one, out=proba, where=log_proba < 0)


def log_odds(log_proba: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Compute log-odds, also where a probability rounds to 1, and round them to a dtype."""
    rows, largest = np.arange(len(log_proba)), log_proba.argmax(axis=1)
    others = log_proba.copy()
    others[rows, largest] = -np.inf
    with np.errstate(divide="ignore"):
        complement = np.log1p(-np.exp(log_proba))
    complement[rows, largest] = logsumexp(others, axis=1)
    return (log_proba - complement).astype(dtype)
