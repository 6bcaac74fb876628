"""Checks of X (tables, images, torch Datasets), and of the labels in Datasets."""

from __future__ import annotations

import reprlib
from collections import Counter
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import column_or_1d, validate_data
from torch.utils.data import DataLoader, Dataset, IterableDataset

from sknoisy._data.columns import ColumnTransform
from sknoisy._data.images import as_images, decoded
from sknoisy._data.pixel_range import remember_pixel_range, warn_about_pixel_range
from sknoisy._data.rows import Rows, as_rows
from sknoisy._validation.frames import is_temporal, on_host
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.table_hints import explain_table

__all__ = [
    "check_dataset_rows",
    "check_table_or_images",
    "is_dataset",
    "labels_of_dataset",
    "rows_to_predict",
]

_TABLE, _IMAGES = 2, 4
_MIN_LARGEST, _MAX_LARGEST = 1e-30, 1e120


def is_dataset(X: Any) -> bool:
    """Whether X is a torch Dataset, or a SliceDataset of skorch.

    Raises
    ------
    TypeError
        If X has no positions: a DataLoader, an IterableDataset or an iterator.
    """
    if isinstance(X, DataLoader):
        raise TypeError(
            "X is a DataLoader; pass its Dataset, X.dataset. The classifier makes batches of "
            "'batch_size' samples itself."
        )
    if isinstance(X, IterableDataset) or (isinstance(X, Dataset) and not hasattr(X, "__len__")):
        raise TypeError(
            f"X is a Dataset without a length, {type(X).__name__}, but samples are trained on in a "
            "new order in each epoch. Pass a Dataset with __len__ and __getitem__, or an array of "
            "all samples."
        )
    if hasattr(X, "__next__"):
        raise TypeError(f"X is an iterator, {type(X).__name__}; pass an array of all samples.")
    return isinstance(X, Dataset) or all(hasattr(X, name) for name in ("dataset", "idx", "indices"))


def labels_of_dataset(estimator: BaseEstimator, X: Any, y: Any) -> np.ndarray:
    """Return the labels passed with a Dataset, or the labels of its items, hard or soft."""
    name = type(estimator).__name__
    if y is None and not isinstance(X, Dataset):
        raise ValueError(
            f"This {name} estimator requires y to be passed with a SliceDataset, but the target y "
            "is None."
        )
    if y is None:
        first = X[0]
        if not (isinstance(first, (tuple, list)) and len(first) == 2):
            raise ValueError(
                f"This {name} estimator requires y to be passed, or a Dataset whose items are "
                "pairs (x, y)."
            )
        y = [on_host(X[i][1]) for i in range(len(X))]
        if np.ndim(y[0]) == 1 and len(y[0]) > 1:  # distributions
            return np.stack(y)
    if len(np.shape(y)) == 2 and np.shape(y)[1] > 1:
        return y
    return column_or_1d(as_array_of_labels(list(y)), warn=True)


def check_dataset_rows(
    estimator: BaseEstimator, rows: Rows, row_shape: tuple[int, ...] | None
) -> None:
    """Check the rows of a Dataset, and set the number of features in the first fit.

    Parameters
    ----------
    estimator : BaseEstimator
    rows : Rows
    row_shape : tuple of int or None
        Shape of a row in ``fit``; None: this is the first fit.
    """
    shape = (len(rows), *rows.row_shape)
    if row_shape is None:
        _check_first_n_dims(estimator, shape)
        estimator.n_features_in_ = rows.row_shape[0]
        vars(estimator).pop("feature_names_in_", None)
        return
    _check_n_dims(shape, row_shape, type(estimator).__name__)
    if rows.row_shape[0] != row_shape[0]:
        raise ValueError(
            f"X has {rows.row_shape[0]} features, but {type(estimator).__name__} is expecting "
            f"{row_shape[0]} features as input."
        )


def check_table_or_images(
    estimator: BaseEstimator,
    X: Any,
    y: Any = "no_validation",
    *,
    reset: bool,
    row_shape: tuple[int, ...] | None = None,
) -> Any:
    """Check arrays, data frames and sparse matrices as scikit-learn does, and y if it is passed.

    Parameters
    ----------
    estimator : BaseEstimator
        Its ``precision`` determines which dtypes are kept, its ``module`` which dimensions are
        allowed.
    X : array-like, sparse matrix or DataFrame
    y : array-like, default="no_validation"
    reset : bool
        Whether to set the number and names of the features of the estimator.
    row_shape : tuple of int or None, default=None
        Shape of a row in ``fit``, of which X must have the number of dimensions.

    Returns
    -------
    X, or X and y
    """
    X = as_images(estimator, _plain(X), row_shape, is_items=False)
    shape = tuple(getattr(X, "shape", ()))
    if row_shape is not None and len(shape) > _TABLE:
        # Before the number of features, which is that of the wrong axis.
        _check_n_dims(shape, row_shape, type(estimator).__name__)
    try:
        # The sum by which scikit-learn looks for NaN first may overflow both ways.
        with np.errstate(invalid="ignore"):
            checked = validate_data(estimator, X, y, reset=reset, **_accepted(estimator, X))
    except (TypeError, ValueError) as error:
        advice = _explain_shapes(X) or explain_table(X, type(estimator).__name__)
        if not advice and isinstance(error, TypeError) and " X" not in str(error):
            raise TypeError(
                f"X must be an array-like of numbers. Got {reprlib.repr(X)} instead: {error}"
            ) from error
        if not advice:
            raise
        # scikit-learn's own advice, which follows, names other classifiers.
        message = str(error).partition(" For supervised learning")[0].removesuffix(".")
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{message}. {advice}") from error
    array = checked[0] if isinstance(checked, tuple) else checked
    is_images = array.ndim == _IMAGES
    if row_shape is not None:
        _check_n_dims(array.shape, row_shape, type(estimator).__name__)
        if is_images:
            warn_about_pixel_range(estimator, array)
    else:
        _check_first_n_dims(estimator, array.shape)
        if is_images:
            remember_pixel_range(estimator, array)
        if array.ndim > _TABLE and array.size and not callable(estimator.module):
            _check_scale(array)
    if estimator.precision != "float64":
        _check_values(array)
    return checked


def _plain(X: Any) -> Any:
    """Convert tensors to arrays, and refuse data that would silently be misread."""
    if isinstance(X, torch.Tensor) and X.requires_grad:
        raise TypeError("X is a tensor that requires a gradient; pass X.detach().")
    X = on_host(X)
    if np.ma.isMaskedArray(X) and np.ma.is_masked(X):
        raise ValueError("X is a masked array, whose masked values are missing; fill them first.")
    if isinstance(X, np.ndarray) and X.dtype.kind in "mM":
        raise TypeError(f"X holds dates or durations ({X.dtype}); make numbers of them.")
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        _check_columns(X)
    return X


def _check_columns(X: Any) -> None:
    repeated = [name for name, count in Counter(X.columns).items() if count > 1]
    if repeated:
        raise ValueError(f"X has duplicate columns, {repeated}; feature names must be unique.")
    dtypes = zip(X.columns, X.dtypes, strict=True)
    times = [name for name, dtype in dtypes if is_temporal(dtype)]
    if times:
        raise TypeError(
            f"X has columns of dates, times, periods or intervals, {times}; make numbers of them."
        )


def _accepted(estimator: BaseEstimator, X: Any) -> dict[str, Any]:
    """Return the arguments of ``validate_data``; other dtypes are converted to the first one."""
    dtypes = [np.float64, np.float32, np.float16, np.uint8]
    # Integers of more than 16 bits have digits that single precision does not have.
    is_narrow = getattr(X, "dtype", None) in (np.bool_, np.int8, np.int16, np.uint16)
    if is_narrow and estimator.precision != "float64":
        dtypes.insert(0, np.float32)
    return {"dtype": dtypes, "order": "C", "accept_sparse": "csr", "allow_nd": True}


def _check_first_n_dims(estimator: BaseEstimator, shape: tuple[int, ...]) -> None:
    n_dims = len(shape)
    if n_dims < _TABLE or (not callable(estimator.module) and n_dims not in (_TABLE, _IMAGES)):
        advice = ""
        if n_dims == _IMAGES - 1:
            advice = (
                " Give images without channels an axis for them: X[:, None], or x[None] in the "
                "items of a Dataset."
            )
        raise ValueError(
            f"Found array with dim {n_dims}, while dim {_TABLE} (tables) or {_IMAGES} (images: "
            f"samples, channels, height, width) is required by {type(estimator).__name__} without "
            f"a 'module'.{advice}"
        )


def _check_n_dims(shape: tuple[int, ...], row_shape: tuple[int, ...], name: str) -> None:
    n_dims, expected = len(shape), len(row_shape) + 1
    if n_dims == expected:
        return
    advice = ""
    if shape == row_shape:
        advice = " Give a single sample an axis for samples: X[None]."
    elif n_dims == expected - 1 and row_shape[0] == 1:
        advice = " Give images without channels an axis for them: X[:, None]."
    raise ValueError(
        f"Found array with dim {n_dims}, while dim {expected} is required by {name}, as in fit."
        f"{advice}"
    )


def _explain_shapes(X: Any) -> str:
    """Say which shapes the samples in a list have, if they have several."""
    dtype = getattr(X, "dtype", None)
    if not isinstance(X, (list, tuple)) and getattr(dtype, "kind", "") != "O":
        return ""
    shapes = dict.fromkeys(tuple(getattr(sample, "shape", ())) for sample in X)
    if len(shapes) < 2:
        return ""
    few = ", ".join(map(str, list(shapes)[:3]))
    return (
        f"The samples have several shapes, {few}; resize or pad them to a single one, images by "
        "the 'image_size' parameter."
    )


def _check_values(X: Any) -> None:
    """Check that float64 values fit into float32, in which networks are trained."""
    values = X.data if sp.issparse(X) else X
    if values.dtype == np.float64 and values.size:
        if max(values.max(), -values.min()) > np.finfo(np.float32).max:
            raise ValueError("Input X contains infinity or a value too large for dtype('float32').")


def _check_scale(images: np.ndarray) -> None:
    """Check that squares and reciprocals of images can be computed; tables are scaled instead."""
    largest = float(max(images.max(), -images.min())) if images.dtype.kind == "f" else 1.0
    if largest and not _MIN_LARGEST <= largest <= _MAX_LARGEST:
        raise ValueError(
            f"The largest absolute value of images X must be in the range [{_MIN_LARGEST:g}, "
            f"{_MAX_LARGEST:g}]. Got {largest:g} instead; multiply X by a constant."
        )


def rows_to_predict(
    estimator: BaseEstimator,
    X: Any,
    row_shape: tuple[int, ...],
    device: torch.device,
    dtype: torch.dtype,
    columns: ColumnTransform | None = None,
) -> Rows:
    """Check rows for which a fitted estimator is to predict."""
    X = decoded(estimator, X, row_shape)
    if is_dataset(X):
        items = as_images(estimator, X, row_shape, is_items=True)
        rows = as_rows(items, device, dtype, columns)
        check_dataset_rows(estimator, rows, row_shape)
        return rows
    X = check_table_or_images(estimator, X, reset=False, row_shape=row_shape)
    return as_rows(X, device, dtype, columns)
