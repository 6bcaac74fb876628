"""Checkpoints of a fit: the same call goes on where a killed one stopped, and ends the same."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from sklearn.base import BaseEstimator

from sknoisy._runtime.checkpoint_folder import CheckpointFolder, StoredCheckpoint
from sknoisy._runtime.devices import find_device
from sknoisy._runtime.randomness import generator_state, set_generator_state
from sknoisy._training.callback_state import callback_states, set_callback_states
from sknoisy._training.fingerprint import differences, digest_of, fingerprint, versions
from sknoisy._training.persistence import load_optimizer_state
from sknoisy._training.processes import Processes
from sknoisy._training.run import TrainingRun
from sknoisy._training.training_set import TrainingSet

__all__ = ["FitCheckpoint", "check_checkpoint", "checkpoint_of"]

_PLACEHOLDER = "{fingerprint}"


class FitCheckpoint:
    """The checkpoints of one fit.

    Parameters
    ----------
    folder : CheckpointFolder
        Locked by this fit.
    parts : dict of str to str
        The fingerprint of the fit.
    every : int
        Number of epochs from one checkpoint to the next.
    device : torch.device

    Attributes
    ----------
    seed : int or None
        Seed of the training, if it has begun before.
    state : dict or None
        The state from which the training goes on; None: it begins.

    Raises
    ------
    ValueError
        If the checkpoints in the folder are of other data or parameters.
    """

    def __init__(
        self, folder: CheckpointFolder, parts: dict[str, str], every: int, device: torch.device
    ) -> None:
        self.folder, self.parts, self.every, self.device = folder, parts, every, device
        self.seed: int | None = None
        self.state: dict[str, Any] | None = None
        self._rows: list[bytes] = []
        self._versions = versions(device)
        stored = folder.newest()
        if stored is not None:
            self._check(stored.header)
            self.seed = stored.header["seed"]
            self.state = torch.load(
                io.BytesIO(stored.payload), map_location=device, weights_only=False
            )

    def _check(self, header: dict[str, Any]) -> None:
        path = str(self.folder.path)
        if differing := differences(header["parts"], self.parts):
            raise ValueError(
                f"The 'checkpoint' parameter: {path!r} has the checkpoints of another training: "
                f"{'; '.join(differing)}. Pass the same data and parameters to continue it, "
                f"another folder, or a path with '{_PLACEHOLDER}', which has a folder for each "
                "training set and parameters."
            )
        if differing := differences(header["versions"], self._versions):
            warnings.warn(
                f"The checkpoint in {path!r} was written under other conditions: "
                f"{'; '.join(differing)}. The training goes on, but that it ends with the same "
                "bits as an uninterrupted one is no longer promised.",
                stacklevel=2,
            )

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
        load_optimizer_state(net.optimizer_, state["optimizer"])
        run.restore(state["run"])
        net.noise_ = run.noise
        set_generator_state(state["generators"], self.device)

    def restore_callbacks(self, net: Any) -> None:
        """Set the state of the callbacks, which are reset when a training begins."""
        if self.state is not None:
            set_callback_states(net.callbacks_, self.state["callbacks"])

    def save(
        self,
        net: Any,
        run: TrainingRun,
        has_stopped: bool = False,
        is_finished: bool = False,
    ) -> None:
        """Write a checkpoint of the epochs so far, if it is time for one."""
        epoch = len(net.history)
        if epoch % self.every and not has_stopped:
            return
        # Rows of earlier epochs do not change, so they are pickled once.
        self._rows += [pickle.dumps(row) for row in net.history[len(self._rows) :]]
        weights = net.module_.state_dict()
        buffers = dict(net.module_.named_buffers())
        state = {
            "module": weights,
            "other_buffers": {k: v for k, v in buffers.items() if k not in weights},
            "optimizer": net.optimizer_.state_dict(),
            "method": net.criterion_,
            "history": self._rows,
            "run": run.state(),
            "callbacks": callback_states(net.callbacks_),
            "generators": generator_state(self.device),
            "has_stopped": has_stopped,
            "is_finished": is_finished,
        }
        header = {
            "parts": self.parts,
            "versions": self._versions,
            "seed": self.seed,
            "epoch": epoch,
            "is_finished": is_finished,
        }
        self.folder.write(epoch, StoredCheckpoint(header, self._pickled(state)))

    def _pickled(self, state: dict[str, Any]) -> bytes:
        buffer = io.BytesIO()
        try:
            torch.save(state, buffer)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise TypeError(
                "The 'checkpoint' parameter needs a method and a network whose state can be "
                f"pickled. Got {state['method']!r}: {error}"
            ) from error
        return buffer.getvalue()


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
    path = os.fspath(estimator.checkpoint).replace(_PLACEHOLDER, digest_of(parts))
    with CheckpointFolder(path).locked() as folder:
        yield FitCheckpoint(
            folder, parts, estimator.checkpoint_every, find_device(estimator.device)
        )
