"""The trusted samples of a method: those passed to ``fit``, or samples with small losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sknoisy.functional import cross_entropy, select_small_loss_per_class
from sknoisy.methods._selection import keep_agreeing

if TYPE_CHECKING:
    from sknoisy.methods._base import Method, NetworkView
    from sknoisy.methods._batch import EvaluationPass

__all__ = ["trusted_loss", "update_trusted"]


def update_trusted(
    method: Method, net: NetworkView, evaluation: EvaluationPass, fraction: float, agreeing: bool
) -> None:
    """Set the buffers of trusted samples before an epoch.

    They are ``trust``, the weight of each row of X, and ``trusted_rows`` and ``trusted_labels``,
    which follow from it. Training may continue with different trusted samples; samples with small
    losses are selected once.

    Parameters
    ----------
    method : Method
        Has a buffer ``trust`` of shape (n_rows,), zeros at first.
    net : NetworkView
    evaluation : EvaluationPass
    fraction : float
        Fraction of each class that is trusted because of its small losses, if no trusted samples
        were passed.
    agreeing : bool
        Whether samples whose label is predicted are trusted as well, if none were passed.
    """
    trust, trusted = method.trust, evaluation.trusted
    if trusted is None and not trust.any():
        trusted = select_small_loss_per_class(
            evaluation.losses, evaluation.y, evaluation.weight, fraction
        )
        if agreeing:
            trusted = keep_agreeing(trusted, evaluation.logits, evaluation.y)
    if trusted is not None:
        trust.zero_()
        trust[evaluation.index] = trusted * evaluation.weight
    rows = torch.nonzero(trust).squeeze(1)
    method.register_buffer("trusted_rows", rows, persistent=False)
    method.register_buffer("trusted_labels", net.labels()[rows], persistent=False)


def trusted_loss(method: Method, net: NetworkView, weights: Tensor, size: int) -> Tensor:
    """Compute the mean cross-entropy of at most ``size`` trusted samples, drawn at random.

    Parameters
    ----------
    method : Method
        Has the buffers that :func:`update_trusted` sets.
    net : NetworkView
    weights : Tensor of shape (n_weights,)
        Weights of the network.
    size : int

    Returns
    -------
    Tensor of shape ()
        With a graph.
    """
    drawn = torch.randperm(len(method.trusted_rows), device=method.trusted_rows.device)[:size]
    rows = method.trusted_rows[drawn]
    losses = cross_entropy(net.infer(net.rows(rows), weights), method.trusted_labels[drawn])
    return losses @ (method.trust[rows] / method.trust[rows].sum())
