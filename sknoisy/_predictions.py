"""Out-of-sample predictions, from a fitted classifier or from given probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples, check_is_fitted

from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.given_labels import check_same_labels
from sknoisy._validation.labels import check_labels, check_labels_and_proba, encode
from sknoisy._validation.user_warnings import warn_user
from sknoisy.classifier import NoisyLabelClassifier

__all__ = [
    "OutOfBagMixin",
    "OutOfSample",
    "Predictions",
    "innermost_estimator",
    "out_of_sample_predictions",
    "refuse_swapped",
]

# Probabilities are suspected to be those of the training samples above both numbers: the fraction
# of labels that are the most likely class, and the mean probability of the label.
_SUSPECT_AGREEMENT, _SUSPECT_PROBABILITY = 0.995, 0.99


@dataclass(frozen=True)
class OutOfSample:
    """Probabilities that are known to be out-of-sample, so that nobody is warned about them.

    Attributes
    ----------
    proba : array-like of shape (n_samples, n_classes)
    """

    proba: Any


class OutOfBagMixin:
    """Mixin for classifiers that keep out-of-bag predictions of their training samples.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    label_quality_ : ndarray of shape (n_samples,)
    transition_matrix_ : ndarray of shape (n_classes, n_classes)
    """

    classes_: np.ndarray
    label_quality_: np.ndarray
    transition_matrix_: np.ndarray
    transition_matrix: Any

    # Encoded labels, and probabilities of the given labels by models that do not know them.
    _codes: np.ndarray
    _given: np.ndarray
    # The index of X, the mask that was passed to fit, and a count of equal samples.
    _names_of_rows: Any = None
    _trusted: np.ndarray | None = None
    _n_contradicting: int | None = None


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
        The transition matrix that was passed to the classifier; None if it was estimated.
    label_quality : ndarray of shape (n_predicted,) or None
        ``label_quality_`` of the classifier.
    trusted : ndarray of bool of shape (n_predicted,) or None
        The samples that were passed to ``fit`` as trusted.
    n_contradicting : int or None
        Number of samples with the features of another sample, but another label; None: unknown.
    """

    codes: np.ndarray
    p: np.ndarray
    classes: np.ndarray
    positions: np.ndarray
    row_names: Any
    transition_matrix: np.ndarray | None = None
    label_quality: np.ndarray | None = None
    trusted: np.ndarray | None = None
    n_contradicting: int | None = None


def out_of_sample_predictions(
    source: Any, y: Any, classes: Any = None, function: str = "find_label_issues"
) -> Predictions:
    """Get the out-of-sample predictions of a classifier, or check given probabilities.

    Parameters
    ----------
    source : NoisyLabelClassifier, Pipeline, search, OutOfSample or array-like
        A model that is or contains a fitted classifier, or probabilities.
    y : array-like of shape (n_samples,)
        The given labels.
    classes : array-like of shape (n_classes,), default=None
        The class of each column of probabilities, sorted; None: the labels in y.
    function : str, default="find_label_issues"
        Name of the calling function in error messages.

    Returns
    -------
    Predictions

    Raises
    ------
    ValueError, TypeError
        If a model has no out-of-sample predictions, labels are not those of the fit, arrays are in
        the wrong order, or labels and probabilities do not match.
    """
    # A column of a data frame may be named "fit" too.
    if isinstance(source, type) or callable(getattr(source, "fit", None)):
        return _from_model(source, y, classes, function)
    known = isinstance(source, OutOfSample)
    proba = source.proba if known else source
    order = "a fitted model or probabilities of shape (n_samples, n_classes) first, labels second"
    if proba is None or isinstance(proba, str | bytes | int | float):
        raise TypeError(f"{function} takes {order}. Got {proba!r} instead of the first.")
    refuse_swapped(function, order, proba, y)
    codes, p, classes = check_labels_and_proba(y, proba, classes)
    if not known:
        _warn_of_training_samples(codes, p, function)
    return Predictions(codes, p, classes, np.arange(len(p)), names_of_rows(y))


def innermost_estimator(model: Any) -> Any:
    """Return the last step of pipelines and the best estimator of searches, also nested ones.

    Raises
    ------
    ValueError
        If a search is not fitted or was made with ``refit=False``.
    """
    while True:
        if isinstance(model, Pipeline):
            model = model[-1]
        elif isinstance(model, BaseSearchCV) or hasattr(model, "best_estimator_"):
            if getattr(model, "refit", True) is False:
                raise ValueError(
                    f"{type(model).__name__} with refit=False has no fitted model. Fit it with "
                    "refit=True, or pass a fitted NoisyLabelClassifier."
                )
            check_is_fitted(model, "best_estimator_")
            model = model.best_estimator_
        else:
            return model


@default_torch_settings()
def _from_model(model: Any, y: Any, classes: Any, function: str) -> Predictions:
    clf, proba, matrix = _classifier_with_predictions(model, function)
    if classes is not None:
        raise ValueError(
            f"The 'classes' parameter of {function} must be None with a classifier, which has "
            f"'classes_'. Got {classes!r} instead."
        )
    n_samples = _num_samples(y)
    if len(clf._codes) != n_samples:
        raise ValueError(
            f"The classifier was fitted to {len(clf._codes)} samples. Got {n_samples} labels "
            "instead."
        )
    (labels,) = check_labels(clf.classes_, y=y)
    check_same_labels(encode(labels, clf.classes_), clf._codes, clf.classes_, function)
    positions = np.flatnonzero(~np.isnan(proba).any(axis=1))
    if len(proba) != n_samples or not len(positions):
        raise ValueError(
            f"The classifier passed to {function} has no out-of-sample predictions yet: it was "
            "only trained in warm-up. Continue with partial_fit, or lower the 'warmup' parameter."
        )
    codes, proba, classes = check_labels_and_proba(
        labels[positions], proba[positions], clf.classes_
    )
    row_names = names_of_rows(y)
    return Predictions(
        codes,
        proba,
        classes,
        positions,
        clf._names_of_rows if row_names is None else row_names,
        matrix,
        clf.label_quality_[positions],
        None if clf._trusted is None else clf._trusted[positions],
        clf._n_contradicting,
    )


def _classifier_with_predictions(
    model: Any, function: str
) -> tuple[NoisyLabelClassifier | OutOfBagMixin, np.ndarray, np.ndarray | None]:
    """Return the classifier that a model is or contains, and its out-of-bag predictions.

    The third value is the transition matrix that it was given, or None.
    """
    advice = (
        "has no out-of-sample predictions. Pass a fitted NoisyLabelClassifier with the default "
        "method or 'bagging', or an OpinionPoolClassifier, alone, at the end of a pipeline or in a "
        "search, or out-of-fold probabilities: "
        "cross_val_predict(clf, X, y, method='predict_proba')."
    )
    if isinstance(model, type):
        raise TypeError(f"{function} needs a fitted model. Got the class {model.__name__} instead.")
    clf = innermost_estimator(model)
    if isinstance(clf, OutOfBagMixin):
        check_is_fitted(clf)
        is_given = not (clf.transition_matrix is None or isinstance(clf.transition_matrix, str))
        return clf, clf._given.astype(np.float64), clf.transition_matrix_ if is_given else None
    if not isinstance(clf, NoisyLabelClassifier):
        name = repr(clf) if isinstance(clf, str) else type(clf).__name__
        raise TypeError(f"{name} {advice}")
    method = clf.method_
    if (predictions := method.oob_predictions) is None:
        raise ValueError(f"{type(method).__name__} {advice}")
    proba, matrix = (None if part is None else part.double().cpu().numpy() for part in predictions)
    assert proba is not None
    is_given = not isinstance(getattr(method, "transition_matrix", "auto"), str)
    return clf, proba, matrix if is_given else None


def refuse_swapped(function: str, order: str, proba: Any, y: Any) -> None:
    """Refuse labels where an array of two dimensions is expected.

    Parameters
    ----------
    function : str
    order : str
        What the function takes first and second, for the error message.
    proba, y : array-like
        The arguments that should be probabilities or features, and labels.
    """
    shape, other = np.shape(proba), np.shape(y)
    if len(shape) == 1 or (shape[1:] == (1,) and len(other) == 2 and other[1] > 1):
        raise ValueError(
            f"{function} takes {order}. Got labels of shape {other} and an array of shape {shape}: "
            "are they swapped?"
        )


def _warn_of_training_samples(codes: np.ndarray, p: np.ndarray, function: str) -> None:
    """Warn of probabilities that look like those of a model for its own training samples."""
    agreement = np.mean(p.argmax(axis=1) == codes)
    probability = p[np.arange(len(p)), codes].mean()
    if agreement >= _SUSPECT_AGREEMENT and probability > _SUSPECT_PROBABILITY:
        warn_user(
            f"The probabilities passed to {function} agree with {agreement:.1%} of the labels, "
            f"with a mean probability of {probability:.3f}. If the model was trained on these "
            "samples, it has seen their labels, and no label noise can be found. Pass out-of-fold "
            "probabilities: cross_val_predict(clf, X, y, method='predict_proba')."
        )
