"""The weight of the ELR regulariser, which depends on the number of classes."""

from __future__ import annotations

import numpy as np

__all__ = ["elr_weight"]

# The authors' weights for CIFAR-10 and CIFAR-100; with 3 a network of two classes can end up with
# one of them. Above 2, a confident prediction grows against a label that contradicts it.
_CLASSES, _WEIGHTS = (2, 10, 100), (2.0, 3.0, 7.0)


def elr_weight(lam: float | str, n_classes: int) -> float:
    """Return the weight of the regulariser; "auto": interpolated in the logarithm of the classes.

    Parameters
    ----------
    lam : float or "auto"
    n_classes : int

    Returns
    -------
    float
    """
    if not isinstance(lam, str):
        return lam
    return float(np.interp(np.log(n_classes), np.log(_CLASSES), _WEIGHTS))
