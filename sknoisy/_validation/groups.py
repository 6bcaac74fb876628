"""Groups of samples: their check, and their numbering."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import check_labels

__all__ = ["check_groups", "number_groups"]


def check_groups(groups: Any, n_samples: int) -> np.ndarray | None:
    """Check the groups of samples and number them; return None if no two samples share a group.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        Names of groups, of one type: numbers, strings or dates.
    n_samples : int

    Returns
    -------
    ndarray of shape (n_samples,), int64, or None
        See :func:`number_groups`.

    Raises
    ------
    ValueError
        If it has another shape, or holds missing values.
    """
    if groups is None:
        return None
    groups = on_host(groups)
    try:
        shape = groups.shape if hasattr(groups, "shape") else np.shape(groups)
    except ValueError:  # Nested lists of unequal lengths.
        shape = (len(groups), "?")
    if shape != (n_samples,):
        raise ValueError(
            f"The 'groups' parameter must be an array-like of shape ({n_samples},), one name for "
            f"each sample. Got one of shape {shape} instead."
        )
    [names] = check_labels(groups=groups, are_discrete=False)
    return number_groups(names)


def number_groups(names: np.ndarray) -> np.ndarray | None:
    """Number groups by their first appearance, so that the number of a single row is its place.

    Parameters
    ----------
    names : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_samples,), int64, or None
        Numbers ``0 .. n_groups - 1``; None: no two samples share a group.
    """
    _, first, inverse = np.unique(names, return_index=True, return_inverse=True)
    if len(first) == len(names):
        return None
    number = np.empty(len(first), dtype=np.int64)
    number[first.argsort()] = np.arange(len(first))
    return number[inverse.reshape(-1)]
