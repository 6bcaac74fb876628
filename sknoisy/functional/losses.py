"""Losses as functions of the logits: one loss per class, contracted with a target.

Entry ``k`` of the losses of a sample is its loss if ``k`` were the label. Label smoothing of either
sign, mixup, soft labels and backward correction are then different targets. All functions here take
any leading axes and run under :func:`torch.vmap`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._layout import class_major, has_short_rows
from sknoisy.functional._scalars import check_count

__all__ = [
    "class_cross_entropy",
    "class_generalized_cross_entropy",
    "cross_entropy",
    "elr_regularizer",
    "expected_loss",
    "log_softmax",
    "margin",
    "normalize_class_losses",
    "one_hot",
    "to_double",
]


def class_cross_entropy(logits: Tensor) -> Tensor:
    """Compute the cross-entropy of each class as the label, ``-log softmax``.

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


def class_generalized_cross_entropy(logits: Tensor, q: float | Tensor) -> Tensor:
    """Compute the generalised cross-entropy of each class as the label, ``(1 - p ** q) / q``.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    q : float or Tensor
        Exponent in (0, 1]. The limit 0 is cross-entropy; 1 is half of the mean absolute error.

    Returns
    -------
    Tensor of shape (..., n_classes)

    References
    ----------
    Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    Labels", NeurIPS 2018, Eq. 6.

    Examples
    --------
    >>> import torch
    >>> class_generalized_cross_entropy(torch.zeros(1, 4), 0.5)
    tensor([[1., 1., 1., 1.]])
    """
    # For small q, 1 - p ** q would lose digits; expm1 does not.
    return -torch.expm1(q * log_softmax(logits)) / q


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Compute the cross-entropy, ``expected_loss(class_cross_entropy(logits), target)``.

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
    # Changing the sign last is cheaper: there is one number per sample instead of one per class.
    return -expected_loss(log_softmax(logits), target)


def elr_regularizer(probs: Tensor, target: Tensor) -> Tensor:
    """Compute the ELR regulariser, ``log(1 - <probs, target>)``.

    It decreases as the predictions agree more with the target. The inner product is multiplied by
    ``1 - 1e-4``, which gives the regulariser a lower limit.

    Parameters
    ----------
    probs : Tensor of shape (..., n_classes)
        Predicted probabilities.
    target : Tensor of shape (..., n_classes)
        Moving average of earlier predictions, not the given labels.

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
    return torch.log1p(expected_loss(probs, (1e-4 - 1) * target))


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
    """Encode labels as one-hot targets.

    Parameters
    ----------
    y : Tensor of shape (...), int64
        Encoded labels.
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
    check_count("one_hot", "n_classes", n_classes, 1)
    target = torch.zeros(*y.shape, n_classes, dtype=dtype, device=y.device)
    return target.scatter(-1, y.unsqueeze(-1), 1.0)


def log_softmax(logits: Tensor) -> Tensor:
    """Compute ``torch.log_softmax`` over the last axis, faster for several networks on the CPU.

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
    if not has_short_rows(logits):
        return torch.log_softmax(logits, dim=-1)
    z = class_major(logits)
    return torch.log_softmax(z.transpose(-1, -2), dim=-2).transpose(-1, -2)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Compute the margin: the logit of the given label minus the largest other logit.

    Parameters
    ----------
    logits : Tensor of shape (..., n_samples, n_classes)
    y : Tensor of shape (n_samples,), int64
        Encoded labels.

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
    positions = y.unsqueeze(-1).expand(*logits.shape[:-1], 1)
    labelled = logits.gather(-1, positions).squeeze(-1)
    others = logits.scatter(-1, positions, -torch.inf)
    return labelled - others.amax(dim=-1)


def normalize_class_losses(class_losses: Tensor) -> Tensor:
    """Divide the loss of each class by the sum of the losses of all classes.

    The sum over the classes is then one for any prediction, so that symmetric noise only scales and
    shifts the risk.

    Parameters
    ----------
    class_losses : Tensor of shape (..., n_classes)
        At least 0, and not all 0.

    Returns
    -------
    Tensor of shape (..., n_classes)
        In [0, 1].

    References
    ----------
    Ma et al., "Normalized Loss Functions for Deep Learning with Noisy Labels", ICML 2020, Eq. 4.

    Examples
    --------
    >>> import torch
    >>> normalize_class_losses(torch.tensor([[1.0, 3.0]]))
    tensor([[0.2500, 0.7500]])
    """
    return class_losses / class_losses.sum(dim=-1, keepdim=True)


def to_double(values: Tensor) -> Tensor:
    """Cast to double precision, where the device has it.

    Parameters
    ----------
    values : Tensor

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> import torch
    >>> to_double(torch.zeros(1)).dtype
    torch.float64
    """
    # MPS has no double precision.
    return values if values.device.type == "mps" else values.double()
