"""Noisy labels drawn from probabilities."""

from __future__ import annotations

import numpy as np

__all__ = ["_draw", "_draw_exactly"]


def _draw(p: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """One class for each row of probabilities."""
    return (rng.random_sample((len(p), 1)) >= p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def _draw_exactly(
    codes: np.ndarray, transition: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """New classes in exact numbers: those that stay are rounded up, others by largest remainder."""
    new = codes.copy()
    for label, row in enumerate(transition):
        own = rng.permutation(np.flatnonzero(codes == label))
        wanted = len(own) * np.where(np.arange(len(row)) == label, 0, row)
        # A share such as .29 of 100 is 28.999... in binary.
        counts = np.floor(wanted + 1e-9).astype(int)
        rest = int(np.floor(wanted.sum() + 1e-9)) - counts.sum()
        behind = rng.permutation(len(row))
        behind = behind[np.argsort(-(wanted - counts)[behind], kind="stable")]
        counts[behind[:rest]] += 1
        new[own[: counts.sum()]] = np.repeat(np.arange(len(row)), counts)
    return new
