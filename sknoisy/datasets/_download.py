"""Files of data sets: found in a folder, or downloaded, resumed and checked."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

__all__ = ["RemoteFile", "data_folder", "get_file"]

_CHUNK, _TIMEOUT = 2**20, 60


class RemoteFile(NamedTuple):
    """A file of a data set.

    Attributes
    ----------
    name : str
        Its path in the folder of the data set.
    url : str
    md5 : str or None
        The published checksum; None: there is none, and the contents are checked instead.
    """

    name: str
    url: str
    md5: str | None


def data_folder(data_home: str | os.PathLike | None, name: str) -> Path:
    """Return the folder of a data set, which need not exist; None: in the user's home."""
    home = Path.home() / "sknoisy_data" if data_home is None else Path(data_home).expanduser()
    return home / name


def get_file(folder: Path, file: RemoteFile, download_if_missing: bool) -> Path:
    """Return the path of a file with the right checksum.

    Parameters
    ----------
    folder : Path
    file : RemoteFile
    download_if_missing : bool
        Whether to download a file that is not in the folder. What was downloaded before an
        interruption is kept, and the next call goes on from there.

    Raises
    ------
    OSError
        If the file is missing, cannot be downloaded or is damaged.
    """
    path = folder / file.name
    if path.exists():
        _check(path, file, f"Delete it and pass download_if_missing=True, or get {file.url}.")
        return path
    if not download_if_missing:
        raise OSError(
            f"There is no file {str(path)!r}. Pass download_if_missing=True, or save {file.url} "
            "there."
        )
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        _download(file.url, part)
    except urllib.error.HTTPError as error:
        reason = f"the server answers {error.code} {error.reason}"
        raise OSError(f"{file.url} cannot be downloaded: {reason}.") from error
    except (OSError, HTTPException) as error:
        n_bytes = part.stat().st_size if part.exists() else 0
        raise OSError(
            f"The download of {file.url} ended after {n_bytes} bytes: {error}. They are kept; the "
            "next call goes on from there."
        ) from error
    try:
        _check(part, file, "It is deleted; the next call begins again.")
    except OSError:
        part.unlink()
        raise
    part.replace(path)
    return path


def _download(url: str, part: Path) -> None:
    """Append to a file what is missing of it; a server may send the whole file instead."""
    begin = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begin}-"} if begin else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        # No byte is missing, or the file at the server is shorter than what is here.
        if begin and error.code == 416:
            return
        raise
    with response, part.open("ab" if response.status == 206 else "wb") as out:
        expected, n_bytes = response.headers.get("Content-Length"), 0
        while chunk := response.read(_CHUNK):
            n_bytes += out.write(chunk)
    if expected is not None and n_bytes < int(expected):
        raise OSError(f"{int(expected) - n_bytes} bytes are missing")


def _check(path: Path, file: RemoteFile, advice: str) -> None:
    if file.md5 is None:
        return
    with path.open("rb") as opened:
        md5 = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != file.md5:
        raise OSError(
            f"The file {str(path)!r} is damaged: its MD5 is {md5}, not {file.md5}. {advice}"
        )
