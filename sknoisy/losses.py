"""Losses as functions of the logits: one number for each class, contracted with a target.

Entry ``k`` of a *class loss* is what would be paid were ``k`` the label, so that label smoothing of
either sign, mixup, soft labels and backward correction are all just another target. Everything here
takes free leading axes and is safe under :func:`torch.vmap`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import layer_norm

__all__ = [
    "bounded",
    "class_cross_entropy",
    "cross_entropy",
    "disagreement",
    "expected",
    "log_softmax",
    "margin",
    "one_hot",
    "shares",
    "smooth",
    "squashed",
]

# Of several networks; one row after another fewer are slow, one class after another fast.
_FEW_CLASSES = 16


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
    """Cross-entropy of a target, ``expected(class_cross_entropy(logits), target)`` in fewer steps.

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
    return -expected(log_softmax(logits), target)


def disagreement(p: Tensor, believed: Tensor) -> Tensor:
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
    >>> disagreement(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([0.])
    """
    return torch.log1p(expected(p, (1e-4 - 1) * believed))


def expected(class_losses: Tensor, target: Tensor) -> Tensor:
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
    >>> expected(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.75, 0.25]]))
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


def smooth(target: Tensor, rate: float | Tensor) -> Tensor:
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
    >>> smooth(torch.tensor([[1.0, 0.0]]), -1.0)
    tensor([[ 1.5000, -0.5000]])
    """
    return (1.0 - rate) * target + rate / target.shape[-1]


def bounded(logits: Tensor, bound: float | Tensor) -> Tensor:
    """Centre the logits of each sample and hold the length of their vector below a bound.

    A loss with negative targets falls without limit as logits grow; on bounded logits it cannot. It
    is the length that is bounded, not each logit by itself, so that two classes can never both be
    at the limit: where 60 % of the labels of a region are of one class and 40 % of another, the
    first comes out ahead.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
    bound : float or Tensor
        Positive; of vectors much shorter than that only the mean is taken off. A tensor has one for
        each network, (n_networks, 1, 1); infinite: logits stay as they are.

    Returns
    -------
    Tensor of the same shape
        ``v / sqrt(1 + (|v| / bound) ** 2)`` with v the centred logits; in their order.

    References
    ----------
    Wei et al., "Mitigating Memorization of Noisy Labels by Clipping the Model Prediction", ICML
    2023, clip the norm of the logits, with a corner at the bound.

    Examples
    --------
    >>> import torch
    >>> bounded(torch.tensor([[0.5, -0.5], [1e6, -1e6]]), 1.0)
    tensor([[ 0.4082, -0.4082],
            [ 0.7071, -0.7071]])
    """
    if isinstance(bound, Tensor):
        z = _class_by_class(logits)
        v = z - z.mean(dim=-1, keepdim=True) * bound.isfinite()
        return v * torch.rsqrt(1 + (v * v).sum(dim=-1, keepdim=True) / bound**2)
    # Layer normalisation is this map, with the bound in place of its epsilon, in one kernel.
    k = logits.shape[-1]
    return bound / math.sqrt(k) * layer_norm(logits, (k,), eps=bound**2 / k)


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


def _short_rows(logits: Tensor) -> bool:
    """Whether rows of classes are too short for a processor to compute with several at once."""
    return logits.dim() > 2 and logits.shape[-1] < _FEW_CLASSES and logits.device.type == "cpu"


def _class_by_class(logits: Tensor) -> Tensor:
    """The same logits; where there are few classes, in the memory one class lies after another."""
    if not _short_rows(logits):
        return logits
    return logits.transpose(-1, -2).contiguous().transpose(-1, -2)


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


def shares(weight: Tensor, keep: Tensor | None = None) -> Tensor:
    """Spread the weight of a batch over the samples that are kept.

    Parameters
    ----------
    weight : Tensor of shape (n_samples,)
        What each sample's loss is multiplied by when all count.
    keep : Tensor of shape (..., n_samples), default=None
        How much each sample counts, in [0, 1]; None: every sample counts in full.

    Returns
    -------
    Tensor of shape (..., n_samples)
        ``weight * keep``, scaled to the sum of ``weight``, so that a sample of weight two counts
        as the sample given twice; zero where nothing is kept.

    Examples
    --------
    >>> import torch
    >>> shares(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    tensor([1., 0.])
    """
    if keep is None:
        return weight
    kept = weight * keep
    total = kept.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(kept.dtype).tiny)
    return kept / total * weight.sum()


def squashed(logits: Tensor, bound: float) -> Tensor:
    """Squash logits into ``(-bound, bound)``, one by one and keeping their order.

    The map is ``z / sqrt(1 + (z / bound) ** 2)``. As :func:`bounded` it gives a lower limit to a
    loss with negative targets. It resists wrong labels better while the targets are little below
    zero, but lets all classes with many labels reach the bound. The tails are heavier than those of
    ``tanh``, so that a logit far out can still be brought back.

    Parameters
    ----------
    logits : Tensor
    bound : float
        Positive; near zero the map is the identity.

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> import torch
    >>> squashed(torch.tensor([0.0, 3.0, 1e6]), 4.0)
    tensor([0.0000, 2.4000, 4.0000])
    """
    scaled = logits / bound
    # The square of a huge logit would overflow, and the logit come out as zero.
    return logits / torch.hypot(scaled, torch.ones_like(scaled))
