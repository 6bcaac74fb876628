"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_write", "remove_temporaries"]

_SUFFIX = ".sknoisy-tmp"


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of ``path`` when the block ends without an error.

    After an error, a full disk or a killed process, ``path`` has its previous content. When the
    block has ended, the new content is on the disk, so that it survives a loss of power. Errors of
    the file system name ``path``.

    Parameters
    ----------
    path : str or path-like
        A file in an existing folder. A symbolic link is followed.

    Yields
    ------
    file : binary file
        Open for writing, under another name in the same folder.
    """
    target = Path(os.path.realpath(path))
    # A random name, so that two writers do not meet: the file that is renamed last wins.
    temporary = target.with_name(f".{secrets.token_hex(8)}{_SUFFIX}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _naming(error, path, temporary) from error
    finally:
        # After success it no longer exists.
        with suppress(OSError):
            temporary.unlink()


def remove_temporaries(folder: str | os.PathLike[str]) -> int:
    """Remove what killed processes left of :func:`atomic_write` in a folder; return the number.

    No other process may be writing to the folder.
    """
    stale = [path for path in Path(folder).iterdir() if path.name.endswith(_SUFFIX)]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _naming(error: OSError, path: str | os.PathLike[str], temporary: Path) -> OSError:
    """Return an error that names the path which was asked for, if it names no other file."""
    if error.errno is None or error.filename not in (None, os.fspath(temporary)):
        return error
    return OSError(error.errno, error.strerror, os.fspath(path))


def _sync_folder(folder: Path) -> None:
    """Make a renaming permanent, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot do it for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
