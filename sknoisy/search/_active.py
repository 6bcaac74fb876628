"""The networks that still train, with their settings as tensors with an axis of networks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sknoisy.functional import bound_logits, cross_entropy
from sknoisy.methods import Batch, Method
from sknoisy.search._compatibility import stack_methods
from sknoisy.search._fold import Fold, Member

__all__ = ["ActiveMembers"]


@dataclass(frozen=True)
class ActiveMembers:
    """Members of a group that still train, sorted by fold.

    Attributes
    ----------
    members : list of Member
    positions : Tensor of shape (n_members,), int64
        Position of each member in the group.
    fold_index : Tensor of shape (n_members,), int64
        Fold of each member: its position in the list of folds.
    spans : list of slice
        The members of each fold.
    method : Method
        One method for all members. Parameters that differ are tensors of shape (n_members, 1, 1).
    rates : Tensor of shape (n_members, n_classes, 1)
    bounds : Tensor of shape (n_members, 1, 1)
        Logit bounds; infinite: no bound.
    any_bounded : bool
    warmup : ndarray of shape (n_members,)
        Number of epochs of warm-up.
    """

    members: list[Member]
    positions: Tensor
    fold_index: Tensor
    spans: list[slice]
    method: Method
    rates: Tensor
    bounds: Tensor
    any_bounded: bool
    warmup: np.ndarray

    @classmethod
    def gather(
        cls, members: list[Member], group: list[Member], folds: list[Fold], dtype: torch.dtype
    ) -> ActiveMembers:
        """Gather the members of a group that still train."""
        device, n_classes = folds[0].device, folds[0].net.n_classes
        settings = [member.settings for member in members]
        rates = [np.broadcast_to(s.smoothing.rate(None), n_classes) for s in settings]
        bounds = [s.smoothing.bound(None) or math.inf for s in settings]
        fold_index = [folds.index(member.fold) for member in members]
        ends = np.searchsorted(fold_index, range(len(folds) + 1)).tolist()
        return cls(
            members=members,
            positions=torch.tensor([group.index(m) for m in members]).to(device),
            fold_index=torch.tensor(fold_index).to(device),
            spans=[slice(*ends) for ends in itertools.pairwise(ends)],
            method=stack_methods([m.method for m in members], dtype, device),
            rates=torch.tensor(np.array(rates)).to(device, dtype).unsqueeze(-1),
            bounds=torch.tensor(bounds, dtype=dtype).view(-1, 1, 1).to(device),
            any_bounded=any(math.isfinite(bound) for bound in bounds),
            warmup=np.array([s.warmup_epochs for s in settings]),
        )

    def per_network(self, part: Tensor) -> Tensor:
        """Repeat a tensor (n_folds, ...) for the networks of each fold; not with a single fold."""
        return part if len(part) == 1 else part.index_select(0, self.fold_index)

    def bounded(self, logits: Tensor) -> Tensor:
        """Apply the logit bounds."""
        return bound_logits(logits, self.bounds) if self.any_bounded else logits

    def loss_in_epoch(self, epoch: int) -> Callable[[Tensor, Batch], Tensor]:
        """Return the loss of an epoch in which some networks, or all, are in warm-up."""
        in_warmup = epoch < self.warmup
        if in_warmup.all():
            return lambda logits, batch: cross_entropy(logits, batch.target)
        if not in_warmup.any():
            return self.method.loss
        column = torch.from_numpy(in_warmup).to(self.rates.device).unsqueeze(-1)
        return lambda logits, batch: torch.where(
            column, cross_entropy(logits, batch.target), self.method.loss(logits, batch)
        )

    def rates_in_epoch(self, epoch: int) -> Tensor:
        """Return the smoothing rates of an epoch, (n_members, n_classes, 1): 0 in warm-up."""
        in_warmup = torch.from_numpy(epoch < self.warmup).to(self.rates.device)
        return torch.where(in_warmup.view(-1, 1, 1), 0.0, self.rates)
