"""Classes that are labelled as another class more often than uniform noise would explain."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binom

__all__ = ["Confusion", "find_confusions"]

# Chosen in simulations with 2 to 50 classes of 30 to 500 samples each.
_WEIGHT_OF_FRACTION = 1 / 3


class Confusion(NamedTuple):
    """Two classes of which the first is labelled as the second.

    Attributes
    ----------
    true, given : label
        The true label, and the label given instead.
    probability : float
        Probability that a sample of true class ``true`` has the label ``given``.
    low, high : float
        Ends of the confidence interval, which contains the probability.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> y[:20] = 1
    >>> clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    >>> confusion = clf.noise_report_.confusions()[0]
    >>> int(confusion.true), int(confusion.given), confusion.low < 0.4 < confusion.high
    (0, 1, True)
    """

    true: Any
    given: Any
    probability: float
    low: float
    high: float


def find_confusions(
    counts: np.ndarray, classes: np.ndarray, min_probability: float, confidence_level: float
) -> list[Confusion]:
    """Find the cells of a table of counts that uniform noise does not explain.

    The intervals are exact (Clopper-Pearson) and simultaneous: by Bonferroni's correction, all
    cells are within their intervals with the confidence level. A confusion is a cell whose interval
    lies above the probability that every other class would have if the noise of its true class, or
    all noise, were uniform. As only cells with high counts are found, and the highest are named
    first, their fractions are too high, so the reported probabilities are corrected for the
    selection.

    Parameters
    ----------
    counts : ndarray of shape (n_classes, n_classes)
        Entry (i, j): the number of samples of true class i with the label j.
    classes : ndarray of shape (n_classes,)
    min_probability : float
        Cells with a lower probability are omitted.
    confidence_level : float

    Returns
    -------
    list of Confusion
        In decreasing order of the probability.
    """
    k = len(counts)
    n = counts.sum(axis=1)
    wrong = np.where(np.eye(k, dtype=bool), 0, counts)
    uniform = _uniform_probability(wrong, n)
    tail = (1 - confidence_level) / 2 / (k * (k - 1))
    cells, estimates = [], []
    for i, j in np.argwhere(wrong > np.maximum(uniform, min_probability / 2)[:, None] * n[:, None]):
        x, size = int(wrong[i, j]), int(n[i])
        lower_ends, high = _clopper_pearson(np.arange(x + 1), size, tail)
        low = lower_ends[x]
        if low > uniform[i]:
            x_min = max(int((lower_ends > uniform[i]).argmax()), ceil(min_probability * size))
            probability = _unselected_probability(x, size, min(x_min, x), low)
            if probability >= min_probability:
                cells.append((i, j))
                estimates.append((probability, low, high[x]))
    if not cells:
        return []
    (true, given), (probs, low, high) = np.transpose(cells), np.transpose(estimates)
    probs = np.clip(_shrink(probs, n[true]), np.maximum(low, min_probability), high)
    columns = (
        values[np.argsort(-probs, kind="stable")] for values in (true, given, probs, low, high)
    )
    return [
        Confusion(classes[i], classes[j], *map(float, numbers))
        for i, j, *numbers in zip(*columns, strict=True)
    ]


def _shrink(probs: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Shrink estimates towards their mean as far as chance explains how much they differ.

    Otherwise the highest of many estimates would be too high. This is the positive-part
    James-Stein estimator, which needs at least four.
    """
    m = len(probs)
    if m < 4:
        return probs
    mean = np.average(probs, weights=n)
    by_chance = mean * (1 - mean) / n
    excess = max(float(np.var(probs, ddof=1) - by_chance.mean()), 0.0)
    return probs - (m - 3) / (m - 1) * by_chance / (excess + by_chance) * (probs - mean)


def _uniform_probability(wrong: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return, for each true class, the probability of any other label under uniform noise."""
    k = len(wrong)
    overall = np.full(k, wrong.sum() / max(n.sum(), 1) / (k - 1))
    if k == 2:
        # There is only one other class, so noise can only differ between the true classes.
        return overall
    return np.maximum(overall, wrong.sum(axis=1) / np.maximum(n, 1) / (k - 1))


def _clopper_pearson(x: np.ndarray, n: int, tail: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the exact interval of a probability from x successes in n trials."""
    low = np.where(x == 0, 0.0, beta.ppf(tail, x, n - x + 1))
    high = np.where(x == n, 1.0, beta.isf(tail, x + 1, n - x))
    return low, high


def _unselected_probability(x: int, n: int, x_min: int, low: float) -> float:
    """Estimate a probability from x successes in n trials, which were noticed from x_min on.

    The fraction is too high on average, because lower ones are not noticed. The probability of the
    highest likelihood given that it was noticed is too low, because it is ``low`` whenever x is
    near x_min. A weighted mean is nearly unbiased.
    """
    fraction = x / n

    def excess(q: float) -> float:
        # Of the truncated binomial distribution, whose mean is x where the likelihood is highest.
        mean = n * q * binom.sf(x_min - 2, n - 1, q) / binom.sf(x_min - 1, n, q)
        return float(mean - x)

    if excess(low) >= 0:
        conditional = low
    elif excess(fraction) <= 0:
        # Nearly all numbers of successes would have been noticed.
        conditional = fraction
    else:
        conditional = brentq(excess, low, fraction)
    return _WEIGHT_OF_FRACTION * fraction + (1 - _WEIGHT_OF_FRACTION) * conditional
