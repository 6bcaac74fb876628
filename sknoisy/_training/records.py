"""Records of a training: label quality, and predictions compared with labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sknoisy._data.dataset import LabelledRows
from sknoisy.functional import expected_loss, margin

__all__ = [
    "LabelQuality",
    "Memorization",
    "label_agreement",
    "most_likely",
    "record_epoch_value",
    "weighted_hits_and_losses",
]


class LabelQuality:
    """Label quality: how well each label fits the predictions, averaged over training.

    Each time a row is in a batch (a visit), its score is ``sigmoid(margin)``, where the margin is
    the logit of the given label minus the largest other logit. Networks predict the labels of
    mislabelled samples late and with small margins.

    Parameters
    ----------
    n_samples : int
    device : torch.device
    n_members : int, default=None
        Number of networks to record separately; None: average over networks.

    References
    ----------
    Pleiss et al., "Identifying Mislabeled Data using the Area Under the Margin Ranking",
    NeurIPS 2020, Eq. 2; the sigmoid maps it to [0, 1], so that no epoch outweighs the others.
    """

    def __init__(self, n_samples: int, device: torch.device, n_members: int | None = None) -> None:
        shape = (n_samples,) if n_members is None else (n_members, n_samples)
        self._total = torch.zeros(shape, dtype=torch.float32, device=device)
        self._visits = torch.zeros_like(self._total)

    @torch.no_grad()
    def add(self, logits: Tensor, y: Tensor, index: Tensor, members: Tensor | None = None) -> None:
        """Record one visit of some rows from their logits, ([n_networks,] n_rows, n_classes).

        If networks are recorded separately, ``members`` are the positions of the networks of the
        logits.
        """
        scores = torch.sigmoid(margin(logits, y).float())
        if members is None and scores.dim() > 1:
            scores = scores.mean(dim=0)
        for table, values in ((self._total, scores), (self._visits, torch.ones_like(scores))):
            if members is None or len(members) == len(table):
                table.index_add_(-1, index, values)
            else:
                part = table.index_select(0, members).index_add_(-1, index, values)
                table.index_copy_(0, members, part)

    def of_member(self, member: int) -> LabelQuality:
        """Return the record of one of several networks, as a view of the memory of this record."""
        quality = LabelQuality(0, self._total.device)
        quality._total, quality._visits = self._total[member], self._visits[member]
        return quality

    def forget(self, index: Tensor) -> None:
        """Forget the visits of some rows."""
        self._total[index] = self._visits[index] = 0

    def unvisited(self) -> Tensor:
        """Return the rows without a visit."""
        return torch.nonzero(self._visits == 0).squeeze(1)

    def numpy(self) -> np.ndarray:
        """Return the label quality of each row, (n_samples,); NaN for a row without a visit."""
        return (self._total / self._visits).cpu().numpy()


class Memorization:
    """Compare the predictions of an epoch with the labels and with the previous epoch.

    Parameters
    ----------
    data : LabelledRows
        The rows to train on.

    Attributes
    ----------
    predicted : Tensor of shape (n_rows,), int64
        The last predicted class of each row of X; -1 before there is one.
    is_complete : bool
        Whether the epoch has predictions for all rows to train on.
    """

    def __init__(self, data: LabelledRows) -> None:
        self._data = data
        self.predicted = torch.full_like(data.y, -1)
        self.is_complete = False

    def start_epoch(self) -> None:
        """Reset the counts."""
        self._comparable, self.is_complete = self.is_complete, True
        self._sums = self._data.weight.new_zeros(3)

    @torch.no_grad()
    def add(self, logits: Tensor, index: Tensor) -> None:
        """Count the predictions for some rows, from logits ([n_networks,] n_rows, n_classes)."""
        predicted = most_likely(logits)
        agreement = label_agreement(self._data, predicted, index)
        unchanged = (predicted == self.predicted[index]).to(agreement.dtype)
        counts = torch.stack([torch.ones_like(unchanged), agreement, unchanged])
        self._sums += counts @ self._data.weight[index]
        self.predicted[index] = predicted

    def skip(self) -> None:
        """Mark the epoch as incomplete, since some rows were only trained on in changed form."""
        self.is_complete = False

    def figures(self) -> dict[str, float]:
        """Return the weighted fractions of predictions that equal the label and the previous one.

        Both are NaN if the epoch is incomplete; the second also if the previous epoch was.
        """
        total, agreeing, unchanged = self._sums.tolist() if self.is_complete else [math.nan] * 3
        agreement = unchanged / total if self._comparable else math.nan
        return {"acc": agreeing / total, "agreement": agreement}


def most_likely(logits: Tensor) -> Tensor:
    """Return the most likely class of each row of logits, ([n_networks,] n_rows, n_classes)."""
    p = logits if logits.dim() == 2 else torch.softmax(logits, dim=-1).mean(dim=0)
    return p.argmax(dim=-1)


def label_agreement(data: LabelledRows, predicted: Tensor, index: Tensor) -> Tensor:
    """Compute the agreement of encoded predictions, (..., n_index), with labels: 0 or 1.

    For a soft label it is the probability of the predicted class.
    """
    if data.soft_labels is None:
        return (predicted == data.y[index]).to(data.weight.dtype)
    given = data.soft_labels[index].expand(*predicted.shape, -1)
    return given.gather(-1, predicted.unsqueeze(-1)).squeeze(-1)


def weighted_hits_and_losses(data: LabelledRows, p: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Compute weighted hits and log losses of probabilities (..., n_index, n_classes)."""
    weight = data.weight[index]
    log_p = torch.log(p.clamp_min(torch.finfo(p.dtype).tiny))
    hits = label_agreement(data, p.argmax(dim=-1), index)
    losses = -expected_loss(log_p, data.label_distributions(index, p.shape[-1]))
    return weight * hits, weight * losses


def record_epoch_value(history: Sequence[Mapping[str, Any]], key: str, value: float) -> None:
    """Record a value of the current epoch, and whether it is the best value so far."""
    row: Any = history[-1]
    row[key] = value
    row[f"{key}_best"] = _is_best(history, key, value)


def _is_best(history: Sequence[Mapping[str, Any]], key: str, value: float) -> bool:
    if math.isnan(value):
        return False
    sign = -1 if key.endswith("loss") else 1
    earlier = (row for row in islice(reversed(history), 1, None) if row.get(f"{key}_best"))
    best = next(earlier, None)
    return bool(sign * value > (-math.inf if best is None else sign * best[key]))
