"""Asymmetric noise: classes are confused with similar ones."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from sknoisy._validation.constraints import did_you_mean
from sknoisy.noise._rates import check_rate, max_rate

__all__ = ["asymmetric"]

# True class to noisy class, by position among the sorted classes.
_CIFAR10 = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}

# Superclass of each class of CIFAR-100, whose classes are in alphabetical order.
_SUPERCLASSES = (
    "4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 6 13 15 3 15 0 11 1 10 12 14 16 9 "
    "11 5 5 19 8 8 15 13 14 17 18 10 16 4 17 4 2 0 17 4 18 17 10 3 2 12 12 16 12 1 9 19 2 10 0 1 "
    "16 12 9 13 15 13 16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13"
)

# The smallest number of classes for each named mapping.
_MIN_CLASSES = {"cifar10": 10, "cifar100": 100, "cifar100_blocks": 100}


def asymmetric(
    n_classes: int, rate: float, mapping: str | Mapping[int, int] = "cifar10"
) -> np.ndarray:
    """Build the transition matrix of asymmetric noise.

    Parameters
    ----------
    n_classes : int
        At least 2; at least 10 or 100 with a named mapping.
    rate : float
        Probability that a label of an affected class is changed, in [0, 1 - 1 / n_classes]. The
        noise rate over all labels is lower: half of it with "cifar10".
    mapping : {"cifar10", "cifar100", "cifar100_blocks"} or dict, default="cifar10"
        The noisy class of each affected class, by positions among the sorted classes.
        "cifar10": truck to automobile, bird to airplane, deer to horse, cat to dog and dog to cat.
        "cifar100": each class to the next class in its superclass. "cifar100_blocks": the same, but
        with blocks of five classes in alphabetical order as superclasses, as in the code of ELR.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true label i.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or of a wrong type.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach", CVPR 2017.

    Examples
    --------
    >>> from sknoisy.noise import asymmetric
    >>> asymmetric(3, 0.25, {0: 2})
    array([[0.75, 0.  , 0.25],
           [0.  , 1.  , 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    rate = check_rate(rate, max_rate(n_classes))
    transition = np.eye(n_classes)
    for true, noisy in _check_mapping(mapping, n_classes).items():
        transition[true, true] -= rate
        transition[true, noisy] += rate
    return transition


def _check_mapping(mapping: str | Mapping[int, int], n_classes: int) -> Mapping[int, int]:
    """Return a named mapping, or check that a dict maps encoded labels to encoded labels."""
    if isinstance(mapping, str) and mapping in _MIN_CLASSES:
        if n_classes < _MIN_CLASSES[mapping]:
            raise ValueError(
                f"The 'n_classes' parameter of asymmetric must be at least {_MIN_CLASSES[mapping]} "
                f"with mapping={mapping!r}. Got {n_classes} instead."
            )
        return _named_mapping(mapping)
    if not isinstance(mapping, Mapping):
        raise ValueError(
            f"The 'mapping' parameter of asymmetric must be a str among {sorted(_MIN_CLASSES)} or "
            f"a dict. Got {mapping!r} instead.{did_you_mean(mapping, _MIN_CLASSES)}"
        )
    for position in (*mapping, *mapping.values()):
        is_int = isinstance(position, Integral) and not isinstance(position, bool)
        if not is_int or not 0 <= position < n_classes:
            raise ValueError(
                "The 'mapping' parameter of asymmetric must hold encoded labels from 0 to "
                f"{n_classes - 1}. Got {position!r} instead."
            )
    return mapping


def _named_mapping(name: str) -> dict[int, int]:
    if name == "cifar10":
        return _CIFAR10
    if name == "cifar100":
        return _cycle_within(np.array(_SUPERCLASSES.split(), dtype=int))
    return _cycle_within(np.arange(100) // 5)


def _cycle_within(groups: np.ndarray) -> dict[int, int]:
    """Map each class to the next one of its group, and the last to the first."""
    mapping: dict[int, int] = {}
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group).tolist()
        mapping.update(zip(members, members[1:] + members[:1], strict=True))
    return mapping
