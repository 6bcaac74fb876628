"""Default parameters that follow the number of classes."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["by_classes"]


def by_classes(value: Any, n_classes: int, ten: float, hundred: float) -> Any:
    """Return the value of a parameter whose default follows the number of classes.

    Authors set some parameters once for ten and once for a hundred classes. In between, the default
    is interpolated geometrically; outside, it is the nearer of the two settings.

    Parameters
    ----------
    value : float, Tensor or "auto"
        Returned unchanged unless it is "auto".
    n_classes : int
    ten, hundred : float
        Positive values for ten and for a hundred classes.

    Returns
    -------
    float or Tensor

    Examples
    --------
    >>> [round(by_classes("auto", k, 1.0, 4.0), 6) for k in (2, 10, 100, 1000)]
    [1.0, 1.0, 4.0, 4.0]
    >>> by_classes(3.0, 100, 1.0, 4.0)
    3.0
    """
    if not isinstance(value, str):
        return value
    progress = min(max(math.log10(n_classes / 10), 0.0), 1.0)
    return ten * (hundred / ten) ** progress
