"""Checks of X (tables, images, torch Datasets), and of the labels in Datasets."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import column_or_1d, validate_data
from torch.utils.data import Dataset

from sknoisy._data.columns import ColumnTransform
from sknoisy._data.rows import Rows, as_rows
from sknoisy._validation.frames import is_temporal, on_host
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.user_warnings import warn_user

__all__ = [
    "check_dataset_rows",
    "check_table_or_images",
    "is_dataset",
    "labels_of_dataset",
    "rows_to_predict",
]

_TABLE, _IMAGES = 2, 4


def is_dataset(X: Any) -> bool:
    """Whether X is a torch Dataset, or a SliceDataset of skorch."""
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
    n_dims = len(rows.row_shape) + 1
    if row_shape is None:
        _check_first_n_dims(estimator, n_dims)
        estimator.n_features_in_ = rows.row_shape[0]
        vars(estimator).pop("feature_names_in_", None)
        return
    _check_n_dims(n_dims, len(row_shape) + 1, type(estimator).__name__)
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
    X = _plain(X)
    checked = validate_data(estimator, X, y, reset=reset, **_accepted(estimator, X))
    array = checked[0] if isinstance(checked, tuple) else checked
    if row_shape is not None:
        _check_n_dims(array.ndim, len(row_shape) + 1, type(estimator).__name__)
    else:
        _check_first_n_dims(estimator, array.ndim)
    if row_shape is not None or estimator.module is None:
        _warn_about_channels_last(array)
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


def _check_first_n_dims(estimator: BaseEstimator, n_dims: int) -> None:
    if n_dims < _TABLE or (estimator.module is None and n_dims not in (_TABLE, _IMAGES)):
        raise ValueError(
            f"Found array with dim {n_dims}, while dim {_TABLE} (tables) or {_IMAGES} (images: "
            f"samples, channels, height, width) is required by {type(estimator).__name__} without "
            "a 'module'."
        )


def _check_n_dims(n_dims: int, expected: int, name: str) -> None:
    if n_dims != expected:
        raise ValueError(
            f"Found array with dim {n_dims}, while dim {expected} is required by {name}, as in fit."
        )


def _warn_about_channels_last(X: Any) -> None:
    if X.ndim == _IMAGES and X.shape[-1] in (1, 3, 4) and X.shape[1] not in (1, 3, 4):
        warn_user(
            f"X of shape {X.shape} looks like images with channels last; torch expects them "
            "first: X.transpose(0, 3, 1, 2)."
        )


def _check_values(X: Any) -> None:
    """Check that float64 values fit into float32, in which networks are trained."""
    values = X.data if sp.issparse(X) else X
    if values.dtype == np.float64 and values.size:
        if max(values.max(), -values.min()) > np.finfo(np.float32).max:
            raise ValueError("Input X contains infinity or a value too large for dtype('float32').")


def rows_to_predict(
    estimator: BaseEstimator,
    X: Any,
    row_shape: tuple[int, ...],
    device: torch.device,
    dtype: torch.dtype,
    columns: ColumnTransform | None = None,
) -> Rows:
    """Check rows for which a fitted estimator is to predict."""
    if is_dataset(X):
        rows = as_rows(X, device, dtype)
        check_dataset_rows(estimator, rows, row_shape)
        return rows
    X = check_table_or_images(estimator, X, reset=False, row_shape=row_shape)
    return as_rows(X, device, dtype, columns)
