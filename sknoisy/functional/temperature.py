"""Class probabilities at another temperature: sharper below 1, flatter above 1."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_scalar
from sknoisy.functional.losses import log_softmax

__all__ = ["sharpen", "temperature_log_losses"]


def sharpen(probs: Tensor, temperature: float) -> Tensor:
    """Raise probabilities to the power of one over the temperature, and normalise them.

    Parameters
    ----------
    probs : Tensor of shape (..., n_classes)
        Entries below 0 count as 0.
    temperature : float
        Positive. The most likely class gains probability below 1, and loses some above 1.

    Returns
    -------
    Tensor of shape (..., n_classes)

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Eq. 4.

    Examples
    --------
    >>> import torch
    >>> sharpen(torch.tensor([0.75, 0.25]), 0.5)
    tensor([0.9000, 0.1000])
    """
    check_scalar("sharpen", "temperature", temperature, 0, left="(")
    return torch.softmax(_log(probs) / temperature, dim=-1)


def temperature_log_losses(probs: Tensor, labels: Tensor, temperatures: Tensor) -> Tensor:
    """Compute the log loss of each label at each of several temperatures.

    Parameters
    ----------
    probs : Tensor of shape (n_samples, n_classes)
    labels : Tensor of shape (n_samples,), int64
    temperatures : Tensor of shape (n_temperatures,)

    Returns
    -------
    Tensor of shape (n_temperatures, n_samples)

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Section 4.2.

    Examples
    --------
    >>> import torch
    >>> probs, labels = torch.tensor([[0.75, 0.25]]), torch.tensor([0])
    >>> (-temperature_log_losses(probs, labels, torch.tensor([1.0, 0.5]))).exp()
    tensor([[0.7500],
            [0.9000]])
    """
    log_probs = log_softmax(_log(probs) / temperatures.view(-1, 1, 1))
    labels = labels.view(1, -1, 1).expand(len(temperatures), -1, 1)
    return -log_probs.gather(-1, labels).squeeze(-1)


def _log(probs: Tensor) -> Tensor:
    return probs.clamp_min(torch.finfo(probs.dtype).tiny).log()
