"""The fraction of samples that small-loss selection leaves out: estimated, and grown linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import EvaluationPass

__all__ = ["contradicted_fraction", "estimate_forgotten", "given_rate", "ramped"]


def given_rate(rate: float | str, net: NetworkView) -> Tensor:
    """Make a tensor of a rate; NaN for "auto", which is estimated later.

    Returns
    -------
    Tensor of shape ()
    """
    value = float("nan") if rate == "auto" else float(rate)
    return torch.tensor(value, dtype=net.dtype, device=net.device)


def estimate_forgotten(method: Method, evaluation: EvaluationPass) -> None:
    """Estimate the buffer ``forgotten`` of a method from its predictions, if it is still NaN."""
    if method.forgotten.isnan():
        probs = method.proba(evaluation.logits)
        method.forgotten.copy_(contradicted_fraction(probs, evaluation))


def contradicted_fraction(probs: Tensor, evaluation: EvaluationPass) -> Tensor:
    """Compute the fraction of the weight whose given label is not the most likely class.

    Parameters
    ----------
    probs : Tensor of shape (n_samples, n_classes)
        Predictions for the rows of the evaluation pass.
    evaluation : EvaluationPass

    Returns
    -------
    Tensor of shape ()
    """
    contradicted = probs.argmax(dim=-1) != evaluation.y
    return (contradicted * evaluation.weight).sum() / evaluation.weight.sum()


def ramped(rate: Tensor, epoch: int, ramp_epochs: int) -> Tensor:
    """Return the fraction in an epoch: it grows linearly from 0 to ``rate``."""
    return rate * min(epoch / ramp_epochs, 1.0)
