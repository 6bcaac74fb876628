"""What stands for the estimator in a grid search."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import UNUSED, MetadataRequest
from sklearn.utils.validation import _num_samples

from sknoisy._training.sklearn_callbacks import CallbackSupportMixin
from sknoisy.search._candidates import Candidates, Splits, _last_step

__all__ = ["AtOnce", "proba_out_of_fold"]


class AtOnce(CallbackSupportMixin, BaseEstimator):
    """Stands in for an estimator in a grid search; by ``fit`` it becomes that estimator, fitted."""

    # The search cuts rows out of what is passed to fit, and so tells which they are.
    __metadata_request__fit = {"row_": True}
    __metadata_request__score = {"sample_weight": UNUSED}

    def __init__(self, estimator: Any, candidates: Candidates) -> None:
        self.estimator = estimator
        self.candidates = candidates
        self.wanted: dict[str, Any] = {}

    def __sklearn_clone__(self) -> AtOnce:
        made = AtOnce(clone(self.estimator), self.candidates)
        made.wanted = self.wanted
        return made

    def __sklearn_tags__(self) -> Tags:
        return get_tags(self.estimator)

    def set_params(self, **params: Any) -> AtOnce:
        self.estimator.set_params(**params)
        self.wanted = params
        return self

    def fit(self, X: Any, y: Any = None, *, row_: Any, **params: Any) -> Any:
        fitted = self.candidates.fitted(self.estimator, self.wanted, X, y, row_, params)
        # Scorers are to see what they would see in a plain search.
        own = ("estimator", "candidates", "wanted")
        told = {k: v for k, v in vars(self).items() if k not in own}
        self.__class__, self.__dict__ = type(fitted), {**vars(fitted), **told}
        return self

    # Asked for, and for their signatures; once fitted, this is another class.

    def predict(self, X: Any) -> Any:
        return self.estimator.predict(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        return self.estimator.score(X, y, sample_weight=sample_weight)

    def get_metadata_routing(self) -> Any:
        routing = copy.deepcopy(self.estimator.get_metadata_routing())
        if isinstance(routing, MetadataRequest):
            routing.fit.add_request(param="row_", alias=True)
            return routing
        return routing.add_self_request(self)


def proba_out_of_fold(estimator: Any, X: Any, y: Any, cv: Any) -> np.ndarray:
    """Probabilities by ``cross_val_predict``, with all folds trained at once where they can be."""
    plain = partial(cross_val_predict, X=X, y=y, method="predict_proba")
    rows = np.arange(_num_samples(X))
    try:
        _, classifier = _last_step(estimator)
        candidates = Candidates(estimator, [classifier.smoothing], None, rows)
    except TypeError:
        return plain(clone(estimator), cv=cv)
    splits = Splits(check_cv(cv, y, classifier=True))
    # What it will make of y.
    candidates.everything = splits, X, LabelEncoder().fit_transform(y), {}
    one = AtOnce(clone(estimator), candidates).set_params(**candidates.all[0])
    try:
        return plain(one, cv=splits, params={"row_": rows})
    except Exception:
        if candidates.refusal is None:
            raise
        return plain(clone(estimator), cv=cv)
