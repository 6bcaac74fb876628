"""Check that a training is continued on the rows for which its method keeps state."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from sknoisy._training.training_set import TrainingSet
from sknoisy._validation.user_warnings import warn_user

__all__ = ["check_same_rows", "rows_digest"]

RowsDigest = tuple[str, str, str]


def rows_digest(training_set: TrainingSet) -> RowsDigest:
    """Return the type of the samples with digests of their values and labels.

    The values of a Dataset that is not in memory are unknown: the first two are empty then.
    """
    rows, labels = training_set.equal_rows, _digest(training_set.labels.codes)
    return ("", "", labels) if rows is None else (rows.kind, _digest(rows.hashes), labels)


def _digest(values: np.ndarray) -> str:
    return blake2b(values.tobytes(), digest_size=16).hexdigest()


def check_same_rows(net: Any, training_set: TrainingSet) -> None:
    """Check that a net whose method keeps state for each row is trained on the same rows.

    Labels of the same rows may change, such as after a review. The same rows of another type
    cannot be recognised.

    Raises
    ------
    ValueError
        If the number of rows differs, or both their values and their labels do.

    Warns
    -----
    UserWarning
        If either values or labels differ, so that the rows may be others.
    """
    if not net.criterion_.per_sample:
        return
    n_rows, name = len(training_set.weight), type(net.criterion_).__name__
    only = (
        f"The 'method' parameter: {name} keeps state for each training row, so training can only "
        f"continue on the same {net.n_rows_} rows."
    )
    if net.n_rows_ != n_rows:
        raise ValueError(f"{only} Got {n_rows} rows.")
    if net.rows_digest_ is None:
        return
    kind, values, labels = rows_digest(training_set)
    if labels == net.rows_digest_[2]:
        if values != net.rows_digest_[1] and kind == net.rows_digest_[0]:
            warn_user(f"{only} Got the labels of the first call, but other values of X.")
        return
    if kind != net.rows_digest_[0] or not kind:
        warn_user(f"{only} Got other labels than in the first call.")
    elif values != net.rows_digest_[1]:
        raise ValueError(
            f"{only} Got as many rows, but with other values of X and other labels; methods "
            "without state for each row can be trained on a stream, such as 'ce' and 'gce'."
        )
