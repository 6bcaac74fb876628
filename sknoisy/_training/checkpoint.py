"""Checkpoints of a fit: the same call goes on where a killed one stopped, and ends the same."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.base import BaseEstimator

from sknoisy._runtime.devices import find_device
from sknoisy._runtime.randomness import generator_state, set_generator_state
from sknoisy._training.checkpoint_folder import CheckpointFolder
from sknoisy._training.fingerprint import digest_of, fingerprint
from sknoisy._training.persistence import load_optimizer_state
from sknoisy._training.plain_state import (
    module_numbers,
    object_states,
    set_module_numbers,
    set_object_states,
)
from sknoisy._training.processes import Processes
from sknoisy._training.run import TrainingRun
from sknoisy._training.stored_training import PLACEHOLDER, StoredTraining
from sknoisy._training.training_set import TrainingSet

__all__ = ["FitCheckpoint", "check_checkpoint", "checkpoint_of"]


class FitCheckpoint:
    """The checkpoints of one fit.

    Parameters
    ----------
    stored : StoredTraining
    """

    def __init__(self, stored: StoredTraining) -> None:
        self.stored = stored
        # Rows of earlier epochs do not change, so each is pickled once.
        self._rows: list[bytes] = []

    @property
    def state(self) -> dict[str, Any] | None:
        """The state from which the training goes on; None: it begins."""
        return self.stored.state

    @property
    def is_finished(self) -> bool:
        """Whether the training had ended."""
        return self.state is not None and self.state["is_finished"]

    @property
    def has_stopped(self) -> bool:
        """Whether no epoch is left, since the training had ended or had stopped early."""
        return self.state is not None and self.state["has_stopped"]

    def restore(self, net: Any, run: TrainingRun) -> None:
        """Set the state of a net that was just built, of its run and of the generators."""
        state = self.state
        assert state is not None
        self._rows = state["history"]
        net.history.extend(map(pickle.loads, self._rows))
        net.module_.load_state_dict(state["module"])
        for name, buffer in net.module_.named_buffers():
            if name in state["other_buffers"]:
                buffer.copy_(state["other_buffers"][name])
        set_module_numbers(net.module_, state["numbers"])
        set_object_states([("augment", run.settings.augment)], state["augment"])
        load_optimizer_state(net.optimizer_, state["optimizer"])
        run.restore(state["run"])
        net.noise_ = run.noise
        set_generator_state(state["generators"], self.stored.device)

    def restore_callbacks(self, net: Any) -> None:
        """Set the state of the callbacks, which are reset when a training begins."""
        if self.state is not None:
            set_object_states(net.callbacks_, self.state["callbacks"])
            # A scheduler changes the learning rate when it is reset.
            load_optimizer_state(net.optimizer_, self.state["optimizer"])

    def save(
        self, net: Any, run: TrainingRun, has_stopped: bool = False, is_finished: bool = False
    ) -> None:
        """Write a checkpoint of the epochs so far, if it is time for one."""
        epoch = len(net.history)
        if not self.stored.is_due(epoch, has_stopped):
            return
        self._rows += [pickle.dumps(row) for row in net.history[len(self._rows) :]]
        weights, buffers = net.module_.state_dict(), dict(net.module_.named_buffers())
        state = {
            "module": weights,
            "numbers": module_numbers(net.module_),
            "other_buffers": {k: v for k, v in buffers.items() if k not in weights},
            "optimizer": net.optimizer_.state_dict(),
            "method": net.criterion_,
            "history": self._rows,
            "run": run.state(),
            "callbacks": object_states(net.callbacks_),
            "augment": object_states([("augment", run.settings.augment)]),
            "generators": generator_state(self.stored.device),
            "has_stopped": has_stopped,
            "is_finished": is_finished,
        }
        self.stored.write(epoch, state)


def check_checkpoint(estimator: BaseEstimator) -> None:
    """Check the parameter ``checkpoint`` of an estimator before a fit."""
    path = estimator.checkpoint
    if path is None:
        return
    if not os.fspath(path):
        raise ValueError("The 'checkpoint' parameter must be a folder or None. Got '' instead.")
    if estimator.warm_start:
        raise ValueError(
            "The 'checkpoint' parameter must be None with warm_start=True, which goes on from the "
            f"last fit of this object. Got {path!r} instead."
        )
    if Processes.launched_on(estimator.device).n > 1:
        raise ValueError(
            "The 'checkpoint' parameter must be None with several processes, which have random "
            f"states of their own. Got {path!r} with device={estimator.device!r}."
        )


@contextmanager
def checkpoint_of(estimator: BaseEstimator, data: TrainingSet) -> Iterator[FitCheckpoint | None]:
    """Open the checkpoints of an estimator's fit; None without a ``checkpoint`` parameter.

    The folder is locked until the context ends.
    """
    if estimator.checkpoint is None:
        yield None
        return
    parts = fingerprint(estimator, data)
    path = os.fspath(estimator.checkpoint).replace(PLACEHOLDER, digest_of(parts))
    with CheckpointFolder(path).locked() as folder:
        device, every = find_device(estimator.device), estimator.checkpoint_every
        yield FitCheckpoint(StoredTraining(folder, parts, device, every))
