"""Arrays of the labels of any container, without missing ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._validation.frames import on_host

__all__ = ["as_array_of_labels", "is_missing", "refuse_missing_rows"]


def as_array_of_labels(labels: Any, name: str = "y") -> Any:
    """Turn labels into an array, and refuse missing ones.

    Parameters
    ----------
    labels : array-like
        Of any library; labels that are no array-like are returned unchanged, for the checks of
        scikit-learn.
    name : str, default="y"
        Name of the labels in error messages.

    Returns
    -------
    ndarray
        Nullable integers and booleans have the types of NumPy.

    Raises
    ------
    ValueError
        If a label is None, NaN, pandas.NA, null or masked.
    """
    array = _as_array(on_host(labels))
    if array.ndim == 0:
        return labels
    missing = _is_missing_in_container(labels)
    missing = is_missing(array) if missing is None else missing
    if missing.any():
        first = array[np.argmax(missing)] if array.ndim == 1 else np.nan
        kind = "NaT" if array.dtype.kind in "mM" else "NaN"
        refuse_missing_rows(missing, name, "None" if first is None else kind)
    dtype = getattr(labels, "dtype", array.dtype)
    if array.dtype.kind == "O" and getattr(dtype, "kind", "O") in "biuf":
        # Older versions of pandas turn nullable numbers into objects.
        return np.array(array.tolist())
    return array


def refuse_missing_rows(missing: np.ndarray, name: str, kind: str = "NaN") -> None:
    """Refuse labels with missing entries, with their number and the first row.

    Parameters
    ----------
    missing : ndarray of bool of shape (n_samples,) or (n_samples, n_classes)
    name : str
        Name of the labels in the error message.
    kind : str, default="NaN"
        What stands for a missing label.
    """
    rows = np.flatnonzero(missing if missing.ndim == 1 else missing.any(axis=1))
    if len(rows):
        raise ValueError(
            f"Input {name} contains {kind}: {len(rows)} of {len(missing)} entries "
            f"{'is' if len(rows) == 1 else 'are'} missing, the first in row {rows[0]}. Fill them "
            "in, or leave these samples out."
        )


def _is_missing_in_container(labels: Any) -> np.ndarray | None:
    """Return the mask of missing labels of a pandas or masked array; None: others, without one."""
    if np.ma.isMaskedArray(labels):
        return np.ma.getmaskarray(labels)
    is_missing = getattr(labels, "isna", None)
    return None if is_missing is None else np.asarray(is_missing())


def _as_array(labels: Any) -> np.ndarray:
    """Turn labels into an array of their own types."""
    array = np.asarray(labels)
    if array.dtype.kind in "US" and isinstance(labels, (list, tuple)):
        # NumPy turns None, NaN and numbers beside strings into strings.
        objects = np.asarray(labels, dtype=object)
        return array if all(isinstance(label, str) for label in objects.flat) else objects
    return array


def is_missing(labels: np.ndarray) -> np.ndarray:
    """Return the mask of the missing entries of an array of any dtype."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind in "mM":
        return np.isnat(labels)
    if labels.dtype.kind == "O":
        try:
            return np.asarray((labels != labels) | (labels == np.array(None)), dtype=bool)
        except (TypeError, ValueError):  # pandas.NA, or entries that are arrays
            pass
        return np.array([_is_missing_label(label) for label in labels.flat]).reshape(labels.shape)
    return np.zeros(labels.shape, dtype=bool)


def _is_missing_label(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # The truth value of pandas.NA is ambiguous.
        return True
    except ValueError:  # Nor has an array one, which is no label.
        return False
