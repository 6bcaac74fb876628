"""A training in a folder: its newest state, and whether it is the training that is asked for."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import torch

from sknoisy._training.checkpoint_folder import CheckpointFolder, StoredCheckpoint
from sknoisy._training.fingerprint import differences, versions
from sknoisy._validation.user_warnings import warn_user

__all__ = ["PLACEHOLDER", "StoredTraining"]

# It is replaced by a short name of the fingerprint.
PLACEHOLDER = "{fingerprint}"


class StoredTraining:
    """The checkpoints of a training, with the fingerprint that tells it from others.

    Parameters
    ----------
    folder : CheckpointFolder
        Locked by this training.
    parts : mapping of str to str
        The fingerprint of the training.
    device : torch.device
    every : int, default=1
        Number of epochs from one checkpoint to the next.

    Attributes
    ----------
    seed : int or None
        Seed of the training, if it has begun before.
    state : dict or None
        The newest state; None: the training begins.

    Raises
    ------
    ValueError
        If the checkpoints in the folder are of other data or parameters.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        parts: Mapping[str, str],
        device: torch.device,
        every: int = 1,
    ) -> None:
        self.folder, self.parts, self.device, self.every = folder, dict(parts), device, every
        self.seed: int | None = None
        self.state: dict[str, Any] | None = None
        self._versions = versions(device)
        stored = folder.newest()
        if stored is None:
            return
        self._check(stored.header)
        self.seed = stored.header["seed"]
        payload = io.BytesIO(stored.payload)
        self.state = torch.load(payload, map_location=device, weights_only=False)

    def is_due(self, epoch: int, is_last: bool) -> bool:
        """Whether the state after an epoch is to be written."""
        return is_last or epoch % self.every == 0

    def write(self, epoch: int, state: dict[str, Any]) -> None:
        """Write the state after an epoch."""
        header = {"parts": self.parts, "versions": self._versions, "seed": self.seed}
        payload = io.BytesIO()
        try:
            torch.save(state, payload)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise TypeError(
                "The 'checkpoint' parameter needs a method and a network whose state can be "
                f"pickled: {error}"
            ) from error
        self.folder.write(epoch, StoredCheckpoint(header, payload.getvalue()))

    def _check(self, header: dict[str, Any]) -> None:
        path = str(self.folder.path)
        if differing := differences(header["parts"], self.parts):
            raise ValueError(
                f"The 'checkpoint' parameter: {path!r} has the checkpoints of another training: "
                f"{'; '.join(differing)}. Pass the same data and parameters to continue it, "
                f"another folder, or a path with '{PLACEHOLDER}', which has a folder for each "
                "training set and parameters."
            )
        if differing := differences(header["versions"], self._versions):
            warn_user(
                f"The checkpoint in {path!r} was written under other conditions: "
                f"{'; '.join(differing)}. The training goes on, but that it ends with the same "
                "bits as an uninterrupted one is no longer promised.",
            )
