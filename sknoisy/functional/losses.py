"""Losses as functions of the logits: one number for each class, contracted with a target.

Entry ``k`` of a *class loss* is what would be paid were ``k`` the label, so that label smoothing of
either sign, mixup, soft labels and backward correction are all just another target. Everything here
takes free leading axes and is safe under :func:`torch.vmap`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._layout import _class_by_class, _short_rows

__all__ = [
    "class_cross_entropy",
    "cross_entropy",
    "elr_regularizer",
    "expected_loss",
    "log_softmax",
    "margin",
    "one_hot",
]


def class_cross_entropy(logits: Tensor) -> Tensor:
    """Cross-entropy each class would cost as the label, ``-log softmax``.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)

    Returns
    -------
    Tensor of shape (..., n_classes)

    Examples
    --------
    >>> import torch
    >>> class_cross_entropy(torch.zeros(1, 4)).exp()
    tensor([[4., 4., 4., 4.]])
    """
    return -log_softmax(logits)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of a target: ``expected_loss(class_cross_entropy(logits), target)``.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    target : Tensor of shape (..., n_classes)

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> import torch
    >>> cross_entropy(torch.zeros(1, 4), torch.tensor([[0.5, 0.5, 0.0, 0.0]])).exp()
    tensor([4.])
    """
    # The sign is turned last, on one number per sample and not on one per class.
    return -expected_loss(log_softmax(logits), target)


def elr_regularizer(p: Tensor, believed: Tensor) -> Tensor:
    """Logarithm of one less the agreement, the inner product of predictions and beliefs.

    The more two distributions agree the lower it is, without limit but for the agreement being
    shrunk a little: multiplied by 1 - 1e-4.

    Parameters
    ----------
    p : Tensor of shape (..., n_classes)
    believed : Tensor of shape (..., n_classes)

    Returns
    -------
    Tensor of shape (...)

    References
    ----------
    Liu et al., "Early-Learning Regularization Prevents Memorization of Noisy Labels", NeurIPS 2020,
    Eq. 6.

    Examples
    --------
    >>> import torch
    >>> elr_regularizer(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([0.])
    """
    return torch.log1p(expected_loss(p, (1e-4 - 1) * believed))


def expected_loss(class_losses: Tensor, target: Tensor) -> Tensor:
    """Contract one loss per class with a target, to one loss per sample.

    Parameters
    ----------
    class_losses : Tensor of shape (..., n_classes)
    target : Tensor of shape (..., n_classes)
        Rows sum to one; entries may be negative.

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> import torch
    >>> expected_loss(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.75, 0.25]]))
    tensor([1.5000])
    """
    return (class_losses * target).sum(dim=-1)


def one_hot(y: Tensor, n_classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Targets that put all weight on the given label.

    Parameters
    ----------
    y : Tensor of shape (...), int64
    n_classes : int
    dtype : torch.dtype, default=torch.float32

    Returns
    -------
    Tensor of shape (..., n_classes)

    Examples
    --------
    >>> import torch
    >>> one_hot(torch.tensor([1, 0]), 2)
    tensor([[0., 1.],
            [1., 0.]])
    """
    target = torch.zeros(*y.shape, n_classes, dtype=dtype, device=y.device)
    return target.scatter(-1, y.unsqueeze(-1), 1.0)


def log_softmax(logits: Tensor) -> Tensor:
    """Logarithms of class probabilities, as ``torch.log_softmax`` has them, for several networks.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)

    Returns
    -------
    Tensor of shape (..., n_classes)

    Examples
    --------
    >>> import torch
    >>> log_softmax(torch.zeros(2, 1, 4)).exp()[0]
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    if not _short_rows(logits):
        return torch.log_softmax(logits, dim=-1)
    z = _class_by_class(logits)
    return torch.log_softmax(z.transpose(-1, -2), dim=-2).transpose(-1, -2)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Logit of the given label less the largest other logit.

    Parameters
    ----------
    logits : Tensor of shape (..., n_samples, n_classes)
    y : Tensor of shape (n_samples,), int64

    Returns
    -------
    Tensor of shape (..., n_samples)

    References
    ----------
    Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin Ranking",
    NeurIPS 2020, Eq. 1.

    Examples
    --------
    >>> import torch
    >>> margin(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([1]))
    tensor([-2.])
    """
    place = y.unsqueeze(-1).expand(*logits.shape[:-1], 1)
    own = logits.gather(-1, place)
    others = logits.scatter(-1, place, -torch.inf)
    return own.squeeze(-1) - others.amax(dim=-1)
