"""Labels as given, hard or soft, and as the training sees them."""

from __future__ import annotations

import reprlib
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array, compute_class_weight
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sknoisy._validation.frames import refuse_another_order
from sknoisy._validation.matrices import distributions

__all__ = [
    "Labels",
    "SoftLabels",
    "as_soft_labels",
    "check_labels",
    "check_trusted",
    "class_weights",
    "encode",
    "encode_together",
    "refuse_missing_labels",
    "sorted_classes",
    "check_labels_and_proba",
]


class SoftLabels(NamedTuple):
    """A distribution over the classes for each sample.

    Attributes
    ----------
    shares : ndarray of shape (n_samples, n_classes)
    names : ndarray of shape (n_classes,) or None
        Of the columns, where they have some, sorted.
    """

    shares: np.ndarray
    names: np.ndarray | None


def as_soft_labels(y: Any) -> SoftLabels | None:
    """Read numbers in two or more columns as soft labels; None if y is something else.

    Raises
    ------
    ValueError
        If a row holds a negative number or does not sum to one.
    """
    columns = getattr(y, "columns", None)
    shares = y if hasattr(y, "ndim") else np.asarray(y) if isinstance(y, list) else None
    if shares is None or shares.ndim != 2 or shares.shape[1] < 2:
        return None
    shares = np.asarray(shares)
    if shares.dtype.kind not in "fiu":
        return None
    shares = check_array(shares, dtype=np.float64, input_name="y")
    shares = distributions(
        shares,
        f"y of shape {shares.shape} must hold soft labels, whose rows are at least 0 and sum to 1.",
    )
    if columns is None:
        return SoftLabels(shares, None)
    kinds = {isinstance(name, str) for name in columns}
    if len(set(columns)) < len(columns) or len(kinds) > 1:
        raise ValueError(
            "The columns of soft labels must be different classes of one type. Got "
            f"{list(columns)}."
        )
    order = np.argsort(columns)
    return SoftLabels(shares[:, order], np.asarray(columns)[order])


class Labels(NamedTuple):
    """Labels in the order of the classes.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,), int64
        Position of each label among the classes; of soft labels, that of the likeliest.
    soft : ndarray of shape (n_samples, n_classes) or None
        Soft labels; None: the labels are the codes.
    """

    classes: np.ndarray
    codes: np.ndarray
    soft: np.ndarray | None

    @classmethod
    def of(cls, y: np.ndarray | SoftLabels, classes: np.ndarray | None = None) -> Labels:
        """Place validated labels among the classes, by default those that they hold."""
        if not isinstance(y, SoftLabels):
            classes = np.unique(y) if classes is None else classes
            return cls(classes, encode(y, classes), None)
        shares, names = y
        if classes is None:
            classes = np.arange(shares.shape[1]) if names is None else names
        elif len(classes) != shares.shape[1] or not (
            names is None or np.array_equal(names, classes)
        ):
            raise ValueError(
                f"The columns of y must be the classes {classes.tolist()}. Got "
                f"{shares.shape[1] if names is None else names.tolist()}."
            )
        return cls(classes, shares.argmax(axis=1), shares)

    def totals(self, weight: np.ndarray) -> np.ndarray:
        """Sum of the weights of each class."""
        if self.soft is not None:
            return weight @ self.soft
        return np.bincount(self.codes, weight, len(self.classes))

    def expected(self, per_class: np.ndarray) -> np.ndarray:
        """Value for each sample, given one for each class."""
        return per_class[self.codes] if self.soft is None else self.soft @ per_class


def refuse_missing_labels(y: Any, name: str = "y") -> None:
    """Name pandas' missing labels, which scikit-learn trips over."""
    missing = getattr(y, "isna", None)
    if missing is not None and np.any(missing()):
        raise ValueError(f"Input {name} contains NaN.")


def check_labels(classes: Any = None, **given: Any) -> list[np.ndarray]:
    """Check that no label is missing, and that all are of one type, with the classes.

    Parameters
    ----------
    classes : array-like of shape (n_classes,), default=None
        All labels there may be.
    **given : array-like of shape (n_samples,)
        Labels by the names that errors call them.

    Returns
    -------
    list of ndarray of shape (n_samples,)
        The labels.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, labels in given.items():
        refuse_missing_labels(labels, name)
        arrays[name] = column_or_1d(labels, input_name=name)
        for value in _doubtful(arrays[name]):
            if value is None or _is_nan(value):
                raise ValueError(f"Input {name} contains {'None' if value is None else 'NaN'}.")
    held = dict(arrays)
    if classes is not None:
        held["classes"] = column_or_1d(classes, input_name="classes")
    if len(set().union(*map(_are_strings, held.values()))) > 1:
        got = [f"{reprlib.repr(labels.tolist())} in {name}" for name, labels in held.items()]
        raise ValueError(
            f"{' and '.join(held)} must all hold numbers or all strings. Got {', '.join(got)}."
        )
    return list(arrays.values())


def _doubtful(labels: np.ndarray) -> np.ndarray:
    """Those that may be missing: only of objects each has to be asked."""
    if labels.dtype.kind == "f":
        return labels[np.isnan(labels)][:1]
    return labels if labels.dtype.kind == "O" else labels[:0]


def _is_nan(value: Any) -> bool:
    try:
        return bool(value != value)
    except TypeError:  # That of pandas is neither true nor false.
        return True


def _are_strings(labels: np.ndarray) -> set[bool]:
    """Whether labels are strings: both where some are."""
    if labels.dtype.kind == "O":
        return {isinstance(label, str) for label in labels}
    return {labels.dtype.kind in "UT"} if len(labels) else set()


def sorted_classes(classes: Any) -> np.ndarray:
    """Check classes that are named beside a matrix or probabilities in their order."""
    known = column_or_1d(classes, input_name="classes")
    if not np.array_equal(known, np.unique(known)):
        raise ValueError(f"classes must be sorted and different. Got {known.tolist()}.")
    return known


def encode(
    labels: np.ndarray, classes: np.ndarray, name: str = "y", advice: str = ""
) -> np.ndarray:
    """Encode labels as positions in the sorted classes.

    Raises
    ------
    ValueError
        If a label is none of the classes. The message names the labels, and ends with the advice.
    """
    codes = np.searchsorted(classes, labels).clip(max=len(classes) - 1)
    unknown = classes[codes] != labels
    if unknown.any():
        raise ValueError(
            f"classes should include all valid labels that can be in {name}; got "
            f"{np.unique(labels[unknown]).tolist()} beside {classes.tolist()}.{advice}"
        )
    return codes.astype(np.int64)


def encode_together(classes: Any = None, **labels: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    """Check several arrays of labels and encode them by the same classes.

    Parameters
    ----------
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted; None: the labels in any of the arrays.
    **labels : array-like of shape (n_samples,)
        Labels by the names that error messages use; their lengths may differ.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    codes : list of ndarray of shape (n_samples,), int64
        The encoded labels of each array.

    Raises
    ------
    ValueError
        If an array is empty, labels are missing, some are strings and others numbers, or a label is
        none of the classes.
    """
    arrays = dict(zip(labels, check_labels(classes, **labels), strict=True))
    for name, array in arrays.items():
        if not len(array):
            raise ValueError(f"{name} must contain at least one label. Got an empty array.")
    held = np.unique(np.concatenate(list(arrays.values()))) if classes is None else classes
    known = sorted_classes(held)
    return known, [encode(array, known, name) for name, array in arrays.items()]


def check_labels_and_proba(
    y: Any, proba: Any, classes: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check labels and probabilities; by default the columns stand for the labels in y.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int64
    p : ndarray of shape (n_samples, n_classes)
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If they do not fit together, or columns are named by the classes in another order.
    """
    names = getattr(proba, "columns", None)
    (labels,) = check_labels(classes, y=y)
    p = check_array(proba, dtype=np.float64, input_name="proba")
    check_consistent_length(labels, p)
    known = sorted_classes(np.unique(labels) if classes is None else classes)
    if p.shape[1] != len(known):
        raise ValueError(
            f"proba has {p.shape[1]} columns, but there are {len(known)} classes: "
            f"{known.tolist()}. Pass 'classes' where y does not hold all."
        )
    refuse_another_order("columns of proba", names, known)
    p = distributions(p, "proba must have rows that are at least 0 and sum to 1.")
    return encode(labels, known), p, known


def check_trusted(trusted: Any, n_samples: int) -> np.ndarray | None:
    """Check the mask of trusted samples; None stays None.

    Raises
    ------
    ValueError
        If it is no mask of the samples, or marks none.
    """
    if trusted is None:
        return None
    mask = np.asarray(trusted)
    if mask.dtype != bool or mask.shape != (n_samples,):
        raise ValueError(
            f"trusted must be a boolean mask of shape ({n_samples},), one for each sample. Got an "
            f"array of {mask.dtype} of shape {mask.shape}."
        )
    if not mask.any():
        raise ValueError("trusted marks no sample; pass None where no label is known to be right.")
    return mask


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
