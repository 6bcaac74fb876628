"""Estimates of label noise from checked codes and probabilities: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

import numpy as np
import torch

from sknoisy._labels import transition_between
from sknoisy.correction import confident_transition

__all__ = [
    "Estimate",
    "NoiseRate",
    "anchor_points",
    "confident_joint",
    "dual_t",
    "noise_rate",
    "surest",
    "wrong_share",
]

Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]


def surest(
    codes: np.ndarray,
    p: np.ndarray,
    share: float = 0.25,
    at_least: int = 20,
    labels_alone: bool = False,
) -> np.ndarray:
    """As :func:`sknoisy.transition.surest`.

    With ``labels_alone`` p only ranks the samples: what it says is not read as a probability.
    """
    untouched = np.eye(p.shape[1])
    said = untouched[codes] if labels_alone else (p + untouched[codes]) / 2
    likeliest, found = p.argmax(axis=1), untouched.copy()
    for label in np.unique(likeliest):
        own = np.flatnonzero(likeliest == label)
        n = max(at_least, ceil(share * len(own)))
        found[label] = said[own[np.argsort(-p[own, label], kind="stable")[:n]]].mean(axis=0)
    return found


def anchor_points(codes: np.ndarray, p: np.ndarray, quantile: float = 0.97) -> np.ndarray:
    """As :func:`sknoisy.transition.anchor_points`."""
    place = min(int(quantile * len(p)), len(p) - 1)
    return p[np.argsort(p, axis=0, kind="stable")[place]]


def confident_joint(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """As :func:`sknoisy.transition.confident_joint`."""
    target, weight = np.eye(p.shape[1])[codes], np.ones(len(p))
    return confident_transition(*map(torch.from_numpy, (p, target, weight))).numpy()


def dual_t(codes: np.ndarray, p: np.ndarray, quantile: float = 0.97) -> np.ndarray:
    """As :func:`sknoisy.transition.dual_t`."""
    by_guess = transition_between(p.argmax(axis=1), codes, p.shape[1])
    return anchor_points(codes, p, quantile) @ by_guess


def wrong_share(transition: np.ndarray, codes: np.ndarray) -> float:
    """Share of wrong labels where labels come in these shares."""
    given = np.bincount(codes, minlength=len(transition)) / len(codes)
    prior = given
    # Shares of the true classes, by expectation maximisation: an inverse could leave [0, 1].
    for _ in range(200):
        prior = prior * (transition @ (given / np.maximum(prior @ transition, 1e-12)))
    return float(1 - prior @ transition.diagonal())


class NoiseRate(NamedTuple):
    """Share of wrong labels, with an interval.

    Attributes
    ----------
    rate : float
        0 where no noise was found.
    low, high : float
        Ends of the interval.
    """

    rate: float
    low: float
    high: float


def noise_rate(
    codes: np.ndarray,
    p: np.ndarray,
    estimate: Estimate,
    rng: np.random.RandomState,
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    least: float = 0.01,
) -> NoiseRate:
    """As :func:`sknoisy.transition.noise_rate`."""
    draws = (rng.randint(len(codes), size=len(codes)) for _ in range(n_resamples))
    rates = [wrong_share(estimate(codes[rows], p[rows]), codes[rows]) for rows in draws]
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    if low <= least:
        return NoiseRate(0.0, 0.0, float(high))
    return NoiseRate(wrong_share(estimate(codes, p), codes), float(low), float(high))
