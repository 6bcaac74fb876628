"""Jensen-Shannon divergences: of a label and a prediction, and of two predictions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["class_jensen_shannon", "jensen_shannon_divergence"]


def class_jensen_shannon(log_probs: Tensor, label_weight: float | Tensor) -> Tensor:
    """Compute the scaled Jensen-Shannon divergence of a prediction and each class as the label.

    Parameters
    ----------
    log_probs : Tensor of shape (..., n_classes)
        Logarithms of predicted probabilities.
    label_weight : float or Tensor
        Weight of the label in the mixture of label and prediction, in (0, 1). In the limit 0 it is
        cross-entropy, in the limit 1 half of the mean absolute error.

    Returns
    -------
    Tensor of shape (..., n_classes)
        The divergence times ``-1 / ((1 - w) * log(1 - w))``, where w is the weight of the label:
        from 0 to ``1 + w * log(w) / ((1 - w) * log(1 - w))``.

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon Divergence Loss for Learning with Noisy
    Labels", NeurIPS 2021, Eq. 5.

    Examples
    --------
    >>> import torch
    >>> class_jensen_shannon(torch.tensor([[0.5, 0.5]]).log(), 1e-4)
    tensor([[0.6931, 0.6931]])
    """
    w = label_weight
    log_rest = torch.log1p(-w) if isinstance(w, Tensor) else math.log1p(-w)
    p = log_probs.exp()
    mixture = w + (1 - w) * p
    # The classes that are not the label contribute (1 - w) * (1 - p) * log(1 - w) together.
    entropies = (1 - w) * p * log_probs - mixture * mixture.log()
    return 1 - p - entropies / ((1 - w) * log_rest)


def jensen_shannon_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Compute the Jensen-Shannon divergence of two predictions, in nats.

    Parameters
    ----------
    log_p, log_q : Tensor of shape (..., n_classes)
        Logarithms of probabilities.

    Returns
    -------
    Tensor of shape (...)
        Between 0 and log(2).

    Examples
    --------
    >>> import torch
    >>> p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.75, 0.25])
    >>> jensen_shannon_divergence(p.log(), q.log())
    tensor(0.0338)
    """
    log_mean = torch.logaddexp(log_p, log_q) - math.log(2)
    divergences = log_p.exp() * (log_p - log_mean) + log_q.exp() * (log_q - log_mean)
    return 0.5 * divergences.sum(dim=-1)
