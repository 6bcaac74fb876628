"""Layouts of images: torch expects (samples, channels, height, width)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from torch.utils.data import Dataset

from sknoisy._validation.frames import on_host

__all__ = ["as_channels_first", "in_layout_of_fit"]

_CHANNELS = (1, 3, 4)


class _Moved(Dataset):
    """A Dataset of images, the channels of whose items are moved from one axis to another."""

    def __init__(self, data: Any, source: int, destination: int) -> None:
        self.data, self.axes = data, (source, destination)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> Any:
        item = self.data[i]
        if isinstance(item, (tuple, list)):
            return (_moved(item[0], *self.axes), *item[1:])
        return _moved(item, *self.axes)


def _moved(image: Any, source: int, destination: int) -> Any:
    return np.moveaxis(np.asarray(on_host(image)), source, destination)


def in_layout_of_fit(estimator: BaseEstimator, images: Any, row_shape: Any) -> Any:
    """Move the channels of decoded images, which are first, to where they were in ``fit``.

    Parameters
    ----------
    estimator : BaseEstimator
    images : ndarray or Dataset
    row_shape : tuple of int or None
        Shape of a row in ``fit``; None: this is the first fit.
    """
    if row_shape is None or len(row_shape) != 3 or not estimator._channels_last:
        return images
    is_array = isinstance(images, np.ndarray)
    return np.moveaxis(images, 1, -1) if is_array else _Moved(images, 0, -1)


def as_channels_first(
    estimator: BaseEstimator, X: Any, row_shape: tuple[int, ...] | None, is_items: bool
) -> Any:
    """Convert images with channels last, if those of the first fit had them last.

    Parameters
    ----------
    estimator : BaseEstimator
        In the first fit, ``_channels_last`` is set: whether the images look like it, and the
        network is the default, which needs channels first.
    X : array-like or Dataset
    row_shape : tuple of int or None
        Shape of a row in ``fit``; None: this is the first fit.
    is_items : bool
        Whether X is a Dataset.

    Returns
    -------
    X, or a view of it

    Raises
    ------
    ValueError
        If the layout is not that of the first fit, or may be both.
    """
    shape = _shape(X, is_items)
    is_images = len(shape) == 4
    if row_shape is None:
        estimator._channels_last = (
            not callable(estimator.module)
            and is_images
            and shape[-1] in _CHANNELS
            and shape[1] not in _CHANNELS
        )
        if is_images and not callable(estimator.module):
            _check_unambiguous(shape)
    elif is_images and len(row_shape) == 3:
        _check_layout(estimator, shape, row_shape)
    if not (is_images and estimator._channels_last):
        return X
    if is_items:
        return _Moved(X, -1, 0)
    if isinstance(X, list) and 0 in shape:
        return [_moved(image, -1, 0) for image in X]
    return np.moveaxis(np.asarray(on_host(X)), -1, 1)


def _check_unambiguous(shape: tuple[int, ...]) -> None:
    """Refuse square images with few but unusual channels last, such as of spectral bands."""
    _, first, second, last = shape
    if first == second and last < first and {first, last}.isdisjoint(_CHANNELS):
        raise ValueError(
            f"X of shape {shape} must have channels first. Are these images of {last} channels? "
            f"Then pass X.transpose(0, 3, 1, 2). Images of {first} channels and such a shape need "
            "a 'module' of your own."
        )


def _check_layout(
    estimator: BaseEstimator, shape: tuple[int, ...], row_shape: tuple[int, ...]
) -> None:
    n_channels, name = row_shape[0], type(estimator).__name__
    first, last = shape[1] == n_channels, shape[-1] == n_channels
    if estimator._channels_last and first and not last:
        given, fitted, axes = "first", "last", (0, 2, 3, 1)
    elif not estimator._channels_last and last and not first:
        given, fitted, axes = "last", "first", (0, 3, 1, 2)
    else:
        return
    raise ValueError(
        f"X of shape {shape} has channels {given}, but {name} was fitted to images of "
        f"{n_channels} channels with channels {fitted}: pass X.transpose{axes}."
    )


def _shape(X: Any, is_items: bool) -> tuple[int, ...]:
    """Return the shape of images, 0 where images of a list differ; empty for what is none."""
    if is_items:
        if not len(X):
            return ()
        item = X[0]
        first = item[0] if isinstance(item, (tuple, list)) else item
        return (len(X), *getattr(first, "shape", ()))
    if isinstance(X, list):
        shapes = {tuple(getattr(sample, "shape", ())) for sample in X}
        if len(set(map(len, shapes))) != 1:
            return ()
        lengths = (set(axis) for axis in zip(*shapes, strict=True))
        return (len(X), *(axis.pop() if len(axis) == 1 else 0 for axis in lengths))
    return tuple(getattr(X, "shape", ()))
