"""Several files written together: all of them, or none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_together"]


def write_together(texts: dict[Path, str]) -> list[Path]:
    """Write texts to files, which appear when all of them are written.

    Parameters
    ----------
    texts : dict of Path to str
        Files of one folder and their texts. Characters that UTF-8 cannot hold are replaced.

    Returns
    -------
    list of Path
        The files.
    """
    written: dict[Path, str] = {}
    try:
        for path, text in texts.items():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            written[path] = name
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", errors="replace"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
        for path, name in written.items():
            os.replace(name, path)
    finally:
        for name in written.values():
            Path(name).unlink(missing_ok=True)
    return list(texts)


def _umask() -> int:
    """Return the permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
