"""Transition matrices from data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv

from sknoisy._validation.params import parameters_of
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.search._proxy import proba_out_of_fold
from sknoisy.transition._checks import _in_range
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


# What ``method`` may be in :func:`estimate_transition`.
ESTIMATORS = tuple(_FUNCTIONS)


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
    """Estimate how often each label was given for each that is true.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
        The samples. With "hoc" the features in which neighbours are sought, in columns of one
        scale.
    y : array-like of shape (n_samples,)
        The given labels.
    estimator : classifier or None, default=None
        Whose predictions to read, out of fold. None: a
        :class:`~sknoisy.NoisyLabelClassifier` as it comes, out of bag, in one fit. Of such a
        classifier whose method is only a loss, as of a pipeline that ends in one, all folds are
        trained at once. "hoc" asks none.
    method : str, default="most_confident"
        A name of :data:`sknoisy.transition.ESTIMATORS`, each a function of this module.
    cv : int, cross-validation generator or iterable, default=5
        Folds for the predictions of ``estimator``; without one, and with "hoc", there are none.
    groups : array-like of shape (n_samples,), default=None
        For a ``cv`` such as :class:`~sklearn.model_selection.GroupKFold`: samples of one patient,
        say, of which a model has seen the labels of all or of none.
    trusted : array-like of bool of shape (n_samples,), default=None
        For "gold": marks the samples whose labels are right.
    random_state : int, RandomState instance or None, default=None
        Of the classifier that stands for ``None``.
    **params
        For the function of the method: ``max_iter`` of :func:`hoc`, say.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError, TypeError
        If ``method`` is unknown or does not take these ``params``, "gold" is without trusted
        samples, or there are ``groups`` without folds.

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
    if method not in ESTIMATORS:
        raise ValueError(
            f"The 'method' parameter must be a str among {sorted(ESTIMATORS)}. Got {method!r} "
            "instead."
        )
    if (method == "gold") == (trusted is None):
        raise ValueError(
            f"method='gold' needs trusted samples, and it alone takes them. Got method={method!r}, "
            f"trusted={'None' if trusted is None else '...'}."
        )
    estimate = _FUNCTIONS[method]
    # What comes before is found here.
    known = {name for name, p in parameters_of(estimate).items() if p.kind is p.KEYWORD_ONLY}
    unknown = sorted(set(params) - known)
    if unknown:
        raise TypeError(
            f"estimate_transition with method={method!r} takes no parameter {unknown[0]!r}."
        )
    _in_range(method, **params)
    if groups is not None and (method == "hoc" or estimator is None):
        raise ValueError(
            "The 'groups' parameter of estimate_transition is for the folds of an 'estimator'. Got "
            f"groups beside method={method!r} and estimator={estimator!r}, which have none."
        )
    if method == "hoc":
        return estimate(y, X, **params)
    if method == "gold":
        params["trusted"] = trusted
    return estimate(y, _unseen_proba(X, y, estimator, cv, groups, random_state), **params)


def _unseen_proba(
    X: Any, y: Any, estimator: Any, cv: Any, groups: Any, random_state: Any
) -> np.ndarray:
    """What a model says of samples whose labels it has not seen."""
    if estimator is not None:
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                "The 'estimator' parameter of estimate_transition must be a classifier with "
                f"predict_proba, or None. Got {estimator!r} instead."
            )
        if groups is not None:
            cv = list(check_cv(cv, y, classifier=True).split(X, y, groups))
        return proba_out_of_fold(estimator, X, y, cv)
    fitted = NoisyLabelClassifier(random_state=random_state).fit(X, y)
    proba, _ = fitted.method_.oob_predictions
    return proba.double().cpu().numpy()
