"""Sample weights of any container."""

from __future__ import annotations

import reprlib
from math import isfinite
from numbers import Number, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from sknoisy._validation.frames import on_host
from sknoisy._validation.missing_labels import is_missing, refuse_missing_rows

__all__ = ["as_numbers", "checked_weights"]


def as_numbers(sample_weight: Any) -> Any:
    """Turn weights of any container and dtype, such as booleans, into an array of numbers.

    None and a single number are returned unchanged; a number is the weight of all samples.

    Raises
    ------
    ValueError
        If weights are missing or no real numbers, or a bool, NaN or infinity is given for all
        samples.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        # scikit-learn checks arrays of weights, but not a number.
        is_bool = isinstance(sample_weight, bool)
        if isinstance(sample_weight, Real) and not is_bool and isfinite(sample_weight):
            return sample_weight
        raise ValueError(_message(sample_weight))
    try:
        given = np.asarray(on_host(sample_weight))
    except ValueError as error:  # rows of unequal lengths
        raise ValueError(_message(sample_weight)) from error
    if not given.size:
        raise ValueError(_message(sample_weight))
    if given.ndim == 1:
        refuse_missing_rows(is_missing(given), "sample_weight")
    if given.dtype == object and any(isinstance(entry, (str, complex)) for entry in given.flat):
        raise ValueError(_message(sample_weight))
    try:
        return given.astype(np.float64, casting="unsafe" if given.dtype == object else "same_kind")
    except (TypeError, ValueError) as error:
        raise ValueError(_message(sample_weight)) from error


def checked_weights(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Check the weights of samples that are scored, one for each row of X; None: all are 1.

    Raises
    ------
    ValueError
        If the weights are not finite numbers of at least 0, or all are 0.
    """
    weight = _check_sample_weight(
        as_numbers(sample_weight), X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def _message(sample_weight: Any) -> str:
    return (
        "The 'sample_weight' parameter must be an array-like of numbers, one for each sample. Got "
        f"{reprlib.repr(sample_weight)} instead."
    )
