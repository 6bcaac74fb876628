"""What X, y, weights and callbacks may be, beyond what scikit-learn checks by itself."""

from __future__ import annotations

import reprlib
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import column_or_1d

__all__ = [
    "check_dims",
    "check_logits",
    "check_values",
    "class_weights",
    "distributions",
    "encode",
    "names_of_rows",
    "numbers_in",
    "plain",
    "refuse_another_order",
    "refuse_frame_in_another_order",
    "refuse_missing_labels",
    "restored_on_error",
    "smoothing_rate",
    "transition_matrix",
]

_TABLE, _IMAGES = 2, 4


@contextmanager
def restored_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Leave an estimator as it was before if anything goes wrong."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


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


def names_of_rows(X: Any) -> Any:
    """The index of a data frame or Series of pandas; None where rows have no names."""
    return X.index if hasattr(X, "iloc") else None


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


def refuse_missing_labels(y: Any, name: str = "y") -> None:
    """Name pandas' missing labels, which scikit-learn trips over."""
    missing = getattr(y, "isna", None)
    if missing is not None and np.any(missing()):
        raise ValueError(f"Input {name} contains NaN.")


def encode(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Labels as positions in the sorted classes."""
    codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
    unknown = classes[codes] != y
    if unknown.any():
        raise ValueError(
            "classes should include all valid labels that can be in y; got "
            f"{np.unique(y[unknown]).tolist()} beside {classes.tolist()}."
        )
    return codes.astype(np.int64)


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


def refuse_another_order(what: str, names: Any, classes: np.ndarray) -> None:
    """Refuse names that are the classes, but not in their order; other names say nothing."""
    names, known = [] if names is None else list(names), classes.tolist()
    if names != known and len(names) == len(known) and set(names) == set(known):
        raise ValueError(f"The {what} must be the classes in their order, {known}. Got {names}.")


def refuse_frame_in_another_order(parameter: str, matrix: Any, classes: np.ndarray) -> None:
    """Refuse a data frame of which columns or rows are the classes, but not in their order."""
    if hasattr(matrix, "columns"):
        refuse_another_order(f"columns of '{parameter}'", matrix.columns, classes)
        refuse_another_order(f"rows of '{parameter}'", names_of_rows(matrix), classes)


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


def smoothing_rate(smoothing: Any, n_classes: int) -> str | float | tuple[float, ...]:
    """Rate of smoothing, one for each class, or "auto"."""
    if isinstance(smoothing, str):
        return smoothing
    if np.ndim(smoothing) == 0:
        return float(smoothing)
    rates = column_or_1d(smoothing, dtype=np.float64, input_name="smoothing")
    if len(rates) != n_classes or not (rates <= 1).all() or np.isinf(rates).any():
        raise ValueError(
            f"The 'smoothing' parameter must be a float or an array of {n_classes} rates, one for "
            f"each class, in the range (-inf, 1]. Got {rates.tolist()} instead."
        )
    return tuple(rates.tolist())


def class_weights(class_weight: Any, classes: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Weight of each class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    classes : ndarray of shape (n_classes,)
    totals : ndarray of shape (n_classes,)
        Sum of the sample weights of each class, in inverse proportion to which "balanced" is.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    if class_weight is None:
        return np.ones(len(classes))
    if class_weight == "balanced":
        return totals.sum() / (len(classes) * np.where(totals > 0, totals, 1))
    bad = {k: v for k, v in class_weight.items() if not (np.isfinite(v) and v >= 0)}
    if bad:
        raise ValueError(
            f"The 'class_weight' parameter must have finite weights of at least 0. Got {bad!r}."
        )
    return compute_class_weight(class_weight, classes=classes, y=classes)


def check_logits(logits: Any, shape: tuple[int, ...], dtype: torch.dtype, name: str) -> None:
    """Check what a network made of the first rows of X, and say what is wrong with it.

    Parameters
    ----------
    logits : object
        What the network returned, with a graph.
    shape : tuple of int
        The shape it should have.
    dtype : torch.dtype
        The type it should have.
    name : str
        Of the network's class.
    """
    returned = f"The 'module' parameter: {name} returned"
    if not isinstance(logits, torch.Tensor):
        raise TypeError(
            f"{returned} {type(logits).__name__}, but one tensor of logits of shape {shape} was "
            "expected."
        )
    if tuple(logits.shape) != shape:
        raise ValueError(
            f"{returned} shape {tuple(logits.shape)} but y has {shape[-1]} classes: expected "
            f"{shape}."
        )
    if not logits.is_floating_point():
        raise TypeError(f"{returned} {logits.dtype}, but logits of {dtype} were expected.")
    if not logits.requires_grad:
        raise ValueError(f"{returned} logits without a gradient.")
    logits = logits.detach()
    if not torch.isfinite(logits).all():
        raise ValueError(f"{returned} NaN or infinity on the first rows of X.")
    total = logits.double().sum(-1)
    if (logits >= 0).all() and torch.allclose(total, torch.ones_like(total)):
        warnings.warn(
            f"The 'module' parameter: {name} seems to return probabilities; return logits, without "
            "a softmax.",
            UserWarning,
            stacklevel=2,
        )
