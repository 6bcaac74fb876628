"""When training stops by itself, and what it goes back to."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sknoisy._training.net import Trainer

__all__ = ["BestEpoch"]


class BestEpoch:
    """Tells when the score of epochs has not risen for a while, and goes back to the best one.

    The score is the method's own judgement, or else held-out accuracy. The labels held out are
    noisy too; their accuracy still ranks epochs, while their loss, which has no lower limit for a
    negative rate, does not. Epochs of warm-up do not count, as neither method nor rate are in use,
    unless there are no others.
    """

    def __init__(self, patience: int) -> None:
        self.patience, self.score, self.epoch = patience, -math.inf, 0
        self.states: tuple[Any, Any] | None = None

    def passed(self, net: Trainer) -> bool:
        """Look at the epoch that is over; True when it is time to stop."""
        judged = net.criterion_.epoch_score()
        score = net.history[-1, "valid_acc"] if judged is None else float(judged)
        score = net.ranks_.agreed(score)
        epoch = len(net.history)
        begins = net.warmup_epochs < net.max_epochs
        if score == -math.inf or (net.method_epoch < 0 and begins):
            # The method has not begun, or has seen nothing to judge by: there is nothing to keep.
            self.epoch = epoch
            return False
        if score > self.score:
            self.score, self.epoch = score, epoch
            self.states = copy.deepcopy(net.module_.state_dict()), net.criterion_.snapshot()
        return epoch - self.epoch >= self.patience

    def go_back(self, net: Trainer) -> None:
        """Put back the network and the method of the best epoch."""
        if self.states is not None:
            net.module_.load_state_dict(self.states[0])
            net.criterion_.restore(self.states[1])
