"""Estimate of a transition matrix from X and y, including the predictions that it needs."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv
from sklearn.utils.validation import _num_samples

from sknoisy._predictions import OutOfSample
from sknoisy._validation.constraints import check_options, checked, did_you_mean
from sknoisy._validation.frames import on_host
from sknoisy._validation.groups import check_groups
from sknoisy._validation.params import parameters_of
from sknoisy._validation.shapes import check_same_length
from sknoisy._validation.soft_labels import refuse_soft_labels
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.search._proxy import proba_out_of_fold
from sknoisy.transition._checks import check_ranges
from sknoisy.transition._from_neighbors import hoc
from sknoisy.transition._from_predictions import (
    anchor_points,
    confident_joint,
    dual_t,
    gold,
    most_confident,
)

__all__ = ["ESTIMATORS", "estimate_transition"]

_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "most_confident": most_confident,
    "anchor_points": anchor_points,
    "confident_joint": confident_joint,
    "dual_t": dual_t,
    "gold": gold,
    "hoc": hoc,
}

# The names that :func:`estimate_transition` accepts as ``method``.
ESTIMATORS = tuple(_FUNCTIONS)


@checked(random_state=["random_state"], cv=["cv_object"])
def estimate_transition(
    X: Any,
    y: Any,
    estimator: BaseEstimator | None = None,
    *,
    method: str = "most_confident",
    cv: Any = 5,
    groups: Any = None,
    trusted: Any = None,
    random_state: int | np.random.RandomState | None = None,
    **params: Any,
) -> np.ndarray:
    """Estimate the transition matrix of the given labels.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
        The samples. With "hoc", neighbours are searched in X, whose columns must have the same
        scale.
    y : array-like of shape (n_samples,)
        The given labels.
    estimator : classifier or None, default=None
        Its out-of-fold predictions are used. None: the out-of-bag predictions of one fit of a
        :class:`~sknoisy.NoisyLabelClassifier` with default settings. All folds of such a
        classifier, alone or at the end of a pipeline, are trained together if its method is only a
        loss. "hoc" ignores it.
    method : str, default="most_confident"
        A name in :data:`sknoisy.transition.ESTIMATORS`, each a function of this module.
    cv : int, cross-validation generator or iterable, default=5
        Folds for the predictions of ``estimator``; ignored if it is None, and with "hoc".
    groups : array-like of shape (n_samples,), default=None
        Groups of samples that depend on each other, such as the images of a patient or copies. They
        are passed to ``cv``, such as :class:`~sklearn.model_selection.GroupKFold`, which keeps a
        group in one fold, and to ``fit`` of a :class:`~sknoisy.NoisyLabelClassifier`.
    trusted : array-like of bool of shape (n_samples,), default=None
        Only for "gold": mask of the samples whose labels are known to be clean.
    random_state : int, RandomState instance or None, default=None
        Random state of the classifier used if ``estimator`` is None.
    **params
        Parameters of the function named by ``method``, such as ``max_iter`` of :func:`hoc`.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true label i.

    Raises
    ------
    ValueError, TypeError
        If ``method`` is unknown or does not accept ``params``, "gold" is used without trusted
        samples, or ``groups`` are passed with "hoc".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.noise import corrupt_labels
    >>> from sknoisy.transition import estimate_transition
    >>> X, y = load_iris(return_X_y=True)
    >>> y = corrupt_labels(y, 0.4, kind="pair", exact=True, random_state=0)
    >>> estimate_transition(X, y, KNeighborsClassifier(15)).shape
    (3, 3)
    """
    _check_method(method, trusted, params)
    refuse_soft_labels(y, "y")
    if groups is not None and method == "hoc":
        raise ValueError(
            "The 'groups' parameter of estimate_transition must be None with method='hoc', which "
            f"trains no model. Got {reprlib.repr(groups)} instead."
        )
    if method == "hoc":
        return hoc(X, y, **params)
    if method == "gold":
        params["trusted"] = trusted
    predictions = _out_of_sample(X, y, estimator, cv, groups, random_state)
    return _FUNCTIONS[method](predictions, y, **params)


def _check_method(method: str, trusted: Any, params: dict[str, Any]) -> None:
    """Check everything that can be checked before a model is trained."""
    check_options("estimate_transition", "method", method, ESTIMATORS)
    if (method == "gold") == (trusted is None):
        raise ValueError(
            "The 'trusted' parameter of estimate_transition is required with method='gold' and "
            f"must be None otherwise. Got method={method!r} and "
            f"trusted={'None' if trusted is None else '...'} instead."
        )
    # Positional parameters of the function cannot be set by the user.
    signature = parameters_of(_FUNCTIONS[method]).values()
    known = {p.name for p in signature if p.kind is p.KEYWORD_ONLY}
    unknown = set(params) - known
    if unknown:
        raise TypeError(
            f"estimate_transition with method={method!r} takes no parameter {min(unknown)!r}."
            f"{did_you_mean(min(unknown), known)}"
        )
    check_ranges(method, params)


def _out_of_sample(
    X: Any, y: Any, estimator: Any, cv: Any, groups: Any, random_state: Any
) -> NoisyLabelClassifier | OutOfSample:
    """Fit a classifier with out-of-bag predictions, or predict each sample out-of-fold."""
    if estimator is None:
        return NoisyLabelClassifier(random_state=random_state).fit(X, y, groups=groups)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            "The 'estimator' parameter of estimate_transition must be a classifier with "
            f"predict_proba, or None. Got {estimator!r} instead."
        )
    # Tensors would be mixed with the arrays of predictions.
    X, y = on_host(X), on_host(y)
    check_same_length(X=X, y=y)
    if groups is not None:
        check_groups(groups, _num_samples(y))
        cv = list(check_cv(cv, y, classifier=True).split(X, y, groups))
    return OutOfSample(proba_out_of_fold(estimator, X, y, cv, groups))
