"""Out-of-sample predictions, from a fitted classifier or from given probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.labels import check_labels_and_proba
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["Predictions", "out_of_sample_predictions"]


@dataclass(frozen=True)
class Predictions:
    """Out-of-sample predictions, with the labels and names of the samples.

    Attributes
    ----------
    codes : ndarray of shape (n_predicted,)
        Encoded labels of the samples that have predictions.
    p : ndarray of shape (n_predicted, n_classes)
        Probabilities of the given labels.
    classes : ndarray of shape (n_classes,)
    positions : ndarray of shape (n_predicted,)
        Positions of these samples in y.
    row_names : Index of length n_samples or None
        The index of y or X.
    transition_matrix : ndarray of shape (n_classes, n_classes) or None
        The transition matrix of the classifier.
    label_quality : ndarray of shape (n_predicted,) or None
        ``label_quality_`` of the classifier.
    trusted : ndarray of bool of shape (n_predicted,) or None
        The samples that were passed to ``fit`` as trusted.
    """

    codes: np.ndarray
    p: np.ndarray
    classes: np.ndarray
    positions: np.ndarray
    row_names: Any
    transition_matrix: np.ndarray | None = None
    label_quality: np.ndarray | None = None
    trusted: np.ndarray | None = None


def out_of_sample_predictions(source: Any, y: Any, classes: Any) -> Predictions:
    """Get the out-of-sample predictions of a classifier, or check given probabilities."""
    source = source[-1] if isinstance(source, Pipeline) else source
    if isinstance(source, BaseEstimator):
        return _from_classifier(source, y, classes)
    codes, p, classes = check_labels_and_proba(y, source, classes)
    return Predictions(codes, p, classes, np.arange(len(p)), names_of_rows(y))


def _from_classifier(clf: BaseEstimator, y: Any, classes: Any) -> Predictions:
    advice = (
        "has no out-of-sample predictions. Pass a fitted NoisyLabelClassifier with the default "
        "method, or out-of-fold probabilities: cross_val_predict(clf, X, y, "
        "method='predict_proba')."
    )
    if not isinstance(clf, NoisyLabelClassifier):
        raise TypeError(f"{type(clf).__name__} {advice}")
    if classes is not None:
        raise ValueError(
            "The 'classes' parameter of find_label_issues must be None with a classifier, which "
            f"has 'classes_'. Got {classes!r} instead."
        )
    oob_predictions = clf.method_.oob_predictions
    if oob_predictions is None:
        raise ValueError(f"{type(clf.method_).__name__} {advice}")
    p, matrix = oob_predictions
    proba = p.double().cpu().numpy()
    transition = None if matrix is None else matrix.double().cpu().numpy()
    if len(proba) != len(y):
        raise ValueError(
            f"The classifier was fitted to {len(proba)} samples. Got {len(y)} labels instead."
        )
    positions = np.flatnonzero(~np.isnan(proba).any(axis=1))
    codes, proba, classes = check_labels_and_proba(
        np.asarray(y)[positions], proba[positions], clf.classes_
    )
    row_names = names_of_rows(y)
    return Predictions(
        codes,
        proba,
        classes,
        positions,
        clf._names_of_rows if row_names is None else row_names,
        transition,
        clf.label_quality_[positions],
        None if clf._trusted is None else clf._trusted[positions],
    )
