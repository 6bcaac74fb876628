"""The format of a file of a model: JSON and arrays with a checksum, and no code.

A file consists of a magic number, the version of the format, the length of the JSON, the JSON, the
arrays in the format of safetensors, and the SHA-256 of all that. Every version begins with the
magic number and its version, and ends with the checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from sknoisy._runtime.files import atomic_write

__all__ = ["FORMAT_VERSION", "read_container", "write_container"]

FORMAT_VERSION = 1

_MAGIC = b"\x93SKNOISY"
# Magic number, version of the format, length of the JSON.
_PREFIX = struct.Struct("<8sIQ")
_DIGEST_BYTES = hashlib.sha256().digest_size


def write_container(
    path: str | os.PathLike[str], document: dict[str, Any], arrays: dict[str, np.ndarray]
) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    document : dict
        Values of JSON; floats are finite.
    arrays : dict of ndarray
        Of numbers or bool, contiguous.
    """
    text = json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii")
    digest = hashlib.sha256()
    with atomic_write(path) as file:
        for part in (
            _PREFIX.pack(_MAGIC, FORMAT_VERSION, len(text)),
            text,
            save_arrays(arrays),
        ):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def read_container(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a file, which may be damaged or hostile, and needs no more memory than its size.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    document : dict
        Values of JSON, not checked any further.
    arrays : dict of ndarray
        Read-only.

    Raises
    ------
    ValueError
        If the file is of another kind, damaged, not valid, or of a later version of the format.
    """
    with open(path, "rb") as file:
        # Only regular files have a size, so nothing is read from a device without an end.
        data = file.read(os.fstat(file.fileno()).st_size)
    if not data.startswith(_MAGIC):
        raise ValueError(
            f"{os.fspath(path)!r} is not a file that save() of a classifier has written."
        )
    content, digest = memoryview(data)[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if len(content) < _PREFIX.size or hashlib.sha256(content).digest() != digest:
        raise ValueError(
            f"{os.fspath(path)!r} is damaged: its checksum does not match its content."
        )
    _, version, n_text = _PREFIX.unpack_from(content)
    if not 1 <= version <= FORMAT_VERSION:
        raise ValueError(
            f"{os.fspath(path)!r} has version {version} of the format, and this version of sknoisy "
            f"reads versions 1 to {FORMAT_VERSION}: use the version of sknoisy that wrote it, or a "
            "later one."
        )
    payload = content[_PREFIX.size :]
    if n_text > len(payload):
        raise ValueError(f"{os.fspath(path)!r} is not valid: it declares more JSON than it has.")
    try:
        document = json.loads(
            bytes(payload[:n_text]), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
        if not isinstance(document, dict):
            raise ValueError("the JSON is no object")
        return document, load_arrays(bytes(payload[n_text:]))
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not valid: {error}.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the dict of a JSON object, in which no key may appear twice."""
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a key of the JSON appears twice")
    return names


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
