"""What X and y may be: tables, images and data sets, and labels hard or soft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data
from torch.utils.data import Dataset

from sknoisy._checks import check_dims, check_values, plain, refuse_missing_labels
from sknoisy._labels import SoftLabels, as_soft
from sknoisy.data import LabelledRows, as_rows
from sknoisy.training import DATASETS

if TYPE_CHECKING:
    from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["check_rows", "check_samples"]


def check_samples(
    clf: NoisyLabelClassifier, X: Any, y: Any, reset: bool
) -> tuple[Any, np.ndarray | SoftLabels]:
    """Check the samples of a fit; the first one tells the estimator its features."""
    soft = as_soft(y)
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
