"""Symmetric noise: each other label is equally likely."""

from __future__ import annotations

import numpy as np

from sknoisy.noise._rates import _checked, _most

__all__ = ["symmetric"]


def symmetric(n_classes: int, rate: float, *, inclusive: bool = False) -> np.ndarray:
    """Transition matrix of noise that favours no class.

    Parameters
    ----------
    n_classes : int
        At least 2.
    rate : float
        Probability of a wrong label, in [0, 1 - 1 / n_classes]; beyond it the right label would be
        the rarest. With ``inclusive``, probability of a label drawn anew, in [0, 1].
    inclusive : bool, default=False
        Whether a label drawn anew may be the right one, as in the tables of ELR and DivideMix. An
        inclusive rate is larger than the share of wrong labels by n_classes / (n_classes - 1).

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true.

    Examples
    --------
    >>> symmetric(3, 0.2)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    >>> symmetric(3, 0.3, inclusive=True)
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """
    most = _most(n_classes)
    rate = _checked(rate, 1.0 if inclusive else most)
    drawn = rate if inclusive else rate / most
    return (1 - drawn) * np.eye(n_classes) + drawn * (1 / n_classes)
