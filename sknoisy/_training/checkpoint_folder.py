"""A folder of checkpoints: one file per epoch, written whole, of which the last two are kept."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sknoisy._runtime.files import atomic_write, remove_temporaries
from sknoisy._validation.user_warnings import warn_user

__all__ = ["CheckpointFolder", "StoredCheckpoint"]

_MAGIC = b"sknoisy checkpoint 1\n"
_LENGTH = 8
_STEM = "epoch-"
_NAME = re.compile(rf"{_STEM}\d+\.checkpoint")
_N_KEPT = 2


@dataclass(frozen=True)
class StoredCheckpoint:
    """The content of a checkpoint.

    Parameters
    ----------
    header : dict
        What can be read without unpickling anything.
    payload : bytes
    """

    header: dict[str, Any]
    payload: bytes


class CheckpointFolder:
    """The checkpoints of one training.

    Parameters
    ----------
    path : str or path-like
        The folder, which is made if it does not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @contextmanager
    def locked(self) -> Iterator[CheckpointFolder]:
        """Keep other trainings out of the folder, also those of other processes.

        The system releases the lock of a process that is killed.

        Raises
        ------
        RuntimeError
            If another training uses the folder.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ValueError(
                f"The 'checkpoint' parameter must be a folder. Got {str(self.path)!r}, which "
                "is, or lies in, a file."
            ) from error
        lock = FileLock(self.path / "lock", timeout=0)
        try:
            with lock:
                remove_temporaries(self.path)
                yield self
        except Timeout as error:
            if error.lock_file != lock.lock_file:
                raise
            raise RuntimeError(
                f"The 'checkpoint' parameter: another training uses the folder {str(self.path)!r}. "
                "Wait for it, or pass another folder; a path with '{fingerprint}' has a folder for "
                "each training set and parameters."
            ) from error

    def newest(self) -> StoredCheckpoint | None:
        """Return the newest checkpoint that is whole, or None if there are no files.

        Raises
        ------
        ValueError
            If all files are damaged.
        """
        names = self._names()
        for name in reversed(names):
            stored = _parsed((self.path / name).read_bytes())
            if stored is not None:
                return stored
            warn_user(
                f"The checkpoint {str(self.path / name)!r} is damaged, so the one before is used.",
            )
        if names:
            raise ValueError(
                f"The 'checkpoint' parameter: all checkpoints in {str(self.path)!r} are damaged. "
                "Delete the folder to begin again."
            )
        return None

    def write(self, epoch: int, stored: StoredCheckpoint) -> None:
        """Write the checkpoint of an epoch, and remove all but the last two.

        Raises
        ------
        OSError
            If it cannot be written, such as on a full disk; earlier checkpoints are still there.
        """
        path = self.path / f"{_STEM}{epoch:06d}.checkpoint"
        header = json.dumps(stored.header).encode()
        parts = (len(header).to_bytes(_LENGTH, "little"), header, stored.payload)
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        try:
            with atomic_write(path) as file:
                file.writelines((_MAGIC, digest.digest(), *parts))
        except OSError as error:
            kept = self._names()
            before = f"{kept[-1]} is intact" if kept else "there is no earlier one"
            message = f"The checkpoint could not be written: {error.strerror} ({before})"
            raise OSError(error.errno, message, str(path)) from error
        for name in self._names()[:-_N_KEPT]:
            (self.path / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        paths = [path for path in self.path.iterdir() if _NAME.fullmatch(path.name)]
        return [path.name for path in sorted(paths, key=lambda path: int(path.stem[len(_STEM) :]))]


def _parsed(content: bytes) -> StoredCheckpoint | None:
    """Return the parts of a file, or None if it is damaged."""
    start = len(_MAGIC) + hashlib.sha256().digest_size
    digest, body = content[len(_MAGIC) : start], content[start:]
    if content[: len(_MAGIC)] != _MAGIC or hashlib.sha256(body).digest() != digest:
        return None
    end = _LENGTH + int.from_bytes(body[:_LENGTH], "little")
    return StoredCheckpoint(json.loads(body[_LENGTH:end]), body[end:])
