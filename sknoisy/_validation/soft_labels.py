"""Soft labels: their containers, and their refusal where a function compares labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array

from sknoisy._validation.matrices import check_distributions
from sknoisy._validation.missing_labels import is_missing, refuse_missing_rows

__all__ = ["SoftLabels", "as_soft_labels", "refuse_soft_labels"]

# Labels rounded to two decimals, or of half precision, are accepted.
_TOLERANCE = 0.02


class SoftLabels(NamedTuple):
    """Soft labels: a distribution over the classes for each sample.

    Attributes
    ----------
    probs : ndarray of shape (n_samples, n_classes)
        Probability of each class, the columns in the order of the sorted classes.
    names : ndarray of shape (n_classes,) or None
        Sorted names of the columns; None: the columns have no names.
    """

    probs: np.ndarray
    names: np.ndarray | None


def as_soft_labels(y: Any) -> SoftLabels | None:
    """Read a numeric array of two or more columns as soft labels; return None for any other y.

    Raises
    ------
    ValueError
        If a row has a negative entry or does not sum to one, or the names of the columns are not
        distinct or not of one type.
    """
    columns = getattr(y, "columns", None)
    y = _stacked(np.asarray(y) if isinstance(y, list | tuple) else y)
    shape: Any = getattr(y, "shape", ())
    if len(shape) != 2 or shape[1] < 2:
        return None
    probs = _numbers_of(y)
    if probs is None:
        return None
    refuse_missing_rows(np.isnan(probs), "y")
    probs = check_array(probs, dtype=np.float64, input_name="y")
    probs = check_distributions(
        probs,
        f"y of shape {probs.shape} must be soft labels, whose rows are at least 0 and sum to 1; "
        "sknoisy.crowds.soft_labels makes them from votes and counts.",
        _TOLERANCE,
    )
    if columns is None:
        return SoftLabels(probs, None)
    kinds = {isinstance(name, str) for name in columns}
    if len(set(columns)) < len(columns) or len(kinds) > 1:
        raise ValueError(
            "The columns of soft labels must be different classes of one type. Got "
            f"{list(columns)}."
        )
    order = np.argsort(columns)
    return SoftLabels(probs[:, order], np.asarray(columns)[order])


def _stacked(y: Any) -> Any:
    """Stack a column whose entries are distributions; return any other y unchanged."""
    if len(getattr(y, "shape", ())) != 1 or not len(y):
        return y
    first = y.iloc[0] if hasattr(y, "iloc") else y[0]
    if np.ndim(first) != 1 or len(first) < 2:
        return y
    column = list(np.asarray(y))
    return np.stack(column) if len({*map(np.shape, column)}) == 1 else y


def _numbers_of(y: Any) -> np.ndarray | None:
    """Turn an array or frame of numbers or booleans into an array; None: it holds other types.

    Columns of nullable and Arrow types become arrays of objects, which are numbers all the same.
    """
    array = np.asarray(y)
    if array.dtype.kind == "O" and array.ndim == 2:
        is_number = [not isinstance(entry, str) for entry in array[:1].flat]
        try:
            missing = is_missing(array)
            return np.where(missing, np.nan, array).astype(np.float64) if all(is_number) else None
        except (TypeError, ValueError):
            return None
    return array.astype(np.float64) if array.dtype.kind in "bfiu" else None


def refuse_soft_labels(labels: Any, name: str) -> None:
    """Refuse an array of several columns where one label for each sample is needed."""
    shape: Any = (
        np.shape(labels) if isinstance(labels, list | tuple) else getattr(labels, "shape", ())
    )
    if len(shape) != 2 or shape[1] < 2:
        return
    if hasattr(labels, "idxmax"):
        instead = f"{name}.idxmax(axis=1)"
    elif hasattr(labels, "columns"):
        instead = f"np.array({name}.columns)[{name}.to_numpy().argmax(axis=1)]"
    else:
        instead = f"{name}.argmax(axis=1), or classes[{name}.argmax(axis=1)] if they have names"
    raise ValueError(
        f"{name} must hold one label for each sample. Got shape {tuple(shape)}; if these are soft "
        f"labels, pass the most likely class: {instead}."
    )
