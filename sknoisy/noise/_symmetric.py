"""Symmetric noise: all other classes are equally likely."""

from __future__ import annotations

import numpy as np

from sknoisy._validation.constraints import checked
from sknoisy.noise._rates import check_rate, max_rate

__all__ = ["symmetric"]


@checked(inclusive=["boolean"])
def symmetric(n_classes: int, rate: float, *, inclusive: bool = False) -> np.ndarray:
    """Build the transition matrix of symmetric noise.

    Parameters
    ----------
    n_classes : int
        At least 2.
    rate : float
        Probability that a label is changed, in [0, 1 - 1 / n_classes]; above this range the true
        label would be the least likely. With ``inclusive``, the probability that a label is
        redrawn, in [0, 1].
    inclusive : bool, default=False
        Whether a redrawn label may be the true one, as in the tables of ELR and DivideMix. An
        inclusive rate is higher than the noise rate by a factor of n_classes / (n_classes - 1).

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
    >>> from sknoisy.noise import symmetric
    >>> symmetric(3, 0.2)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    >>> symmetric(3, 0.3, inclusive=True)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """
    highest = max_rate(n_classes)
    rate = check_rate(rate, 1.0 if inclusive else highest)
    redrawn = rate if inclusive else rate / highest
    return (1 - redrawn) * np.eye(n_classes) + redrawn * (1 / n_classes)
