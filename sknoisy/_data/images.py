"""Images in the form that networks take: decoded, channels first and of one size."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.utils.data import Dataset

from sknoisy._data.image_files import as_image_paths, read_image_files
from sknoisy._data.layout import as_channels_first, in_layout_of_fit
from sknoisy._validation.frames import on_host

__all__ = ["as_images", "decoded"]

# Images that are resized together, so that the memory for floats is limited.
_CHUNK = 256


def decoded(estimator: BaseEstimator, X: Any, row_shape: tuple[int, ...] | None) -> Any:
    """Decode images in files; other samples are returned as they are.

    Parameters
    ----------
    estimator : BaseEstimator
        Paths are text for an estimator without an ``image_size``.
    X : object
    row_shape : tuple of int or None
        Shape of a row in ``fit``; None: this is the first fit.
    """
    if not hasattr(estimator, "image_size"):
        return X
    paths = as_image_paths(X)
    if paths is None:
        return X
    n_channels = row_shape[0] if row_shape is not None and len(row_shape) == 3 else None
    images = read_image_files(paths, _size(estimator), n_channels)
    return in_layout_of_fit(estimator, images, row_shape)


def as_images(
    estimator: BaseEstimator, X: Any, row_shape: tuple[int, ...] | None, is_items: bool
) -> Any:
    """Convert images to channels first and to the ``image_size`` of the estimator.

    Parameters
    ----------
    estimator : BaseEstimator
    X : array-like or Dataset
    row_shape : tuple of int or None
        Shape of a row in ``fit``; None: this is the first fit.
    is_items : bool
        Whether X is a Dataset.
    """
    X = X if is_items else _as_arrays(X)
    X, size = as_channels_first(estimator, X, row_shape, is_items), _size(estimator)
    if size is None:
        return X
    if is_items:
        return _Resized(X, size)
    if isinstance(X, list) and all(_n_dims(image) == 3 for image in X):
        return np.stack([_resized(_tensor(image)[None], size)[0].numpy() for image in X])
    X = on_host(X)
    # Empty and complex images are refused later.
    if _n_dims(X) != 4 or 0 in X.shape or np.iscomplexobj(X) or X.shape[2:] == size:
        return X
    parts = (X[start : start + _CHUNK] for start in range(0, len(X), _CHUNK))
    return np.concatenate([_resized(_tensor(part), size).numpy() for part in parts])


def _as_arrays(X: Any) -> Any:
    """Convert lists and tuples of images to lists of arrays or tensors, which have shapes."""
    if not isinstance(X, list | tuple) or not X:
        return X
    first = X[0]
    if hasattr(first, "getbands"):
        raise TypeError(
            f"X has images of Pillow, of type {type(first).__name__}. Pass their paths, or arrays "
            "of numbers: np.stack([np.asarray(image.convert('RGB')) for image in X])."
        )
    depth = 0
    while isinstance(first, list | tuple) and first:
        first, depth = first[0], depth + 1
    if depth:
        return [np.asarray(image) for image in X] if depth + _n_dims(first) == 3 else X
    return list(X) if _n_dims(first) == 3 else X


def _n_dims(values: Any) -> int:
    return len(getattr(values, "shape", ()))


def _tensor(images: Any) -> Tensor:
    """Make a tensor of images; torch takes no arrays of reversed axes or bytes."""
    if isinstance(images, Tensor):
        return images
    images = np.asarray(images)
    return torch.from_numpy(np.array(images, dtype=images.dtype.newbyteorder("=")))


def _size(estimator: BaseEstimator) -> tuple[int, int] | None:
    size = getattr(estimator, "image_size", None)
    if size is None:
        return None
    sizes = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sizes) != 2 or not all(
        isinstance(n, Integral) and not isinstance(n, bool) and int(n) > 0 for n in sizes
    ):
        raise ValueError(
            "The 'image_size' parameter must be an int, or a height and a width, in the range "
            f"[1, inf). Got {size!r} instead."
        )
    return int(sizes[0]), int(sizes[1])


class _Resized(Dataset):
    """A Dataset of images of any sizes, whose items have one size."""

    def __init__(self, data: Any, size: tuple[int, int]) -> None:
        self.data, self.size = data, size

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> Any:
        item = self.data[i]
        if isinstance(item, (tuple, list)):
            return (self._image(item[0]), *item[1:])
        return self._image(item)

    def _image(self, image: Any) -> Any:
        if _n_dims(image) != 3:
            return image
        return _resized(_tensor(image)[None], self.size)[0]


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize images linearly, without aliasing, and keep their type."""
    if images.shape[-2:] == size:
        return images
    # The CPU does not resize half precision.
    floats = images if images.dtype in (torch.float32, torch.float64) else images.float()
    resized = torch.nn.functional.interpolate(
        floats, size, mode="bilinear", align_corners=False, antialias=True
    )
    resized = resized if images.dtype.is_floating_point else resized.round()
    return resized.to(images.dtype)
