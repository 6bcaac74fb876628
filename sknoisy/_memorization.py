"""How far networks follow the labels they are given, epoch by epoch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sknoisy.data import LabelledRows

__all__ = ["Memorization", "share_as_labelled"]


def share_as_labelled(data: LabelledRows, said: Tensor, index: Tensor) -> Tensor:
    """Whether codes (..., n_index) said of some rows are those given; of soft labels, in part."""
    if data.labels is None:
        return (said == data.y[index]).to(data.weight.dtype)
    given = data.labels[index].expand(*said.shape, -1)
    return given.gather(-1, said.unsqueeze(-1)).squeeze(-1)


class Memorization:
    """Compares what is said of rows in an epoch with their labels, and with the epoch before.

    Parameters
    ----------
    data : LabelledRows
        The rows to train on.
    """

    def __init__(self, data: LabelledRows) -> None:
        self._data = data
        self._said = torch.full_like(data.y, -1)
        self._complete = False

    def begin(self) -> None:
        """Begin an epoch."""
        self._again, self._complete = self._complete, True
        self._sums = self._data.weight.new_zeros(3)

    @torch.no_grad()
    def add(self, logits: Tensor, index: Tensor) -> None:
        """Take the logits of some rows, ([n_networks,] n_rows, n_classes)."""
        p = logits if logits.dim() == 2 else torch.softmax(logits, dim=-1).mean(dim=0)
        said = p.argmax(dim=-1)
        as_labelled = share_as_labelled(self._data, said, index)
        same = (said == self._said[index]).to(as_labelled.dtype)
        one = torch.ones_like(same)
        self._sums += torch.stack([one, as_labelled, same]) @ self._data.weight[index]
        self._said[index] = said

    def miss(self) -> None:
        """Note that some rows were not seen as they are, so that this epoch tells nothing."""
        self._complete = False

    def shares(self) -> dict[str, float]:
        """Weighted shares in the epoch: as labelled, and as in the one before; or NaN."""
        total, as_labelled, same = self._sums.tolist() if self._complete else [math.nan] * 3
        return {"acc": as_labelled / total, "agreement": same / total if self._again else math.nan}
