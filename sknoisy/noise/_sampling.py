"""Random draws of noisy labels from probabilities."""

from __future__ import annotations

import numpy as np

__all__ = ["draw_exact_counts", "draw_labels"]


def draw_labels(p: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Draw an encoded label from each row of probabilities."""
    return (rng.random_sample((len(p), 1)) >= p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def draw_exact_counts(
    codes: np.ndarray, transition: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Draw encoded labels in exactly the numbers that are expected from a transition matrix.

    The number of changed labels of a class is rounded down, and distributed over the other classes
    by the largest-remainder method.
    """
    noisy = codes.copy()
    for label, row in enumerate(transition):
        members = rng.permutation(np.flatnonzero(codes == label))
        expected = len(members) * np.where(np.arange(len(row)) == label, 0, row)
        # The tolerance is needed because 0.29 * 100 is 28.999... in floating point.
        counts = np.floor(expected + 1e-9).astype(int)
        n_remaining = int(np.floor(expected.sum() + 1e-9)) - counts.sum()
        # Ties between remainders are broken at random.
        order = rng.permutation(len(row))
        order = order[np.argsort(-(expected - counts)[order], kind="stable")]
        counts[order[:n_remaining]] += 1
        noisy[members[: counts.sum()]] = np.repeat(np.arange(len(row)), counts)
    return noisy
