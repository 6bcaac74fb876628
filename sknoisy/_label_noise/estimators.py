"""Estimates of label noise from checked codes and probabilities: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import torch

from sknoisy.functional import confident_transition

__all__ = [
    "Estimate",
    "NoiseRate",
    "anchor_points",
    "confident_joint",
    "dual_t",
    "noise_rate",
    "resampled",
    "most_confident_quarter",
    "most_confident",
    "transition_between",
    "wilson",
    "noise_rate_from_transition",
]


Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]


def most_confident(
    codes: np.ndarray, p: np.ndarray, min_samples: int = 10, z_score: float = 4.0
) -> np.ndarray:
    """As :func:`sknoisy.transition.most_confident`."""
    untouched = np.eye(p.shape[1])
    found = untouched.copy()
    for label, own in _by_class(p):
        n = _how_many(p[own, label], codes[own] == label, min_samples, z_score)
        found[label] = untouched[codes[own[:n]]].mean(axis=0)
    return found


def most_confident_quarter(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Look at a quarter of each class, and take the mean of their labels and of what p says.

    Steadier than :func:`most_confident` on few samples, but samples chosen for a high p have one
    that is too high.
    """
    said = (p + np.eye(p.shape[1])[codes]) / 2
    found = np.eye(p.shape[1])
    for label, own in _by_class(p):
        found[label] = said[own[: max(20, ceil(0.25 * len(own)))]].mean(axis=0)
    return found


def _by_class(p: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each class with the samples that are likeliest of it, the surest first."""
    likeliest = p.argmax(axis=1)
    for label in np.unique(likeliest):
        own = np.flatnonzero(likeliest == label)
        yield label, own[np.argsort(-p[own, label], kind="stable")]


def _how_many(said: np.ndarray, kept: np.ndarray, min_samples: int, z_score: float) -> int:
    """How many samples to look at, from the first: where the share kept is surely highest."""
    # Samples that are equally sure stay together: their order may be that of their labels.
    ends = np.flatnonzero(np.r_[np.diff(said) != 0, True]) + 1
    n = ends[ends >= min(min_samples, len(said))]
    return int(n[wilson(kept.cumsum()[n - 1] / n, n, z_score)[0].argmax()])


def wilson(share: Any, n: Any, errors: float) -> tuple[Any, Any]:
    """The shares from which one found in n samples is so many of their own errors away."""
    doubt = errors**2 / n
    centre, reach = share + doubt / 2, np.sqrt(doubt * share * (1 - share) + doubt**2 / 4)
    return (centre - reach) / (1 + doubt), (centre + reach) / (1 + doubt)


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


def noise_rate_from_transition(transition: np.ndarray, codes: np.ndarray) -> float:
    """Share of wrong labels where labels come in these shares."""
    given = np.bincount(codes, minlength=len(transition)) / len(codes)
    prior = given
    # Shares of the true classes, by expectation maximisation: an inverse could leave [0, 1].
    for _ in range(200):
        prior = prior * (transition @ (given / np.maximum(prior @ transition, 1e-12)))
    return float(max(0.0, 1 - prior @ transition.diagonal()))


class NoiseRate(NamedTuple):
    """Share of wrong labels, with an interval.

    Attributes
    ----------
    rate : float
        0 where no noise was found.
    low, high : float
        Ends of the interval; the rate is between them.
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
    min_rate: float = 0.01,
) -> NoiseRate:
    """As :func:`sknoisy.transition.noise_rate`."""
    rate, tail = noise_rate_from_transition(estimate(codes, p), codes), (1 - confidence_level) / 2
    ends = np.quantile(resampled(codes, p, estimate, rng, n_resamples), [tail, 1 - tail])
    # Where resamples come out lower or higher as a rule, this estimate may have done so too.
    reach = abs(ends - rate).max()
    # Even where no label is wrong, others drawn like these may be.
    high = min(max(rate + reach, 1 - tail ** (1 / len(codes))), 1.0)
    if rate - reach <= min_rate:
        return NoiseRate(0.0, 0.0, float(high))
    return NoiseRate(rate, float(rate - reach), float(high))


def resampled(
    codes: np.ndarray,
    p: np.ndarray,
    estimate: Estimate,
    rng: np.random.RandomState,
    n_resamples: int,
) -> list[float]:
    """Rates that an estimate comes to over samples drawn anew."""
    draws = (rng.randint(len(codes), size=len(codes)) for _ in range(n_resamples))
    return [
        noise_rate_from_transition(estimate(codes[rows], p[rows]), codes[rows]) for rows in draws
    ]


def transition_between(true: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """Shares of the given codes for each true one; a class without samples keeps its label."""
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (true, given), 1)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.eye(n_classes))
