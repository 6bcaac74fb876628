"""What the cases of all areas share: the form of a case, small data and fitted classifiers."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from torch.utils.data import Dataset

from tests.factories import short

__all__ = [
    "PROBA",
    "Bad",
    "Items",
    "X",
    "fitted",
    "fitted_to_images",
    "folder",
    "images",
    "paths",
    "y",
]

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
y = np.arange(60) % 3
images = rng.random((60, 3, 8, 8)).astype(np.float32)
PROBA = 0.7 * np.eye(3)[y] + 0.1


class Bad(NamedTuple):
    """A call that must be refused.

    Parameters
    ----------
    call : callable
    match : str
        Regular expression for the message, which names what is wrong, what is allowed and what was
        given.
    error : type, default=ValueError
    """

    call: Callable[[], object]
    match: str
    error: type[Exception] = ValueError


class Items(Dataset):
    """A Dataset of given items."""

    def __init__(self, *columns):
        self.items = list(zip(*columns, strict=True)) if len(columns) > 1 else list(columns[0])

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


@cache
def fitted():
    return short(max_epochs=1).fit(X, y)


@cache
def fitted_to_images():
    return short(max_epochs=1).fit(images, y)


@cache
def folder():
    """Make a folder with images and files that are none."""
    from PIL import Image

    kept = TemporaryDirectory()
    atexit.register(kept.cleanup)
    path = Path(kept.name)
    for name, height in {"a": 8, "b": 8, "c": 8, "d": 8, "tall": 9}.items():
        pixels = (255 * rng.random((height, 8, 3))).astype(np.uint8)
        Image.fromarray(pixels).save(path / f"{name}.png")
    (path / "text.png").write_bytes(b"no image")
    (path / "empty.png").write_bytes(b"")
    (path / "cut.png").write_bytes((path / "a.png").read_bytes()[:60])
    (path / "folder.png").mkdir()
    (path / "notes.txt").write_text("no image")
    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes((path / "a.png").read_bytes())
    return path


def paths(*names):
    return [str(folder() / f"{name}.png") for name in names]
