"""Pair noise: each class is confused with one other class."""

from __future__ import annotations

import numpy as np

from sknoisy._validation.constraints import checked
from sknoisy.noise._asymmetric import asymmetric
from sknoisy.noise._rates import max_rate

__all__ = ["pair"]

# Pairs of classes that are swapped, by position among the sorted classes.
_SWAPPED = {9: 1, 1: 9, 2: 0, 0: 2, 4: 7, 7: 4, 3: 5, 5: 3, 6: 8, 8: 6}


@checked(swap=["boolean"])
def pair(n_classes: int, rate: float, *, swap: bool = False) -> np.ndarray:
    """Build the transition matrix of pair noise.

    Parameters
    ----------
    n_classes : int
        At least 2; with ``swap`` at least 10.
    rate : float
        Probability that a label is changed, in [0, 1 - 1 / n_classes]. Above 1/2, most labels of a
        class are noisy.
    swap : bool, default=False
        False: class i becomes class i + 1, and the last class the first, as in Co-teaching. True:
        classes 0 to 9 are swapped in fixed pairs (9 and 1, 2 and 0, 4 and 7, 3 and 5, 6 and 8), as
        in the code of Wei et al. 2022; other classes are not changed.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true label i.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or not a number.

    Examples
    --------
    >>> from sknoisy.noise import pair
    >>> pair(3, 0.4)
    array([[0.6, 0.4, 0. ],
           [0. , 0.6, 0.4],
           [0.4, 0. , 0.6]])
    """
    max_rate(n_classes)
    if swap and n_classes < len(_SWAPPED):
        raise ValueError(
            f"The 'n_classes' parameter of pair must be at least {len(_SWAPPED)} with swap=True. "
            f"Got {n_classes} instead."
        )
    next_class = {i: (i + 1) % n_classes for i in range(n_classes)}
    return asymmetric(n_classes, rate, _SWAPPED if swap else next_class)
