"""Asymmetric noise: classes are confused with those that look like them."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from sknoisy.noise._rates import _checked, _most

__all__ = ["asymmetric"]


# Which class turns into which, by its position among the classes in their usual order.
_CIFAR10 = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}


_SWAPPED = {9: 1, 1: 9, 2: 0, 0: 2, 4: 7, 7: 4, 3: 5, 5: 3, 6: 8, 8: 6}


# The superclass of each fine class of CIFAR-100, in alphabetical order of the fine classes.
_SUPERCLASS = (
    "4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 6 13 15 3 15 0 11 1 10 12 14 16 9 "
    "11 5 5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18 17 10 3 2 12 12 16 12 1 9 19 2 10 0 1 "
    "16 12 9 13 15 13 16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13"
)


def asymmetric(
    n_classes: int, rate: float, mapping: str | Mapping[int, int] = "cifar10"
) -> np.ndarray:
    """Transition matrix of noise that turns some classes into one other each.

    Parameters
    ----------
    n_classes : int
        At least 2; at least 10 or 100 with the name of a mapping.
    rate : float
        Probability of a wrong label in a class that turns, in [0, 1 - 1 / n_classes]. Over all
        labels the share of wrong ones is smaller: half of it with "cifar10".
    mapping : {"cifar10", "cifar100", "cifar100_blocks"} or dict, default="cifar10"
        What turns into what, by positions among the sorted classes. "cifar10": truck to automobile,
        bird to airplane, deer to horse, cat to dog and dog to cat. "cifar100": each class to the
        next of its superclass. "cifar100_blocks": the same in blocks of five in alphabetical order,
        which the code of ELR takes for superclasses.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach", CVPR 2017.

    Examples
    --------
    >>> asymmetric(3, 0.25, {0: 2})
    array([[0.75, 0.  , 0.25],
           [0.  , 1.  , 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    rate = _checked(rate, _most(n_classes))
    maps = {"cifar10": _CIFAR10, "cifar100": _cycles(_superclasses())}
    maps["cifar100_blocks"] = _cycles(np.arange(100) // 5)
    if not isinstance(mapping, Mapping) and (not isinstance(mapping, str) or mapping not in maps):
        raise ValueError(
            f"The 'mapping' parameter must be a str among {sorted(maps)} or a dict. Got "
            f"{mapping!r} instead."
        )
    if isinstance(mapping, str):
        least = 10 if mapping == "cifar10" else 100
        if n_classes < least:
            raise ValueError(
                f"n_classes must be at least {least} with mapping={mapping!r}. Got {n_classes}."
            )
        mapping = maps[mapping]
    for place in (*mapping, *mapping.values()):
        if not isinstance(place, Integral) or not 0 <= place < n_classes:
            raise ValueError(
                f"The 'mapping' parameter must hold classes from 0 to {n_classes - 1}. Got "
                f"{place!r}."
            )
    transition = np.eye(n_classes)
    for old, new in mapping.items():
        transition[old, old] -= rate
        transition[old, new] += rate
    return transition


def _superclasses() -> np.ndarray:
    return np.array(_SUPERCLASS.split(), dtype=int)


def _cycles(groups: np.ndarray) -> dict[int, int]:
    """Each class to the next one of its group, the last to the first."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return {int(a): int(b) for own in members for a, b in zip(own, np.roll(own, -1), strict=True)}
