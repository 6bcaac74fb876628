"""Learning rate schedules: factors on the learning rate as functions of the progress of a fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

__all__ = ["CosineRestarts", "LinearDecay", "Steps"]

# The progress of an epoch is a quotient, so that it may be below its exact value.
_ROUNDING = 1e-9


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _check_numbers(owner: str, **values: Any) -> None:
    for name, numbers in values.items():
        if not isinstance(numbers, Sequence) or not all(map(_is_number, numbers)):
            raise ValueError(
                f"The {name!r} parameter of {owner} must be a tuple of numbers. Got {numbers!r} "
                "instead."
            )


@dataclass(frozen=True)
class Steps:
    """A learning rate schedule of constant parts.

    Parameters
    ----------
    at : tuple of float
        The progress at which the factor changes, ascending, in (0, 1): epochs over ``max_epochs``.
    factors : tuple of float
        Factor of ``lr`` from then on.

    Examples
    --------
    >>> schedule = Steps(at=(0.5, 0.75), factors=(0.1, 0.01))
    >>> [schedule(progress) for progress in (0.0, 0.5, 0.9)]
    [1.0, 0.1, 0.01]
    """

    at: tuple[float, ...]
    factors: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_numbers("Steps", at=self.at, factors=self.factors)
        bounds = (0.0, *self.at, 1.0)
        if not all(low < high for low, high in pairwise(bounds)):
            raise ValueError(
                f"The 'at' parameter of Steps must be ascending, in (0, 1). Got {self.at!r}."
            )
        if len(self.factors) != len(self.at):
            raise ValueError(
                f"The 'factors' parameter of Steps must have {len(self.at)} numbers, one for each "
                f"part that 'at' begins. Got {self.factors!r} instead."
            )

    def __call__(self, progress: float) -> float:
        passed = sum(progress >= start - _ROUNDING for start in self.at)
        return (1.0, *self.factors)[passed]


@dataclass(frozen=True)
class LinearDecay:
    """A learning rate schedule that is constant, and then falls linearly to 0.

    Parameters
    ----------
    start : float
        The progress at which it begins to fall, in [0, 1).

    Examples
    --------
    >>> LinearDecay(start=0.5)(0.75)
    0.5
    """

    start: float

    def __post_init__(self) -> None:
        if not _is_number(self.start) or not 0 <= self.start < 1:
            raise ValueError(
                "The 'start' parameter of LinearDecay must be a float in the range [0, 1). Got "
                f"{self.start!r} instead."
            )

    def __call__(self, progress: float) -> float:
        return min(1.0, (1 - progress) / (1 - self.start))


@dataclass(frozen=True)
class CosineRestarts:
    """A learning rate schedule of cosine curves, each from 1 down to a lowest factor.

    Parameters
    ----------
    n_curves : int
        Number of curves; 1: no restart.
    lowest : float
        Factor of ``lr`` at the end of each curve, in [0, 1].

    Examples
    --------
    >>> round(CosineRestarts(n_curves=2, lowest=0.0)(0.25), 6)
    0.5
    """

    n_curves: int
    lowest: float

    def __post_init__(self) -> None:
        if not (isinstance(self.n_curves, Integral) and self.n_curves >= 1):
            raise ValueError(
                "The 'n_curves' parameter of CosineRestarts must be an int in the range [1, inf). "
                f"Got {self.n_curves!r} instead."
            )
        if not _is_number(self.lowest) or not 0 <= self.lowest <= 1:
            raise ValueError(
                "The 'lowest' parameter of CosineRestarts must be a float in the range [0, 1]. Got "
                f"{self.lowest!r} instead."
            )

    def __call__(self, progress: float) -> float:
        part = (progress + _ROUNDING) * self.n_curves % 1.0
        return self.lowest + (1 - self.lowest) * 0.5 * (1 + math.cos(math.pi * part))
