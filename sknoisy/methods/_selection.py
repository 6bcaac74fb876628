"""Selection that leaves samples out only where the network contradicts their labels."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["keep_agreeing"]


def keep_agreeing(clean: Tensor, logits: Tensor, y: Tensor) -> Tensor:
    """Raise the probability of a clean label to 1 where the label is the predicted class.

    A mixture of two components always finds an upper one, also if no label is wrong. With clean
    labels it would leave out the samples that the network fits least; these are needed most.

    Parameters
    ----------
    clean : Tensor of shape (..., n_samples)
        Probability that each label is clean.
    logits : Tensor of shape (..., n_samples, n_classes)
    y : Tensor of shape (n_samples,), int64

    Returns
    -------
    Tensor of shape (..., n_samples)
    """
    return torch.where(logits.argmax(dim=-1) == y, 1.0, clean)
