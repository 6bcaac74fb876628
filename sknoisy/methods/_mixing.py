"""The mixing coefficients of samples, which depend on the size of a sample."""

from __future__ import annotations

from torch import Tensor

__all__ = ["mixing_alpha"]

# From this number of entries on, a mixture of two samples is mostly between samples of both
# classes. In a table of fewer columns it is often in the region of a third class.
_MANY_ENTRIES = 64


def mixing_alpha(alpha: float | str, many: float, few: float, x: Tensor) -> float:
    """Return the parameter of the distribution of mixing coefficients.

    Parameters
    ----------
    alpha : float or "auto"
    many, few : float
        The value of "auto" for samples of 64 entries and more, such as images, and for others.
    x : Tensor of shape (n_samples, ...)

    Returns
    -------
    float
    """
    if not isinstance(alpha, str):
        return alpha
    return many if x[0].numel() >= _MANY_ENTRIES else few
