"""Checks of transition matrices and of rows that are distributions."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from sknoisy._validation.frames import refuse_frame_in_another_order

__all__ = ["distributions", "numbers_in", "transition_matrix"]


def numbers_in(parameter: str, values: Any) -> np.ndarray:
    """Numbers, as many in each row, of the parameter that an error names."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The '{parameter}' parameter must be an array of numbers, as many in each row. Got "
            f"{reprlib.repr(values)} instead."
        ) from error


def distributions(rows: np.ndarray, complaint: str) -> np.ndarray:
    """Rows that sum to one, to the last digit; the complaint opens the error about another."""
    total = rows.sum(axis=1)
    wrong = np.flatnonzero(~((rows >= 0).all(axis=1) & (abs(total - 1) <= 1e-3)))
    if len(wrong):
        row = int(wrong[0])
        raise ValueError(
            f"{complaint} Got row {row} with minimum {rows[row].min():g} and sum {total[row]:g} "
            "instead."
        )
    return rows / total[:, None]


def transition_matrix(
    matrix: Any, n_classes: int, instead: str = "", classes: np.ndarray | None = None
) -> np.ndarray:
    """Check how often each label is given where each is true: a row for each true one.

    Rows and columns of a data frame are checked to be in the order of the classes, if these are
    given and name them.
    """
    if classes is not None:
        refuse_frame_in_another_order("transition_matrix", matrix, classes)
    given = numbers_in("transition_matrix", matrix)
    named = "The 'transition_matrix' parameter must"
    if given.shape != (n_classes, n_classes):
        raise ValueError(
            f"{named} be {instead}an array of shape {(n_classes, n_classes)}, with a row and a "
            f"column for each class. Got one of shape {given.shape} instead."
        )
    return distributions(
        given,
        f"{named} have rows that are at least 0 and sum to 1: the probabilities of the given "
        "labels where the label of the row is true.",
    )
