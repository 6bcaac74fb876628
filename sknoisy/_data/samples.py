"""What X and y may be: tables, images and data sets, and labels hard or soft."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data
from skorch.helper import SliceDataset
from torch.utils.data import Dataset

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.rows import as_rows
from sknoisy._validation.labels import SoftLabels, as_soft_labels, refuse_missing_labels

if TYPE_CHECKING:
    from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["DATASETS", "check_dims", "check_rows", "check_samples", "check_values", "plain"]


_TABLE, _IMAGES = 2, 4


def plain(X: Any) -> Any:
    """Turn tensors into arrays, and refuse what would be read wrongly without a word."""
    if isinstance(X, torch.Tensor):
        if X.requires_grad:
            raise TypeError("X is a tensor that requires a gradient; pass X.detach().")
        return X.cpu().numpy()
    if np.ma.isMaskedArray(X) and np.ma.is_masked(X):
        raise ValueError("X is a masked array, whose masked values are missing; fill them first.")
    if isinstance(X, np.ndarray) and X.dtype.kind in "mM":
        raise TypeError(f"X holds dates or durations ({X.dtype}); make numbers of them.")
    if hasattr(X, "dtypes") and hasattr(X, "columns"):
        twice = [name for name, count in Counter(X.columns).items() if count > 1]
        if twice:
            raise ValueError(f"X has duplicate columns, {twice}; feature names must be unique.")
        kinds = zip(X.columns, X.dtypes, strict=True)
        times = [name for name, dtype in kinds if getattr(dtype, "kind", "") in "mM"]
        if times:
            raise TypeError(f"X has columns of dates or durations, {times}; make numbers of them.")
    return X


def check_dims(X: Any, ndim: int | None, name: str) -> None:
    """Check that X is a table or images, or has as many dimensions as in fit.

    Parameters
    ----------
    X : ndarray or sparse matrix
    ndim : int or None
        Dimensions required; None: those of a table or of images.
    name : str
        Of the estimator.
    """
    if ndim is None and X.ndim not in (_TABLE, _IMAGES):
        raise ValueError(
            f"Found array with dim {X.ndim}, while dim {_TABLE} (tables) or {_IMAGES} (images: "
            f"samples, channels, height, width) is required by {name} without a 'module'."
        )
    if ndim is not None and X.ndim != ndim:
        raise ValueError(
            f"Found array with dim {X.ndim}, while dim {ndim} is required by {name}, as in fit."
        )
    if X.ndim == _IMAGES and X.shape[-1] in (1, 3, 4) and X.shape[1] not in (1, 3, 4):
        warnings.warn(
            f"X of shape {X.shape} looks like images with channels last; torch expects them "
            "first: X.transpose(0, 3, 1, 2).",
            UserWarning,
            stacklevel=4,
        )


def check_values(X: Any) -> None:
    """Check that doubles fit into single precision, in which they are trained from."""
    values = X.data if sp.issparse(X) else X
    if values.dtype == np.float64 and values.size:
        if max(values.max(), -values.min()) > np.finfo(np.float32).max:
            raise ValueError("Input X contains infinity or a value too large for dtype('float32').")


def check_samples(
    clf: NoisyLabelClassifier, X: Any, y: Any, reset: bool
) -> tuple[Any, np.ndarray | SoftLabels]:
    """Check the samples of a fit; the first one tells the estimator its features."""
    soft = as_soft_labels(y)
    if isinstance(X, DATASETS):
        y = _check_items(clf, X, y if soft is None else soft.shares[:, 0], reset)
    else:
        refuse_missing_labels(y)
        y = y if soft is None else soft.shares[:, 0]
        X, y = validate_data(clf, plain(X), y, reset=reset, **_accepted(clf))
        _check_array(clf, X, None if reset else clf.net_.row_ndim_)
    if soft is not None:
        return X, soft
    check_classification_targets(y)
    return X, y


def check_rows(clf: NoisyLabelClassifier, X: Any) -> LabelledRows:
    """Check the rows that a fitted estimator is to predict."""
    if not isinstance(X, DATASETS):
        X = validate_data(clf, plain(X), reset=False, **_accepted(clf))
        _check_array(clf, X, clf.net_.row_ndim_)
    return LabelledRows(as_rows(X, torch.device(clf.net_.device), clf.net_.dtype))


def _check_items(clf: NoisyLabelClassifier, X: Any, y: Any, reset: bool) -> np.ndarray:
    """Labels of a data set, which are those of its items where none are given."""
    name = type(clf).__name__
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
        y = (X[i][1] for i in range(len(X)))
    y = column_or_1d(list(y), warn=True)
    check_consistent_length(X, y)
    if reset:
        row = as_rows(X, torch.device("cpu"), torch.float32).span(0, 1)
        clf.n_features_in_ = row.shape[1]
        clf.__dict__.pop("feature_names_in_", None)
    return y


def _check_array(clf: NoisyLabelClassifier, X: Any, ndim: int | None) -> None:
    if clf.module is None or ndim is not None:
        check_dims(X, ndim, type(clf).__name__)
    if clf.precision != "float64":
        check_values(X)


def _accepted(clf: NoisyLabelClassifier) -> dict[str, Any]:
    """What X may be: numbers of these types are trained from as they are, others converted."""
    kept = [np.float32, np.float64, np.float16, np.uint8]
    first = [np.float64] if clf.precision == "float64" else []
    return {"dtype": first + kept, "order": "C", "accept_sparse": "csr", "allow_nd": True}


DATASETS = (torch.utils.data.Dataset, SliceDataset)
