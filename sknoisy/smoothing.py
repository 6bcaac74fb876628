"""How rates of smoothing follow from noise, and how long logits may be under a negative rate."""

from __future__ import annotations

import math

__all__ = ["bound_for", "rate_for"]

# Chosen with cross-entropy on the development half of the benchmarks, on seeds of 100 and above.
_BEYOND_THEORY = 16.0
_LOWEST = -64.0
_LENGTH = 5.0


def rate_for(noise_rate: float, n_classes: int, beyond: float = _BEYOND_THEORY) -> float:
    """Choose the rate of label smoothing for a rate of noise.

    Theory names the rate at which the loss is, on average over symmetric noise, that of
    cross-entropy on right labels. It says nothing of what a network memorises from the one sample
    of the noise it sees, which a rate further below zero keeps it from.

    Parameters
    ----------
    noise_rate : float
        Share of wrong labels, in [0, 1].
    n_classes : int
    beyond : float, default=16
        How many times as far below zero as theory; 1 is theory itself.

    Returns
    -------
    float
        ``-beyond * r / (1 - r)`` with ``r = noise_rate * n_classes / (n_classes - 1)``, at least
        -64; 0 where there is no noise.

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022, for two
    classes; for more, labels drawn anew are smoothing at rate r.

    Examples
    --------
    >>> from sknoisy.smoothing import rate_for
    >>> round(rate_for(0.4, 10, beyond=1), 6), round(rate_for(0.4, 10), 6)
    (-0.8, -12.8)
    >>> rate_for(0.0, 10)
    0.0
    """
    drawn_anew = noise_rate * n_classes / (n_classes - 1)
    if drawn_anew <= 0:
        return 0.0
    if drawn_anew >= 1:
        return _LOWEST
    return max(-beyond * drawn_anew / (1 - drawn_anew), _LOWEST)


def bound_for(rate: float) -> float:
    """Choose how long the vector of the logits of a sample may be under a negative rate.

    The more negative the rate, the more the loss is linear in the logits, and the more it keeps
    from memorising while they are still growing: a bound that is soon reached would take that
    away. Near zero a short one helps.

    Parameters
    ----------
    rate : float
        At most 0.

    Returns
    -------
    float
        ``5 * sqrt(1 - rate)``.

    Examples
    --------
    >>> from sknoisy.smoothing import bound_for
    >>> bound_for(-8.0)
    15.0
    """
    return _LENGTH * math.sqrt(1 - rate)
