"""A random part of many samples, in which classes and trusted samples are not too rare."""

from __future__ import annotations

import numpy as np

__all__ = ["sample_groups"]


def sample_groups(
    labels: np.ndarray,
    groups: np.ndarray,
    n_samples: int,
    random_state: np.random.RandomState,
    trusted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw whole groups with about ``n_samples`` samples, half of them evenly over the classes.

    A group is drawn with a probability that depends on the classes of its samples. The inverse of
    the probability is the factor of their weights, so that weighted sums over the part estimate
    those over all samples (Horvitz and Thompson, "A Generalization of Sampling Without Replacement
    from a Finite Universe", JASA 47, 1952).

    Parameters
    ----------
    labels : ndarray of shape (n_all,), int64
        Most likely class of each given label.
    groups : ndarray of shape (n_all,), int64
        Numbers of groups, from 0.
    n_samples : int
    random_state : RandomState
    trusted : ndarray of bool of shape (n_all,), default=None
        Of the trusted samples about ``n_samples / 2`` are drawn in addition.

    Returns
    -------
    positions : ndarray of int64
        Sorted.
    factor : ndarray of shape (len(positions),)
    """
    half = n_samples / 2
    n_of_class = np.bincount(labels)
    per_class = half / len(labels) + half / np.count_nonzero(n_of_class) / np.maximum(n_of_class, 1)
    probability = per_class[labels]
    if trusted is not None and trusted.any():
        probability += trusted * half / np.count_nonzero(trusted)
    of_group = np.zeros(groups.max() + 1)
    np.maximum.at(of_group, groups, probability)
    is_drawn = random_state.uniform(size=len(of_group)) < of_group
    if not is_drawn.any():
        is_drawn[of_group.argmax()] = True
    positions = np.flatnonzero(is_drawn[groups])
    return positions, 1 / np.minimum(of_group[groups[positions]], 1)
