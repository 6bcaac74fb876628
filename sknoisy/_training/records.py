"""Records of a training: label quality and memorisation."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy.functional import margin

__all__ = ["LabelQuality", "Memorization", "share_as_labelled"]


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


class LabelQuality:
    """How firmly each label was believed, averaged over the visits of a training.

    A visit scores ``sigmoid(margin)``, the margin being the logit of the given label less the
    largest other: wrong labels are believed late and little.

    Parameters
    ----------
    n_samples : int
    device : torch.device
    n_apart : int, default=None
        Networks to tell apart; None: they are averaged.

    References
    ----------
    Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin Ranking",
    NeurIPS 2020, Eq. 2; squashed into [0, 1] here, so that no single epoch outweighs the others.
    """

    def __init__(self, n_samples: int, device: torch.device, n_apart: int | None = None) -> None:
        shape = (n_samples,) if n_apart is None else (n_apart, n_samples)
        self._total = torch.zeros(shape, dtype=torch.float32, device=device)
        self._visits = torch.zeros_like(self._total)

    @torch.no_grad()
    def add(self, logits: Tensor, y: Tensor, index: Tensor, networks: Tensor | None = None) -> None:
        """Score one visit of some rows, from their logits ([n_networks,] n_rows, n_classes).

        Of networks told apart, these are the logits of ``networks``, in their order.
        """
        believed = torch.sigmoid(margin(logits, y).float())
        if networks is None and believed.dim() > 1:
            believed = believed.mean(dim=0)
        for table, more in ((self._total, believed), (self._visits, torch.ones_like(believed))):
            if networks is None or len(networks) == len(table):
                table.index_add_(-1, index, more)
            else:
                part = table.index_select(0, networks).index_add_(-1, index, more)
                table.index_copy_(0, networks, part)

    def of(self, network: int) -> LabelQuality:
        """That of one of several that are told apart."""
        found = LabelQuality(0, self._total.device)
        found._total, found._visits = self._total[network], self._visits[network]
        return found

    def forget(self, index: Tensor) -> None:
        """Forget the visits of some rows."""
        self._total[index] = self._visits[index] = 0

    def missing(self) -> Tensor:
        """Rows without a visit."""
        return torch.nonzero(self._visits == 0).squeeze(1)

    def numpy(self) -> np.ndarray:
        """Quality of each row, of shape (n_samples,); NaN for a row never visited."""
        return (self._total / self._visits).cpu().numpy()
