"""Shapes of arrays, with errors that name the parameter: scikit-learn calls every column y."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

__all__ = ["as_column", "check_same_length", "check_table"]


def as_column(values: Any, name: str, what: str = "one label for each sample") -> np.ndarray:
    """Turn an array of shape (n,) or (n, 1) into one of shape (n,).

    Parameters
    ----------
    values : array-like
    name : str
        Name of the values in error messages.
    what : str, default="one label for each sample"
        What the values are, for error messages.

    Raises
    ------
    ValueError, TypeError
        If the values have another shape, or none.
    """
    array = np.asarray(values)
    if not array.ndim:
        raise TypeError(
            f"{name} must be an array-like with {what}. Got {reprlib.repr(values)} instead."
        )
    if array.ndim > 1 and array.shape[1:] != (1,):
        raise ValueError(
            f"{name} must be an array-like with {what}. Got one of shape {array.shape} instead."
        )
    return array.reshape(-1)


def check_table(values: Any, name: str, columns: str) -> None:
    """Check that values have two dimensions.

    Parameters
    ----------
    values : array-like or sparse matrix
    name : str
        Name of the values in error messages.
    columns : str
        What the columns are, such as ``"n_classes"``.

    Raises
    ------
    ValueError, TypeError
        If the values have another number of dimensions, or none.
    """
    try:
        shape = np.shape(values)
    except ValueError:  # Rows of unequal lengths, which scikit-learn explains.
        return
    if not shape:
        raise TypeError(
            f"{name} must be an array-like of shape (n_samples, {columns}). Got "
            f"{reprlib.repr(values)} instead."
        )
    if len(shape) != 2:
        raise ValueError(
            f"{name} must have shape (n_samples, {columns}). Got shape {shape} instead."
        )


def check_same_length(*, optional: Collection[str] = (), **given: Any) -> None:
    """Check that arrays have the same number of samples.

    Parameters
    ----------
    optional : collection of str, default=()
        Names of arrays that may be None.
    **given : array-like or None
        Arrays by the names that error messages use.

    Raises
    ------
    ValueError, TypeError
        If an array has no length, or lengths differ.
    """
    lengths = {}
    for name, values in given.items():
        if values is None and name in optional:
            continue
        try:
            lengths[name] = _num_samples(values)
        except TypeError as error:
            raise TypeError(
                f"{name} must be an array-like with a row for each sample. Got "
                f"{reprlib.repr(values)} instead."
            ) from error
    if len({*lengths.values()}) > 1:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"{[*lengths.values()]} in {', '.join(lengths)}."
        )
