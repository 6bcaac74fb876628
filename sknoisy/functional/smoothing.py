"""Label smoothing of any sign: targets, bounded logits, and rates for a noise rate."""

from __future__ import annotations

import math
from numbers import Integral, Real

from torch import Tensor

__all__ = [
    "logit_bound_for_rate",
    "smoothing_rate_for_noise",
    "smooth_labels",
]


def smooth_labels(target: Tensor, rate: float | Tensor) -> Tensor:
    """Mix a target with the uniform distribution, at a rate of either sign.

    ``(1 - rate) * target + rate / n_classes``: label smoothing for a positive rate, negative label
    smoothing for a negative one; rows keep their sum.

    Parameters
    ----------
    target : Tensor of shape (..., n_classes)
    rate : float or Tensor, in (-inf, 1]

    Returns
    -------
    Tensor of shape (..., n_classes)

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022: generalised
    label smoothing.

    Examples
    --------
    >>> import torch
    >>> smooth_labels(torch.tensor([[1.0, 0.0]]), -1.0)
    tensor([[ 1.5000, -0.5000]])
    """
    return (1.0 - rate) * target + rate / target.shape[-1]


# Chosen with cross-entropy on the development half of the benchmarks, on seeds of 100 and above,
# and on sets that are no part of them.
_PER_NAT = 100.0


_LOWEST = -256.0


_LENGTH = 5.0


def smoothing_rate_for_noise(noise_rate: float, n_classes: int, memorized: float = 0.0) -> float:
    """Choose the rate of label smoothing for a rate of noise.

    Theory names the rate at which the loss is, on average over symmetric noise, that of
    cross-entropy on right labels. That is enough where a network cannot tell one sample from its
    neighbours: with many samples of few features. The more it memorises of the one sample of the
    noise it sees, the further below zero is the rate that keeps it from doing so.

    Parameters
    ----------
    noise_rate : float
        Share of wrong labels, in [0, 1]; or of all labels that nothing explains: to a network those
        of classes that overlap are noise too.
    n_classes : int
        At least 2.
    memorized : float, default=0.0
        How much lower the cross-entropy of labels is that the network was trained on, than that of
        others, in nats: what :class:`~sknoisy.transition.NoiseReport` says of the end of warm-up.
        0 for the rate of theory.

    Returns
    -------
    float
        ``-max(1, 100 * memorized) * r / (1 - r)`` with ``r = noise_rate * n_classes / (n_classes -
        1)``, at least -256; 0 where there is no noise.

    References
    ----------
    Wei et al., "To Smooth or Not? When Label Smoothing Meets Noisy Labels", ICML 2022, for two
    classes; for more, labels drawn anew are smoothing at rate r. What is memorised is not part of
    it.

    Examples
    --------
    >>> from sknoisy.functional.smoothing import smoothing_rate_for_noise
    >>> (
    ...     round(smoothing_rate_for_noise(0.4, 10), 6),
    ...     round(smoothing_rate_for_noise(0.4, 10, memorized=0.1), 6),
    ... )
    (-0.8, -8.0)
    >>> smoothing_rate_for_noise(0.0, 10)
    0.0
    """
    if not isinstance(noise_rate, Real) or not 0 <= noise_rate <= 1:
        raise ValueError(
            "The 'noise_rate' parameter of rate_for must be a float in the range [0, 1]. Got "
            f"{noise_rate!r} instead."
        )
    if not isinstance(n_classes, Integral) or n_classes < 2:
        raise ValueError(
            "The 'n_classes' parameter of rate_for must be an int in the range [2, inf). Got "
            f"{n_classes!r} instead."
        )
    drawn_anew = noise_rate * n_classes / (n_classes - 1)
    if drawn_anew <= 0:
        return 0.0
    if drawn_anew >= 1:
        return _LOWEST
    return max(-max(1.0, _PER_NAT * memorized) * drawn_anew / (1 - drawn_anew), _LOWEST)


def logit_bound_for_rate(rate: float) -> float:
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
    >>> from sknoisy.functional.smoothing import logit_bound_for_rate
    >>> logit_bound_for_rate(-8.0)
    15.0
    """
    if not isinstance(rate, Real) or not rate <= 0:
        raise ValueError(
            "The 'rate' parameter of bound_for must be a float in the range (-inf, 0]. Got "
            f"{rate!r} instead."
        )
    return _LENGTH * math.sqrt(1 - rate)
