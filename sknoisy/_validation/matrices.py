"""Checks of transition matrices and of probability distributions."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from sknoisy._validation.frames import refuse_frame_in_another_order

__all__ = ["as_float_array", "check_distributions", "check_transition_matrix"]


def as_float_array(parameter: str, values: Any) -> np.ndarray:
    """Convert the values of a parameter to an array of floats.

    Raises
    ------
    ValueError
        If the values are not numbers, or rows differ in length. The message names the parameter.
    """
    try:
        array = np.asarray(values)
        # NumPy would read numbers in strings and drop the imaginary part of complex numbers.
        refused = (str, bytes, bool, type(None))
        is_other = array.dtype.kind == "O" and any(isinstance(v, refused) for v in array.flat)
        if array.dtype.kind in "iufO" and not is_other:
            return array.astype(np.float64)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        f"The '{parameter}' parameter must be an array of numbers with rows of equal length. "
        f"Got {reprlib.repr(values)} instead."
    )


def check_distributions(rows: np.ndarray, requirement: str, tolerance: float = 1e-3) -> np.ndarray:
    """Check that rows are distributions, with sums of one within the tolerance; make these exact.

    Raises
    ------
    ValueError
        If a row is not a distribution. The message begins with ``requirement``.
    """
    total = rows.sum(axis=1)
    invalid = np.flatnonzero(~((rows >= 0).all(axis=1) & (abs(total - 1) <= tolerance)))
    if len(invalid):
        row = int(invalid[0])
        raise ValueError(
            f"{requirement} Got row {row} with minimum {rows[row].min():g} and sum {total[row]:g} "
            "instead."
        )
    return rows / total[:, None]


def check_transition_matrix(
    matrix: Any, n_classes: int, instead: str = "", classes: np.ndarray | None = None
) -> np.ndarray:
    """Check a transition matrix: a distribution over the given labels for each true label.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        A data frame is refused if its rows or columns are the classes in another order.
    n_classes : int
    instead : str, default=""
        Alternatives to an array that the error message offers, such as ``"None or "``.
    classes : ndarray of shape (n_classes,), default=None
        Names of the rows and columns of a data frame; None: names are not checked.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        The rows sum to exactly one.

    Raises
    ------
    ValueError
        If the shape is not (n_classes, n_classes), or a row is not a distribution.
    """
    if classes is not None:
        refuse_frame_in_another_order("transition_matrix", matrix, classes)
    array = as_float_array("transition_matrix", matrix)
    requirement = "The 'transition_matrix' parameter must"
    if array.shape != (n_classes, n_classes):
        raise ValueError(
            f"{requirement} be {instead}an array of shape {(n_classes, n_classes)}, with a row and "
            f"a column for each class. Got one of shape {array.shape} instead."
        )
    return check_distributions(
        array,
        f"{requirement} have rows that are at least 0 and sum to 1: the probabilities of the given "
        "labels for the true label of the row.",
    )
