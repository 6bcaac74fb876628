"""Estimators of transition matrices and noise rates, without checks: numpy in, numpy out.

``codes`` are encoded labels, and ``p`` are predicted probabilities of these labels. The public
functions in :mod:`sknoisy.transition` check their arguments and call the estimators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from sknoisy._label_noise.hoc import fit_hoc
from sknoisy._label_noise.most_confident import counts_to_fractions, most_confident
from sknoisy.functional import confident_transition

__all__ = [
    "FROM_PREDICTIONS",
    "NoiseRate",
    "TransitionEstimator",
    "anchor_points",
    "bootstrap_noise_rates",
    "confident_joint",
    "dual_t",
    "gold",
    "hoc",
    "most_confident",
    "noise_rate",
    "noise_rate_from_transition",
    "transition_between",
]

# Class priors that change less in an iteration have converged.
_MIN_CHANGE = 1e-9

TransitionEstimator = Callable[[np.ndarray, np.ndarray], np.ndarray]


# ---- transition matrices -------------------------------------------------------------------------


def anchor_points(codes: np.ndarray, p: np.ndarray, quantile: float = 0.97) -> np.ndarray:
    """Return the probabilities of one sample per class, at a quantile of the class probability."""
    position = min(int(quantile * len(p)), len(p) - 1)
    return p[np.argsort(p, axis=0, kind="stable")[position]]


def confident_joint(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Count the labels of samples that exceed the mean probability of their class."""
    target, weight = np.eye(p.shape[1])[codes], np.ones(len(p))
    return confident_transition(*map(torch.from_numpy, (p, target, weight))).numpy()


def dual_t(codes: np.ndarray, p: np.ndarray, quantile: float = 0.97) -> np.ndarray:
    """Multiply the :func:`anchor_points` matrix by the label fractions of each predicted class."""
    from_predicted = transition_between(p.argmax(axis=1), codes, p.shape[1])
    return anchor_points(codes, p, quantile) @ from_predicted


def gold(codes: np.ndarray, p: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Average the probabilities of the trusted samples of each class."""
    transition = most_confident(codes, p)
    trusted_codes, trusted_p = codes[trusted], p[trusted]
    for label in np.unique(trusted_codes):
        transition[label] = trusted_p[trusted_codes == label].mean(axis=0)
    return transition


def hoc(
    codes: np.ndarray,
    features: Any,
    n_classes: int,
    metric: str = "cosine",
    max_iter: int = 1500,
) -> np.ndarray:
    """Fit a matrix to how often the labels of a sample and its two neighbours occur together."""
    neighbors = NearestNeighbors(n_neighbors=2, metric=metric).fit(features).kneighbors()[1]
    first, second = codes[neighbors[:, 0]], codes[neighbors[:, 1]]
    triples = np.zeros((n_classes, n_classes, n_classes))
    np.add.at(triples, (codes, first, second), 1 / len(codes))
    return fit_hoc(triples, max_iter)


def transition_between(true: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """Compute fractions of given labels for each true label; the identity for absent classes."""
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (true, given), 1)
    return counts_to_fractions(counts)


# Estimators that need only labels and predicted probabilities, by name.
FROM_PREDICTIONS: dict[str, TransitionEstimator] = {
    "most_confident": most_confident,
    "anchor_points": anchor_points,
    "confident_joint": confident_joint,
    "dual_t": dual_t,
}


# ---- noise rates ---------------------------------------------------------------------------------


class NoiseRate(NamedTuple):
    """Noise rate with a confidence interval.

    Attributes
    ----------
    rate : float
        Estimated fraction of mislabelled samples; 0 if no noise is detected.
    low, high : float
        Ends of the interval, which contains the rate.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import noise_rate
    >>> proba = np.repeat([[0.9, 0.1], [0.1, 0.9]], 100, axis=0)
    >>> y = np.repeat([0, 1], 100)
    >>> y[::5] = 1 - y[::5]
    >>> estimate = noise_rate(proba, y, random_state=0)
    >>> bool(estimate.low <= estimate.rate <= estimate.high)
    True
    """

    rate: float
    low: float
    high: float


def noise_rate_from_transition(transition: Any, codes: np.ndarray) -> float:
    """Compute the noise rate from a transition matrix and the frequencies of the labels."""
    observed = np.bincount(codes, minlength=transition.shape[0]) / len(codes)
    prior = observed
    # Expectation maximisation of the class priors: the inverse matrix could leave [0, 1].
    for _ in range(200):
        before = prior
        prior = prior * (transition @ (observed / np.maximum(prior @ transition, 1e-12)))
        if np.abs(prior - before).sum() < _MIN_CHANGE:
            break
    return float(max(0.0, 1 - prior @ transition.diagonal()))


def noise_rate(
    codes: np.ndarray,
    p: np.ndarray,
    estimate: Callable[[np.ndarray, np.ndarray], Any],
    rng: np.random.RandomState,
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    min_rate: float = 0.01,
    groups: np.ndarray | None = None,
) -> NoiseRate:
    """Estimate the noise rate, with a bootstrap interval.

    Samples of one group, such as copies, are drawn together: they are no independent evidence.
    """
    rate, tail = noise_rate_from_transition(estimate(codes, p), codes), (1 - confidence_level) / 2
    resampled = bootstrap_noise_rates(codes, p, estimate, rng, n_resamples, groups)
    ends = np.quantile(resampled, [tail, 1 - tail])
    # The interval is symmetric around the rate: if resampling shifts the estimates in one
    # direction, the rate itself may be shifted in the same direction.
    half_width = abs(ends - rate).max()
    # Even if all n labels are clean, the noise rate can be as high as 1 - tail ** (1 / n).
    n = len(codes) if groups is None else len(np.unique(groups))
    high = min(max(rate + half_width, 1 - tail ** (1 / n)), 1.0)
    if rate - half_width <= min_rate:
        return NoiseRate(0.0, 0.0, float(high))
    return NoiseRate(rate, float(rate - half_width), float(high))


def bootstrap_noise_rates(
    codes: np.ndarray,
    p: np.ndarray,
    estimate: Callable[[np.ndarray, np.ndarray], Any],
    rng: np.random.RandomState,
    n_resamples: int,
    groups: np.ndarray | None = None,
) -> list[float]:
    """Estimate the noise rate of each of several bootstrap samples, which are drawn by group."""
    draws = (_draw(len(codes), groups, rng) for _ in range(n_resamples))
    return [
        noise_rate_from_transition(estimate(codes[rows], p[rows]), codes[rows]) for rows in draws
    ]


def _draw(n_samples: int, groups: np.ndarray | None, rng: np.random.RandomState) -> np.ndarray:
    """Draw positions with replacement: as many as there are, or all positions of drawn groups."""
    if groups is None:
        return rng.randint(n_samples, size=n_samples)
    names, number = np.unique(groups, return_inverse=True)
    times = np.bincount(rng.randint(len(names), size=len(names)), minlength=len(names))
    return np.repeat(np.arange(n_samples), times[number])
