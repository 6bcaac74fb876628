"""Check of the samples and labels that noise depends on."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
from sklearn.utils import check_array

from sknoisy._validation.frames import on_host
from sknoisy._validation.shapes import as_column, check_same_length
from sknoisy._validation.soft_labels import refuse_soft_labels

__all__ = ["check_samples"]


def check_samples(
    X: Any, codes: Any, n_classes: int, function: str
) -> tuple[np.ndarray, np.ndarray]:
    """Check samples and their encoded true labels.

    Returns
    -------
    X : ndarray of shape (n_samples, ...), float64
    codes : ndarray of shape (n_samples,), int
    """
    refuse_soft_labels(codes, "codes")
    X, codes = on_host(X), as_column(on_host(codes), "codes")
    check_same_length(X=X, codes=codes)
    X = check_array(X, dtype=np.float64, allow_nd=True, input_name="X")
    is_encoded = codes.dtype.kind in "iu"
    if not is_encoded or codes.min() < 0 or codes.max() >= n_classes:
        got = f"{codes.min()} to {codes.max()}" if is_encoded else reprlib.repr(codes.tolist())
        raise ValueError(
            f"The 'codes' parameter of {function} must hold encoded labels from 0 to "
            f"{n_classes - 1}. Got {got} instead."
        )
    return X, codes
