"""Labels: containers for hard and soft ones, checks, encoding and class weights."""

from __future__ import annotations

import reprlib
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array, compute_class_weight

from sknoisy._validation.frames import on_host, refuse_another_order
from sknoisy._validation.matrices import check_distributions
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.shapes import as_column, check_same_length, check_table
from sknoisy._validation.soft_labels import SoftLabels, refuse_soft_labels

__all__ = [
    "Labels",
    "check_labels",
    "check_labels_and_proba",
    "check_trusted",
    "class_weights",
    "encode",
    "encode_together",
    "sorted_classes",
]

# Difference from 1 / n_classes that float32 labels can have by rounding, relative to 1.
_ROUNDING = 1e-6


class Labels(NamedTuple):
    """Encoded labels with their classes.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        All classes, sorted.
    codes : ndarray of shape (n_samples,), int64
        Encoded labels: the position of each label in ``classes``. A soft label is encoded as its
        most likely class.
    soft : ndarray of shape (n_samples, n_classes) or None
        Soft labels; None: the labels are hard.
    """

    classes: np.ndarray
    codes: np.ndarray
    soft: np.ndarray | None

    @classmethod
    def of(cls, y: np.ndarray | SoftLabels, classes: np.ndarray | None = None) -> Labels:
        """Encode validated labels; by default the classes are those that occur in y."""
        if not isinstance(y, SoftLabels):
            classes = np.unique(y) if classes is None else classes
            return cls(classes, encode(y, classes), None)
        probs, names = y
        if classes is None:
            classes = np.arange(probs.shape[1]) if names is None else names
        elif len(classes) != probs.shape[1] or not (
            names is None or np.array_equal(names, classes)
        ):
            raise ValueError(
                f"The columns of y must be the classes {classes.tolist()}. Got "
                f"{probs.shape[1] if names is None else names.tolist()}."
            )
        return cls(classes, probs.argmax(axis=1), probs)

    def decidedness(self) -> np.ndarray | float:
        """Return how decided each label is: 0 for a uniform distribution, 1 for a single class.

        It is the square root of the total variation distance from the uniform distribution, divided
        by its largest value: samples with most of their votes for one class keep most of their
        weight, and only those near 1 / n_classes lose it.
        """
        if self.soft is None:
            return 1.0
        n_classes = len(self.classes)
        excess = (n_classes * self.soft.max(axis=1) - 1) / (n_classes - 1)
        # Rounding leaves no weight to uniform labels.
        return np.sqrt(np.where(excess > _ROUNDING, excess, 0))

    def totals(self, weight: np.ndarray) -> np.ndarray:
        """Return the sum of the sample weights of each class."""
        if self.soft is not None:
            return weight @ self.soft
        return np.bincount(self.codes, weight, len(self.classes))

    def expected(self, per_class: np.ndarray) -> np.ndarray:
        """Return the expected value for each sample under its label, from one value per class."""
        return per_class[self.codes] if self.soft is None else self.soft @ per_class


def check_labels(
    classes: Any = None, *, are_discrete: bool = True, **given: Any
) -> list[np.ndarray]:
    """Check that no label is missing, and that labels and classes are all strings or all numbers.

    Parameters
    ----------
    classes : array-like of shape (n_classes,), default=None
        All possible labels; None: not checked against the labels.
    are_discrete : bool, default=True
        Whether fractions are refused.
    **given : array-like of shape (n_samples,)
        Labels by the names that error messages use.

    Returns
    -------
    list of ndarray of shape (n_samples,)
        The labels of each array.

    Raises
    ------
    ValueError, TypeError
        If labels are soft or no array-like, a label is missing, or some are strings and others
        numbers.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, labels in given.items():
        refuse_soft_labels(labels, name)
        arrays[name] = as_column(as_array_of_labels(labels, name), name)
    compared = dict(arrays)
    if classes is not None:
        compared["classes"] = _as_column_of_classes(classes)
    if len(set().union(*map(_are_strings, compared.values()))) > 1:
        got = [f"{reprlib.repr(labels.tolist())} in {name}" for name, labels in compared.items()]
        raise ValueError(
            f"{' and '.join(compared)} must all hold numbers or all strings. Got {', '.join(got)}."
        )
    for name, labels in arrays.items() if are_discrete else ():
        _refuse_continuous(labels, name)
    return list(arrays.values())


def _refuse_continuous(labels: np.ndarray, name: str) -> None:
    """Refuse fractions, as the classifier does: they are no names of classes."""
    if labels.dtype.kind != "f":
        return
    fractions = labels[labels != np.floor(labels)]
    if len(fractions):
        raise ValueError(
            f"Unknown label type: continuous. {name} must hold discrete labels. Got "
            f"{reprlib.repr(fractions.tolist())} in it."
        )


def _are_strings(labels: np.ndarray) -> set[bool]:
    """Return whether labels are strings: {True}, {False}, or both if the types are mixed."""
    if labels.dtype.kind == "O":
        return {isinstance(label, str) for label in labels}
    return {labels.dtype.kind in "UT"} if len(labels) else set()


def _as_column_of_classes(classes: Any) -> np.ndarray:
    """Convert classes to an array."""
    if np.ndim(classes) == 0 or not len(classes):
        raise ValueError(
            "The 'classes' parameter must be an array-like of shape (n_classes,), with at least "
            f"one class. Got {classes!r:.80} instead."
        )
    return as_column(classes, "classes", "one label for each class")


def sorted_classes(classes: Any) -> np.ndarray:
    """Check that classes are sorted and distinct, as the columns of a matrix must be."""
    known = _as_column_of_classes(classes)
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
        If a label is not one of the classes. The message lists such labels and ends with
        ``advice``.
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
        not one of the classes.
    """
    arrays = dict(zip(labels, check_labels(classes, **labels), strict=True))
    for name, array in arrays.items():
        if not len(array):
            raise ValueError(f"{name} must contain at least one label. Got an empty array.")
    if classes is None:
        classes = np.unique(np.concatenate(list(arrays.values())))
    classes = sorted_classes(classes)
    return classes, [encode(array, classes, name) for name, array in arrays.items()]


def check_labels_and_proba(
    y: Any, proba: Any, classes: Any, name: str = "y"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check labels and probabilities, and encode the labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    proba : array-like of shape (n_samples, n_classes)
    classes : array-like of shape (n_classes,) or None
        The class of each column, sorted; None: the labels in y.
    name : str, default="y"
        Name of y in error messages.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int64
        The encoded labels.
    probs : ndarray of shape (n_samples, n_classes)
        The probabilities, scaled to sum to exactly one.
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If the shapes do not match, a row is not a distribution, a label is not one of the classes,
        or the columns of a data frame are the classes in another order.
    """
    proba = on_host(proba)
    names = getattr(proba, "columns", None)
    (labels,) = check_labels(classes, **{name: y})
    check_table(proba, "proba", "n_classes")
    probs = check_array(proba, dtype=np.float64, input_name="proba")
    check_same_length(**{name: labels}, proba=probs)
    classes = sorted_classes(np.unique(labels) if classes is None else classes)
    if probs.shape[1] != len(classes):
        raise ValueError(
            f"proba has {probs.shape[1]} columns, but there are {len(classes)} classes: "
            f"{classes.tolist()}. Pass 'classes' if {name} does not contain all of them."
        )
    refuse_another_order("columns of proba", names, classes)
    probs = check_distributions(probs, "proba must have rows that are at least 0 and sum to 1.")
    return encode(labels, classes, name), probs, classes


def check_trusted(trusted: Any, n_samples: int) -> np.ndarray | None:
    """Check the mask of trusted samples; return None for None.

    Raises
    ------
    ValueError
        If it is not a boolean mask with an entry for each sample, or marks no sample.
    """
    if trusted is None:
        return None
    mask = np.asarray(trusted)
    if mask.dtype != bool or mask.shape != (n_samples,):
        raise ValueError(
            f"trusted must be a boolean mask of shape ({n_samples},). Got an "
            f"array of {mask.dtype} of shape {mask.shape}."
        )
    if not mask.any():
        raise ValueError("trusted marks no sample. Pass None if no labels are known to be clean.")
    return mask


def class_weights(class_weight: Any, classes: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Compute the weight of each class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        As in scikit-learn; "balanced" gives weights inversely proportional to ``totals``.
    classes : ndarray of shape (n_classes,)
    totals : ndarray of shape (n_classes,)
        Sum of the sample weights of each class.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a weight is negative or not finite.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if class_weight == "balanced":
        return totals.sum() / (len(classes) * np.where(totals > 0, totals, 1))
    invalid = {k: v for k, v in class_weight.items() if not _is_weight(v)}
    if invalid:
        raise ValueError(
            f"The 'class_weight' parameter must have finite weights of at least 0. Got {invalid!r}."
        )
    return compute_class_weight(class_weight, classes=classes, y=classes)


def _is_weight(value: Any) -> bool:
    """Whether a value is a finite number of at least 0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and 0 <= float(value) < np.inf
