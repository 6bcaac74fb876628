"""Replacements of estimator, scorer and splitter in scikit-learn's grid search."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics._scorer import _BaseScorer
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRequest, get_routing_for_object
from sklearn.utils.validation import _num_samples

from sknoisy._training.sklearn_callbacks import CallbackSupportMixin
from sknoisy.search._candidates import Candidates, WholeSearch, groups_argument, last_step

__all__ = ["CandidateProxy", "RecordingSplitter", "proba_out_of_fold", "scorer_of_proxies"]


class CandidateProxy(CallbackSupportMixin, BaseEstimator):
    """Estimator whose ``fit`` gets a candidate that was trained together with others.

    Everything else is delegated to the estimator, and to the fitted one after ``fit``.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
    candidates : Candidates

    Attributes
    ----------
    fitted_ : estimator
        The fitted candidate.
    """

    # The search selects rows of each argument of fit, so ``row_`` gets the selected row numbers.
    __metadata_request__fit = {"row_": True}

    def __init__(self, estimator: Any, candidates: Candidates) -> None:
        self.estimator = estimator
        self.candidates = candidates
        self._params: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("estimator", "fitted_"):
            raise AttributeError(name)
        return getattr(vars(self).get("fitted_", self.estimator), name)

    def __sklearn_clone__(self) -> CandidateProxy:
        proxy = CandidateProxy(clone(self.estimator), self.candidates)
        proxy._params = self._params
        return proxy

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.estimator)

    def set_params(self, **params: Any) -> CandidateProxy:
        self.estimator.set_params(**params)
        self._params = params
        return self

    def fit(self, X: Any, y: Any = None, *, row_: Any, **params: Any) -> CandidateProxy:
        self.fitted_ = self.candidates.fit(self.estimator, self._params, X, y, row_, params)
        return self

    def get_metadata_routing(self) -> Any:
        routing = copy.deepcopy(self.estimator.get_metadata_routing())
        if isinstance(routing, MetadataRequest):
            routing.fit.add_request(param="row_", alias=True)
            return routing
        return routing.add_self_request(self)


class ProxyScorer:
    """A scorer that scores the fitted candidate behind a proxy.

    Parameters
    ----------
    scorer : callable
    """

    def __init__(self, scorer: Any) -> None:
        # GridSearchCV looks for sample_weight in the signature, which is that of __wrapped__.
        self.__wrapped__ = scorer

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __call__(self, estimator: Any, *args: Any, **kwargs: Any) -> Any:
        fitted = estimator.fitted_ if isinstance(estimator, CandidateProxy) else estimator
        return self.__wrapped__(fitted, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)


def scorer_of_proxies(scorer: Any) -> Any:
    """Return a scorer of the fitted candidates behind proxies.

    Those of ``make_scorer`` only predict, as a proxy does, and one prediction serves several.
    """
    return scorer if isinstance(scorer, _BaseScorer) else ProxyScorer(scorer)


class RecordingSplitter:
    """A splitter that records the training rows of all folds before it returns the first one.

    Parameters
    ----------
    cv : splitter
    labels : array-like of shape (n_samples,) or None, default=None
        What folds are stratified by instead of y.

    Attributes
    ----------
    train : list of ndarray
    """

    def __init__(self, cv: Any, labels: Any = None) -> None:
        self.cv, self.labels = cv, labels
        self.train: list[np.ndarray] = []

    def split(self, X: Any, y: Any = None, **params: Any) -> Iterator[tuple[Any, Any]]:
        pairs = list(self.cv.split(X, y if self.labels is None else self.labels, **params))
        self.train[:] = [train for train, _ in pairs]
        _check_positions(pairs, _num_samples(X))
        return iter(pairs)

    def get_n_splits(self, X: Any = None, y: Any = None, **params: Any) -> int:
        return self.cv.get_n_splits(X, y, **params)

    def get_metadata_routing(self) -> Any:
        return get_routing_for_object(self.cv)


def _check_positions(pairs: list[tuple[Any, Any]], n_samples: int) -> None:
    """Refuse positions that are none of X; NumPy's error would not say where they come from."""
    for part in itertools.chain.from_iterable(pairs):
        positions = np.asarray(part)
        if positions.dtype.kind in "iu" and positions.size:
            low, high = int(positions.min()), int(positions.max())
            if low < -n_samples or high >= n_samples:
                raise ValueError(
                    f"The 'cv' parameter must yield positions of the {n_samples} samples. Got "
                    f"{low} to {high}."
                )


def proba_out_of_fold(estimator: Any, X: Any, y: Any, cv: Any, groups: Any = None) -> np.ndarray:
    """Predict probabilities as ``cross_val_predict`` does, training folds together if possible.

    Parameters
    ----------
    estimator : classifier
    X, y
        As in ``fit``.
    cv : int, cross-validation generator or iterable
    groups : array-like of shape (n_samples,), default=None
        Groups for ``fit`` of a NoisyLabelClassifier.
    """
    predict = partial(cross_val_predict, X=X, y=y, method="predict_proba")
    given: dict[str, Any] = {}
    rows = np.arange(_num_samples(X))
    splitter = RecordingSplitter(check_cv(cv, y, classifier=True))
    # cross_val_predict encodes y in the same way.
    whole = WholeSearch(splitter.train, X, LabelEncoder().fit_transform(y), {})
    try:
        prefix, classifier = last_step(estimator)
        given = {} if groups is None else {groups_argument(prefix): groups}
        candidates = Candidates(
            estimator, [classifier.smoothing], None, rows, whole=whole, groups=groups
        )
    except TypeError:
        return predict(clone(estimator), cv=cv, params=given)
    proxy = CandidateProxy(clone(estimator), candidates).set_params(**candidates.all[0])
    try:
        return predict(proxy, cv=splitter, params={"row_": rows})
    except Exception:
        if candidates.refusal is None:
            raise
        return predict(clone(estimator), cv=cv, params=given)
