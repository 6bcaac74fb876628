"""Checkpoints of a search: one folder for each group of networks that train together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from sknoisy._runtime.devices import find_device
from sknoisy._runtime.randomness import generator_state, set_generator_state
from sknoisy._training.checkpoint_folder import CheckpointFolder
from sknoisy._training.fingerprint import describe, digest_of, parts_of_data, parts_of_params
from sknoisy._training.persistence import load_optimizer_state
from sknoisy._training.stored_training import StoredTraining
from sknoisy.search._fold import Member

__all__ = ["GroupCheckpoint", "SearchCheckpoint"]


class GroupCheckpoint:
    """The checkpoints of networks that train together.

    Parameters
    ----------
    stored : StoredTraining
    """

    def __init__(self, stored: StoredTraining) -> None:
        self.stored = stored

    def save(self, training: Any, n_trained: int) -> None:
        """Write a checkpoint of a group after some epochs, if it is time for one."""
        is_last = n_trained == training.settings.max_epochs or not training.active.members
        if not self.stored.is_due(n_trained, is_last):
            return
        members = training.active.members
        state = {
            "n_trained": n_trained,
            "active": [training.group.index(member) for member in members],
            "histories": [member.history for member in training.group],
            "errors": [member.error for member in training.group],
            "weights": training.stack.state(),
            "optimizer": training.optimizer.state_dict(),
            "generators": [g and g.get_state().numpy() for g in training.generators],
            "random_state": generator_state(self.stored.device),
            "records": {name: getattr(training, name) for name in _records(training)},
        }
        self.stored.write(n_trained, state)

    def restore(self, training: Any) -> int:
        """Set the state of a group that was just stacked; return the number of its epochs."""
        state = self.stored.state
        if state is None:
            return 0
        for member, *values in zip(
            training.group, state["histories"], state["errors"], strict=True
        ):
            member.history, member.error = values
        # Networks that have stopped are no longer in the stack; one is left if all have.
        training.select(state["active"] or [0])
        stack = training.stack
        for name, part in (*stack.parameters.items(), *stack.buffers.items()):
            part.data.copy_(state["weights"][name][: len(part)])
        if state["active"]:
            load_optimizer_state(training.optimizer, state["optimizer"])
        else:
            training.active = replace(training.active, members=[])
        for generator, numbers in zip(training.generators, state["generators"], strict=True):
            if generator is not None:
                generator.set_state(torch.from_numpy(numbers))
        set_generator_state(state["random_state"], self.stored.device)
        for name, value in state["records"].items():
            setattr(training, name, value)
        return int(state["n_trained"])


def _records(training: Any) -> tuple[str, ...]:
    names = ("best", "stopping", "quality")
    return (*names, "label_waves", "predicted") if training.settings.label_wave else names


class SearchCheckpoint:
    """The checkpoints of a search, in a folder that is locked while it runs.

    Parameters
    ----------
    path : Path
    seed : int
        Seed of all trainings, if the estimator has no ``random_state``.
    every : int
        Number of epochs from one checkpoint to the next.
    """

    def __init__(self, path: Path, seed: int, every: int) -> None:
        self.path, self.seed, self.every = path, seed, every

    @classmethod
    @contextmanager
    def opened(
        cls, search: BaseEstimator, X: Any, y: Any, params: Mapping[str, Any]
    ) -> Iterator[SearchCheckpoint | None]:
        """Open the folder of a search; None without a ``checkpoint`` parameter.

        Raises
        ------
        ValueError
            If the folder is of a search with other data or parameters.
        """
        if search.checkpoint is None:
            yield None
            return
        if not os.fspath(search.checkpoint):
            raise ValueError("The 'checkpoint' parameter must be a folder or None. Got ''.")
        parts = {"X": describe(X), "y": describe(y), "params of fit": describe(params)}
        parts |= parts_of_params(search, deep=True)
        path = Path(search.checkpoint)
        with CheckpointFolder(path).locked() as folder:
            stored = StoredTraining(
                folder, parts | parts_of_params(search, deep=True), find_device("cpu")
            )
            if stored.seed is None:
                # It only names the numbers that random_state=None would draw.
                stored.seed = int(np.random.mtrand._rand.randint(np.iinfo(np.int32).max))
                stored.write(0, {})
            yield cls(path, stored.seed, search.checkpoint_every)

    @contextmanager
    def of_group(self, group: list[Member]) -> Iterator[GroupCheckpoint]:
        """Open the folder of some members that train together."""
        folds = list(dict.fromkeys(member.fold for member in group))
        parts = {
            f"{name} of fold {i}": text
            for i, fold in enumerate(folds)
            for name, text in parts_of_data(fold.training_set).items()
        }
        for i, member in enumerate(group):
            clf = member.fold.outcomes[member.candidate]
            parts[f"candidate {i} of fold {folds.index(member.fold)}"] = describe(clf)
        with CheckpointFolder(self.path / f"training-{digest_of(parts)}").locked() as folder:
            stored = StoredTraining(folder, parts, group[0].fold.device, self.every)
            yield GroupCheckpoint(stored)

    def seed_of(self, classifier: BaseEstimator) -> int | None:
        """Return the seed of trainings whose ``random_state`` would draw one each time."""
        return self.seed if classifier.random_state is None else None

    @property
    def of_refit(self) -> Path:
        """The folder of the last fit, to all samples."""
        return self.path / "refit"
