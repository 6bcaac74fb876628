"""The end of warm-up: when the loss of the rows that are left out of it no longer decreases.

With noisy labels this is before a network memorises them; with clean labels, it has learned most of
what it can learn. The number of epochs until then depends on the data: five to ninety of a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy._training.network_view import ModuleView
from sknoisy._training.noise_inspection import mean_loss

__all__ = ["IN_WARMUP", "adaptive_length", "in_adaptive_warmup", "left_out_loss"]

# Fraction of the rows that are trained on in an adaptive warm-up.
IN_WARMUP = 0.8
# Number of epochs without a smaller loss.
_PATIENCE = 5


def in_adaptive_warmup(group: Tensor) -> Tensor:
    """Return a mask of the rows used in an adaptive warm-up, the same in every training.

    It depends on the number of the group of a row, so that groups are not split.
    """
    # The fractional parts of multiples of the golden ratio are evenly spread, without a table.
    return (group * 2654435769) % 2**32 < int(IN_WARMUP * 2**32)


def left_out_loss(view: ModuleView, data: LabelledRows) -> float:
    """Return the mean cross-entropy of the rows left out of warm-up; NaN if there are none."""
    index = torch.arange(len(data.rows)) if data.index is None else data.index
    group = index if data.groups is None else data.groups[index.to(data.y.device)].cpu()
    index = index[~in_adaptive_warmup(group)]
    return mean_loss(view.evaluate(data.part(index), 0)) if len(index) else math.nan


def adaptive_length(losses: Sequence[float], max_epochs: int) -> int | None:
    """Return the number of epochs of warm-up, or None if it has not ended.

    Parameters
    ----------
    losses : sequence of float
        The loss of the left-out rows after each epoch; whatever follows warm-up is ignored.
    max_epochs : int
        Largest number of epochs of warm-up.
    """
    if max_epochs == 0:
        return 0
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= _PATIENCE or epoch + 1 == max_epochs:
            return epoch + 1
    return None
