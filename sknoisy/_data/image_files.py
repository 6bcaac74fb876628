"""Images in files: their paths stand for arrays of bytes, decoded by several threads."""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from sknoisy._runtime.devices import free_memory
from sknoisy._runtime.locks import ForkSafeLock

__all__ = ["SUFFIXES", "ImageFiles", "as_image_paths", "read_image_files"]

SUFFIXES = (
    ".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
# Parts of the free memory for the images of a fit, and for those that later fits may need again.
_MAX_DECODED, _MAX_CACHED = 0.5, 0.25
_N_THREADS = 8
_GRAY_MODES = ("1", "L", "LA")


def as_image_paths(X: Any) -> list[str] | None:
    """Return the paths of a list, an array, a Series or a column of paths; None if X is no such.

    Parameters
    ----------
    X : object
        Paths are str or Path objects with the suffix of an image.

    Raises
    ------
    ValueError
        If only some of the values are paths, or X is a single path.
    """
    if isinstance(X, str | os.PathLike):
        raise ValueError(
            f"X must be an array of samples, or a list of paths of images. Got {os.fspath(X)!r}; "
            "sknoisy.datasets.load_image_folder lists the images in a folder."
        )
    values = X
    if not isinstance(X, list | tuple):
        shape = tuple(getattr(X, "shape", ()))
        if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)) or isinstance(X, torch.Tensor):
            return None
        # A column of a million numbers is not made a list.
        if not all(map(_is_image, np.asarray(X[:1], dtype=object).ravel())):
            return None
        values = np.asarray(X, dtype=object).ravel().tolist()
    are_images = list(map(_is_image, values))
    if not any(are_images):
        return None
    if not all(are_images):
        position = are_images.index(False)
        raise ValueError(
            f"X has {sum(are_images)} texts that are paths of images, but at position {position} "
            f"{values[position]!r}. The suffix of an image is one of {list(SUFFIXES)}."
        )
    return [os.fspath(value) for value in values]


def _is_image(value: Any) -> bool:
    is_path = isinstance(value, str | os.PathLike)
    return is_path and os.fspath(value).lower().endswith(SUFFIXES)


def read_image_files(
    paths: Sequence[str], size: tuple[int, int] | None, n_channels: int | None = None
) -> np.ndarray | ImageFiles:
    """Decode images into an array if it fits into memory, otherwise each time they are needed.

    Parameters
    ----------
    paths : sequence of str
    size : tuple of (height, width) or None
        None: all images must have the same size.
    n_channels : {1, 3} or None, default=None
        None: 1 if the first image is grey, otherwise 3.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, n_channels, height, width), or ImageFiles
    """
    files = ImageFiles(paths, size, n_channels)
    if len(files) * math.prod(files.image_shape) > _MAX_DECODED * _free_memory():
        return files
    return np.stack(files.__getitems__(range(len(files))))


class ImageFiles(Dataset):
    """Images in files as a Dataset, decoded when they are needed.

    Attributes
    ----------
    image_shape : tuple of (n_channels, height, width)
    """

    def __init__(
        self, paths: Sequence[str], size: tuple[int, int] | None, n_channels: int | None = None
    ) -> None:
        self.paths, self.size = list(paths), size
        self.n_channels = n_channels
        first = _decoded(self.paths[0], size, n_channels)
        self.n_channels, self.image_shape = first.shape[0], first.shape

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> np.ndarray:
        return self._image(i)

    def __getitems__(self, index: Sequence[int]) -> list[np.ndarray]:
        """Return several images, decoded by threads: Pillow decodes without Python's lock."""
        with ThreadPoolExecutor(min(_N_THREADS, os.cpu_count() or 1)) as pool:
            return list(pool.map(self._image, index))

    def _image(self, i: int) -> np.ndarray:
        image = _CACHE.get(self.paths[i], self.size, self.n_channels)
        if image.shape != self.image_shape:
            raise ValueError(
                f"The images have several sizes: {self.paths[0]!r} has height and width "
                f"{self.image_shape[1:]}, {self.paths[i]!r} has {image.shape[1:]}. Set the "
                "'image_size' parameter to resize them."
            )
        return image


class _Cache:
    """The images that were decoded last, as long as they take a part of the free memory only."""

    def __init__(self) -> None:
        self._images: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._n_bytes, self._lock = 0, ForkSafeLock()

    def get(self, path: str, size: tuple[int, int] | None, n_channels: int | None) -> np.ndarray:
        try:
            status = os.stat(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        key = (os.path.abspath(path), status.st_mtime_ns, status.st_size, size, n_channels)
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
                return self._images[key]
        image = _decoded(path, size, n_channels)
        with self._lock:
            if key not in self._images:
                self._images[key] = image
                self._n_bytes += image.nbytes
                self._shrink()
        return image

    def _shrink(self) -> None:
        while self._images and self._n_bytes > _MAX_CACHED * (_free_memory() + self._n_bytes):
            _, oldest = self._images.popitem(last=False)
            self._n_bytes -= oldest.nbytes


_CACHE = _Cache()


def _free_memory() -> float:
    return free_memory(torch.device("cpu"))


def _decoded(path: str, size: tuple[int, int] | None, n_channels: int | None) -> np.ndarray:
    """Read an image as bytes of shape (channels, height, width)."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(
            "Images in files need the package Pillow: pip install 'sknoisy[images]'."
        ) from error
    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode[0] in "IF":
                raise ValueError(f"it has more than 8 bits (mode {image.mode!r})")
            if image.mode == "P":
                # A palette may have transparent colours, which are kept as they are.
                image = image.convert("RGBA")
            is_gray = image.mode in _GRAY_MODES if n_channels is None else n_channels == 1
            image = image.convert("L" if is_gray else "RGB")
            if size is not None and image.size != size[::-1]:
                image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    # Pillow raises errors of many kinds for files that are damaged.
    except Exception as error:
        raise _unreadable(path, error) from error
    values = np.asarray(image)
    return np.ascontiguousarray(values[None] if is_gray else values.transpose(2, 0, 1))


def _unreadable(path: str, error: Exception) -> ValueError:
    reason = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
    return ValueError(f"The image {str(Path(path))!r} cannot be read: {reason}.")
