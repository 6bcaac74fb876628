"""Training sets, made from the arguments of ``fit`` and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from sknoisy._data.columns import ColumnTransform
from sknoisy._data.dataset import LabelledRows
from sknoisy._data.equal_rows import EqualRows
from sknoisy._data.images import as_images, decoded
from sknoisy._data.rows import as_rows
from sknoisy._data.samples import (
    check_dataset_rows,
    check_table_or_images,
    is_dataset,
    labels_of_dataset,
)
from sknoisy._validation.frames import on_host
from sknoisy._validation.groups import check_groups, number_groups
from sknoisy._validation.labels import (
    Labels,
    check_labels,
    check_trusted,
    class_weights,
)
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.soft_labels import SoftLabels, as_soft_labels
from sknoisy._validation.user_warnings import warn_user_once
from sknoisy._validation.weights import as_numbers

__all__ = ["TrainingSet", "warn_about_copies"]

# With fewer different rows, equal rows are not copies of one sample, but samples that a few coarse
# columns cannot tell apart. Bags of them would have too few different rows to learn from.
_MIN_DISTINCT_ROWS = 64
# Tables in Datasets are copied up to this size, to look for columns that need a transform.
_MAX_COPIED_BYTES = 2**26
# Fraction of copies from which on the user is warned.
_MANY_COPIES = 0.1


@dataclass(frozen=True)
class TrainingSet:
    """Checked samples, labels and weights, not yet on the device.

    Attributes
    ----------
    X : ndarray, sparse matrix or Dataset
    labels : Labels
    weight : ndarray of shape (n_samples,)
        Sample weight times class weight; of soft labels, times how decided they are.
    trusted : ndarray of bool of shape (n_samples,) or None
        Mask of the samples whose labels are known to be clean.
    groups : ndarray of shape (n_samples,), int64, or None
        Number of the group of each sample; None: each sample is a group of its own.
    n_contradicting : int or None
        Number of samples with the features of another sample, but another label; None: unknown.
    copies : float
        Fraction of the samples that are copies of others and share a group because of that; 0 if
        the user passed groups.
    equal_rows : EqualRows or None
        Which samples have equal features; None: unknown.
    """

    X: Any
    labels: Labels
    weight: np.ndarray
    trusted: np.ndarray | None
    groups: np.ndarray | None = None
    n_contradicting: int | None = None
    copies: float = 0.0
    equal_rows: EqualRows | None = None

    @classmethod
    def from_arrays(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        trusted: Any = None,
        groups: Any = None,
        *,
        classes: np.ndarray | None = None,
        row_shape: tuple[int, ...] | None = None,
        needs_two_classes: bool = True,
    ) -> TrainingSet:
        """Check the arguments of ``fit`` or ``partial_fit`` of an estimator.

        Parameters
        ----------
        estimator : BaseEstimator
            Number and names of its features are set, unless ``row_shape`` is given.
        X, y, sample_weight, trusted
            As in :meth:`sknoisy.NoisyLabelClassifier.fit`.
        classes : ndarray of shape (n_classes,), default=None
            All possible labels; None: the labels in y.
        row_shape : tuple of int or None, default=None
            Shape of a row in the earlier fit that is continued.
        needs_two_classes : bool, default=True
            Whether at least two classes must have a positive weight.
        """
        X, y = _check_X_y(estimator, X, y, row_shape)
        labels = Labels.of(y, classes)
        weight = _weights(labels, sample_weight, estimator.class_weight)
        if needs_two_classes and np.count_nonzero(labels.totals(weight)) < 2:
            raise ValueError(
                f"{type(estimator).__name__} needs samples of at least 2 classes in the data, but "
                "the data contains only one class with a positive weight."
            )
        trusted = check_trusted(on_host(trusted), len(weight))
        given = check_groups(groups, len(weight))
        equal_rows = EqualRows.of(X)
        if equal_rows is None:
            return cls(X, labels, weight, trusted, given)
        counted = weight > 0
        n_contradicting = equal_rows.n_contradicting(labels.codes, counted)
        n_distinct = equal_rows.n_distinct(counted)
        if groups is not None or n_distinct < _MIN_DISTINCT_ROWS:
            copies, numbers = 0.0, given
        else:
            copies = float(1 - n_distinct / np.count_nonzero(counted))
            numbers = number_groups(equal_rows.first)
        return cls(X, labels, weight, trusted, numbers, n_contradicting, copies, equal_rows)

    @property
    def y(self) -> np.ndarray:
        """The labels as passed by the user, hard or soft."""
        labels = self.labels
        return labels.classes[labels.codes] if labels.soft is None else labels.soft

    def fit_columns(self, users_module: bool) -> ColumnTransform | None:
        """Return what the columns of a table need before a cast; None: nothing."""
        host = torch.device("cpu"), torch.float64
        rows = as_rows(self.X, *host)
        if len(rows.row_shape) != 1:
            return None
        if is_dataset(self.X) and len(rows) * rows.row_bytes <= _MAX_COPIED_BYTES:
            # The items are read several times otherwise.
            rows = as_rows(rows.span(0, len(rows)).numpy(), *host)
        return ColumnTransform.fit(rows, self.weight, users_module)

    def on_device(
        self,
        device: torch.device,
        dtype: torch.dtype,
        train: np.ndarray,
        columns: ColumnTransform | None = None,
    ) -> LabelledRows:
        """Return the rows to train on, with labels and weights on the device.

        Parameters
        ----------
        device : torch.device
        dtype : torch.dtype
        train : ndarray of int
            Positions of the rows to train on; their weights average one.
        columns : ColumnTransform or None, default=None
        """
        labels, mask = self.labels, None
        if self.trusted is not None:
            mask = np.zeros_like(self.trusted)
            mask[train] = self.trusted[train]
            if not mask.any():
                raise ValueError("All trusted samples are held out or have a weight of zero.")
        weight = self.weight / self.weight[train].mean()
        _check_range(weight[self.weight > 0], dtype)
        soft = None if labels.soft is None else torch.from_numpy(labels.soft).to(dtype).to(device)
        return LabelledRows(
            as_rows(self.X, device, dtype, columns),
            torch.from_numpy(labels.codes).to(device),
            torch.from_numpy(weight).to(dtype).to(device),
            None if len(train) == len(weight) else torch.from_numpy(train),
            soft,
            None if mask is None else torch.from_numpy(mask).to(device),
            None if self.groups is None else torch.from_numpy(self.groups).to(device),
        )


def warn_about_copies(copies: float) -> None:
    """Warn if a tenth or more of the samples are copies of others."""
    if copies < _MANY_COPIES:
        return
    warn_user_once(
        f"{copies:.0%} of the samples are copies: their features equal those of another sample. "
        "Equal samples are trained on or held out together, but near copies, such as augmented "
        "samples or windows of one recording, are not found: pass groups to fit, with the same "
        "name for all samples of one origin, and cross-validate with GroupKFold. If equal samples "
        "are no copies, pass groups=np.arange(n_samples)."
    )


def _check_range(positive: np.ndarray, dtype: torch.dtype) -> None:
    """Check that positive weights neither overflow nor vanish in the network's precision."""
    limits = torch.finfo(dtype)
    if positive.min() < limits.tiny or positive.max() > limits.max:
        raise ValueError(
            f"Sample weights, times class weights, must not differ by more than {dtype} can hold. "
            f"Got {positive.min():g} to {positive.max():g} times their mean."
        )


def _check_X_y(
    estimator: BaseEstimator, X: Any, y: Any, row_shape: tuple[int, ...] | None
) -> tuple[Any, np.ndarray | SoftLabels]:
    y, X = on_host(y), decoded(estimator, X, row_shape)
    if is_dataset(X):
        X = as_images(estimator, X, row_shape, is_items=True)
        rows = as_rows(X, torch.device("cpu"), torch.float32)
        y = labels_of_dataset(estimator, X, y)
    soft = as_soft_labels(y)
    if is_dataset(X):
        check_consistent_length(X, y if soft is None else soft.probs)
        check_dataset_rows(estimator, rows, row_shape)
    elif soft is None:
        y = as_array_of_labels(y)
        reset = row_shape is None
        X, y = check_table_or_images(estimator, X, y, reset=reset, row_shape=row_shape)
    else:
        X = check_table_or_images(estimator, X, reset=row_shape is None, row_shape=row_shape)
        check_consistent_length(X, soft.probs)
    if soft is not None:
        return X, soft
    try:
        check_labels(y=y)
        check_classification_targets(y)
    except ValueError as error:
        if y.dtype.kind == "f" and y.size and y.min() >= 0 and y.max() <= 1:
            raise ValueError(
                f"{error} If y holds probabilities of the second of two classes, pass soft labels: "
                "np.column_stack([1 - y, y])."
            ) from error
        raise
    return X, y


def _weights(labels: Labels, sample_weight: Any, class_weight: Any) -> np.ndarray:
    weight = _check_sample_weight(
        as_numbers(sample_weight), labels.codes, dtype=np.float64, ensure_non_negative=True
    )
    decided = weight * labels.decidedness()
    if weight.any() and not decided.any():
        raise ValueError(
            "y must have a soft label that is not uniform, 1 / n_classes for each class, in a row "
            "with a positive weight: uniform labels are undecided and have no weight."
        )
    weight = decided
    with np.errstate(over="ignore"):
        totals = labels.totals(weight)
        weight = weight * labels.expected(class_weights(class_weight, labels.classes, totals))
        total = weight.sum()
    if not np.isfinite(total):
        raise ValueError(
            "The 'sample_weight' parameter, times class weights, must have a finite sum. Got "
            f"{weight.max():g} as the largest weight."
        )
    if not weight.any():
        raise ValueError(
            "Sample weights, times class weights, must contain at least one non-zero number."
        )
    return weight
