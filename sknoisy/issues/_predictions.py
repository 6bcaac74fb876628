"""Predictions for samples whose labels a model has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.labels import check_labels_and_proba
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["_said"]


def _said(source: Any, y: Any, classes: Any) -> tuple[Any, ...]:
    """Codes, probabilities, classes, transition matrix, places in y, and qualities and names.

    Of the last two and the matrix what is not known is None.
    """
    source, names = source[-1] if isinstance(source, Pipeline) else source, names_of_rows(y)
    if not isinstance(source, BaseEstimator):
        codes, p, classes = check_labels_and_proba(y, source, classes)
        return codes, p, classes, None, np.arange(len(p)), None, names
    advice = (
        "does not judge samples whose labels it has not seen. Pass a fitted NoisyLabelClassifier "
        "with the default method, or out-of-fold probabilities: cross_val_predict(clf, X, y, "
        "method='predict_proba')."
    )
    if not isinstance(source, NoisyLabelClassifier):
        raise TypeError(f"{type(source).__name__} {advice}")
    if classes is not None:
        raise ValueError(
            "The 'classes' parameter of find_label_issues is for probabilities: a classifier knows "
            f"its own. Got {classes!r} beside {type(source).__name__}."
        )
    said = source.method_.oob_predictions
    if said is None:
        raise ValueError(f"{type(source.method_).__name__} {advice}")
    proba = said[0].double().cpu().numpy()
    transition = None if said[1] is None else said[1].double().cpu().numpy()
    if len(proba) != len(y):
        raise ValueError(f"The classifier was fitted to {len(proba)} samples. Got {len(y)} labels.")
    judged = np.flatnonzero(~np.isnan(proba).any(axis=1))
    codes, p, classes = check_labels_and_proba(
        np.asarray(y)[judged], proba[judged], source.classes_
    )
    names = source._names_of_rows if names is None else names
    return codes, p, classes, transition, judged, source.label_quality_[judged], names
