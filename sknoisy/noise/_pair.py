"""Pair noise: each class is confused with the next one."""

from __future__ import annotations

import numpy as np

from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._rates import _most

__all__ = ["pair"]


_SWAPPED = {9: 1, 1: 9, 2: 0, 0: 2, 4: 7, 7: 4, 3: 5, 5: 3, 6: 8, 8: 6}


def pair(n_classes: int, rate: float, *, swap: bool = False) -> np.ndarray:
    """Transition matrix of noise that turns each class into one other.

    Parameters
    ----------
    n_classes : int
        At least 2; with ``swap`` at least 10.
    rate : float
        Probability of a wrong label, in [0, 1 - 1 / n_classes]. Beyond 1/2 most labels of a class
        are wrong.
    swap : bool, default=False
        False: class i turns into i + 1, the last into the first, as in Co-teaching. True: classes 0
        to 9 are exchanged in fixed pairs (9 and 1, 2 and 0, 4 and 7, 3 and 5, 6 and 8), as in the
        code of Wei et al. 2022; others stay.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Examples
    --------
    >>> pair(3, 0.4)
    array([[0.6, 0.4, 0. ],
           [0. , 0.6, 0.4],
           [0.4, 0. , 0.6]])
    """
    _most(n_classes)
    if swap and n_classes < len(_SWAPPED):
        raise ValueError(
            f"n_classes must be at least {len(_SWAPPED)} with swap=True. Got {n_classes}."
        )
    following = {i: (i + 1) % n_classes for i in range(n_classes)}
    return asymmetric(n_classes, rate, _SWAPPED if swap else following)
