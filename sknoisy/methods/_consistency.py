"""Weak-strong consistency: the same prediction for a sample and for a random view of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sknoisy.functional import log_softmax
from sknoisy.methods._batch import TrainingStep

if TYPE_CHECKING:
    from sknoisy.methods._base import Method, NetworkView
    from sknoisy.methods._batch import Batch

__all__ = ["consistency_losses", "consistent_step"]


def consistent_step(
    method: Method, net: NetworkView, batch: Batch, strength: float
) -> TrainingStep:
    """Compute one training step with a penalty on predictions that differ for a random view.

    For methods without sample selection, which override ``training_step`` with it.

    Parameters
    ----------
    method : Method
    net : NetworkView
    batch : Batch
        The method prepares it; each sample is its own weak view, and a random view of it is the
        strong one. Both pass the network together.
    strength : float
        Weight of the penalty.

    Returns
    -------
    TrainingStep
        Its logits are those of the samples.
    """
    batch = method.prepare_batch(net, batch)
    views = torch.cat([batch.x, net.augment(batch.x)])
    weak, strong = net.infer(views).chunk(2, dim=-2)
    losses = method.loss(weak, batch) + strength * consistency_losses(weak, strong)
    return TrainingStep(losses, batch.weight, weak, batch)


def consistency_losses(weak: Tensor, strong: Tensor) -> Tensor:
    """Compute the divergence of the predictions for strong views from those for weak views.

    Parameters
    ----------
    weak, strong : Tensor of shape (..., n_classes)
        Logits. Only those of the strong views get a gradient, so that the predictions for the
        samples do not follow those for views that are hard to recognise.

    Returns
    -------
    Tensor of shape (...)
        Kullback-Leibler divergence, at least 0.
    """
    log_p = log_softmax(weak.detach())
    return (log_p.exp() * (log_p - log_softmax(strong))).sum(dim=-1)
