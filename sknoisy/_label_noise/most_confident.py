"""Transition matrices from the labels of the most confident samples of each class.

``codes`` are encoded labels, and ``p`` are predicted probabilities of these labels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

__all__ = [
    "confident_lower_bound",
    "counts_to_fractions",
    "most_confident",
    "most_confident_counts",
    "most_confident_of_ranked",
    "most_confident_quarter",
    "most_likely",
    "wilson_interval",
]

# With more classes, a matrix of counts is mostly zeros.
_MAX_DENSE_CLASSES = 50


class _Ranking(NamedTuple):
    """Samples ordered by their most likely class, the most confident first.

    Attributes
    ----------
    order : ndarray of shape (n_samples,)
        Positions of the samples.
    labels : ndarray of shape (n_predicted_classes,)
        The classes that are the most likely one of any sample.
    first, size : ndarray of shape (n_predicted_classes,)
        Where the samples of each of these classes start in ``order``, and their number.
    rank : ndarray of shape (n_samples,)
        Numbers from 1 within each class, in this order.
    """

    order: np.ndarray
    labels: np.ndarray
    first: np.ndarray
    size: np.ndarray
    rank: np.ndarray


def most_likely(p: np.ndarray) -> np.ndarray:
    """Return the most likely class of each sample and its probability, as fields of one array."""
    fields = np.empty(len(p), dtype=[("label", np.int64), ("confidence", float)])
    fields["label"] = p.argmax(axis=1)
    fields["confidence"] = p.max(axis=1)
    return fields


def most_confident(
    codes: np.ndarray, p: np.ndarray, min_samples: int = 10, z_score: float = 4.0
) -> np.ndarray:
    """Compute fractions of the labels of the most confident samples of each class."""
    return counts_to_fractions(most_confident_counts(codes, p, min_samples, z_score))


def counts_to_fractions(counts: np.ndarray) -> np.ndarray:
    """Divide counts by the sums of their rows; rows without counts are those of the identity."""
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.eye(len(counts)))


def most_confident_counts(
    codes: np.ndarray, p: np.ndarray, min_samples: int = 10, z_score: float = 4.0
) -> np.ndarray:
    """Count the labels of the most confident samples of each class."""
    ranked = most_likely(p)
    counts = np.zeros((p.shape[1], p.shape[1]), dtype=np.int64)
    samples = _most_confident_samples(codes, ranked, min_samples, z_score)
    np.add.at(counts, (ranked["label"][samples], codes[samples]), 1)
    return counts


def most_confident_of_ranked(
    codes: np.ndarray,
    ranked: np.ndarray,
    n_classes: int,
    min_samples: int = 10,
    z_score: float = 4.0,
) -> Any:
    """Compute :func:`most_confident` from the result of :func:`most_likely`.

    It takes a fraction of the time if there are many classes. The matrix is then sparse.
    """
    samples = _most_confident_samples(codes, ranked, min_samples, z_score)
    true, given = ranked["label"][samples], codes[samples]
    empty = np.flatnonzero(np.bincount(true, minlength=n_classes) == 0)
    rows, columns = np.r_[true, empty], np.r_[given, empty]
    shape = (n_classes, n_classes)
    fractions = csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    fractions.data /= np.repeat(np.bincount(rows), np.diff(fractions.indptr))
    return fractions if n_classes > _MAX_DENSE_CLASSES else fractions.toarray()


def confident_lower_bound(codes: np.ndarray, p: np.ndarray, z_score: float = 4.0) -> np.ndarray:
    """Bound the noise among the samples that :func:`most_confident` counts from below.

    The off-diagonal entries of a row keep their proportions; their sum is the lower end of the
    Wilson interval of the noise rate of that class.
    """
    counts = most_confident_counts(codes, p)
    n = counts.sum(axis=1)
    rate = 1 - counts.diagonal() / np.maximum(n, 1)
    rate[n == 0] = 0.0
    low = np.maximum(wilson_interval(rate, np.maximum(n, 1), z_score)[0], 0.0)
    factor = np.divide(low, rate, out=np.ones_like(rate), where=rate > 0)
    transition = counts * (factor / np.maximum(n, 1))[:, None]
    np.fill_diagonal(transition, 1 - np.where(rate > 0, low, 0.0))
    return transition


def most_confident_quarter(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Average labels and probabilities over the most confident quarter of each class.

    On few samples it has a lower variance than :func:`most_confident`. But it is biased: samples
    are selected for a high probability, so these probabilities are too high.
    """
    k = p.shape[1]
    ranking = _rank(most_likely(p))
    n = np.minimum(np.maximum(20, np.ceil(0.25 * ranking.size).astype(int)), ranking.size)
    samples = ranking.order[ranking.rank <= np.repeat(n, ranking.size)]
    evidence = p[samples]
    evidence[np.arange(len(samples)), codes[samples]] += 1
    rows = np.repeat(np.arange(len(n)), n)
    mean = csr_array((np.repeat(0.5 / n, n), (rows, np.arange(len(samples)))))
    transition = np.eye(k)
    transition[ranking.labels] = mean @ evidence
    return transition


def _rank(ranked: np.ndarray) -> _Ranking:
    order = np.lexsort((-ranked["confidence"], ranked["label"]))
    labels, first, size = np.unique(ranked["label"][order], return_index=True, return_counts=True)
    rank = np.arange(1, len(order) + 1) - np.repeat(first, size)
    return _Ranking(order, labels, first, size, rank)


def _most_confident_samples(
    codes: np.ndarray, ranked: np.ndarray, min_samples: int, z_score: float
) -> np.ndarray:
    """Choose the samples of each class for which the lower bound of the agreement is highest."""
    order, _, first, size, rank = _rank(ranked)
    label, confidence = ranked["label"][order], ranked["confidence"][order]
    n_agree = np.cumsum(codes[order] == label)
    n_agree -= np.repeat(np.r_[0, n_agree[first[1:] - 1]], size)
    low = wilson_interval(n_agree / rank, rank, z_score)[0]
    # Samples of equal confidence are counted together: their order may depend on their labels.
    is_last_of_ties = np.r_[(np.diff(confidence) != 0) | (np.diff(label) != 0), True]
    low[~is_last_of_ties | (rank < np.repeat(np.minimum(min_samples, size), size))] = -np.inf
    highest = np.repeat(np.maximum.reduceat(low, first), size)
    n = np.minimum.reduceat(np.where(low == highest, rank, len(order)), first)
    return order[rank <= np.repeat(n, size)]


def wilson_interval(fraction: Any, n: Any, z_score: float) -> tuple[Any, Any]:
    """Compute the Wilson score interval of a fraction observed in n samples."""
    z2_n = z_score**2 / n
    centre = fraction + z2_n / 2
    half_width = np.sqrt(z2_n * fraction * (1 - fraction) + z2_n**2 / 4)
    return (centre - half_width) / (1 + z2_n), (centre + half_width) / (1 + z2_n)
