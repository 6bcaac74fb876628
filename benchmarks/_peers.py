"""Classifiers of other libraries, as a demanding user picks them, for the robustness benchmark.

A Gaussian process is left out: with ten classes, a fit to 900 samples takes more than a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import _common  # noqa: F401  # One thread, set before NumPy is imported.

# ruff: isort: split
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

__all__ = ["PEERS", "is_installed", "packages_of", "scaled"]


def lr(seed: int) -> BaseEstimator:
    """Logistic regression."""
    return scaled(LogisticRegression(C=0.05, max_iter=500))


def knn(seed: int) -> BaseEstimator:
    """Nearest neighbours."""
    return scaled(KNeighborsClassifier(25))


def rf(seed: int) -> BaseEstimator:
    """A random forest."""
    return scaled(RandomForestClassifier(min_samples_leaf=10, random_state=seed))


def hgb(seed: int) -> BaseEstimator:
    """Histogram gradient boosting."""
    return scaled(HistGradientBoostingClassifier(random_state=seed))


def mlp(seed: int) -> BaseEstimator:
    """scikit-learn's multilayer perceptron."""
    return scaled(MLPClassifier((128, 128), max_iter=100, random_state=seed))


def svc(seed: int) -> BaseEstimator:
    """A support vector machine, its C chosen on the noisy labels."""
    return scaled(GridSearchCV(SVC(random_state=seed), {"C": [0.1, 0.3, 1, 3, 10]}, cv=5))


def rf_oob(seed: int) -> BaseEstimator:
    """A random forest, its leaves chosen on the noisy labels."""
    return scaled(LeafByOutOfBag(RandomForestClassifier(random_state=seed)))


def et(seed: int) -> BaseEstimator:
    """Extremely randomised trees, their leaves chosen on the noisy labels."""
    return scaled(LeafByOutOfBag(ExtraTreesClassifier(random_state=seed)))


def vote(seed: int) -> BaseEstimator:
    """A soft vote of two forests and a calibrated support vector machine."""
    members = [
        ("rf", RandomForestClassifier(min_samples_leaf=5, random_state=seed)),
        ("et", ExtraTreesClassifier(min_samples_leaf=3, random_state=seed)),
        ("svc", CalibratedClassifierCV(SVC(random_state=seed), ensemble=False)),
    ]
    return scaled(VotingClassifier(members, voting="soft"))


def lgbm(seed: int) -> BaseEstimator:
    """LightGBM."""
    from lightgbm import LGBMClassifier

    return scaled(LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1))


def catboost(seed: int) -> BaseEstimator:
    """CatBoost."""
    from catboost import CatBoostClassifier

    return scaled(
        CatBoostClassifier(
            random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
        )
    )


def cl_mlp(seed: int) -> BaseEstimator:
    """cleanlab around the perceptron."""
    return _cleaned(mlp, seed)


def cl_hgb(seed: int) -> BaseEstimator:
    """cleanlab around gradient boosting."""
    return _cleaned(hgb, seed)


def cl_et(seed: int) -> BaseEstimator:
    """cleanlab around extremely randomised trees."""
    return _cleaned(et, seed)


def cl_vote(seed: int) -> BaseEstimator:
    """cleanlab around the vote."""
    return _cleaned(vote, seed)


def scaled(clf: BaseEstimator) -> BaseEstimator:
    """Standardised columns, then the classifier; images are flattened."""
    return make_pipeline(FunctionTransformer(_flat), StandardScaler(), clf)


def _flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1)


def _cleaned(peer: Callable[[int], BaseEstimator], seed: int) -> BaseEstimator:
    # CleanLearning is given the pipeline: inside of one scikit-learn cannot tell that it is fitted.
    from cleanlab.classification import CleanLearning

    return CleanLearning(peer(seed), cv_n_folds=5, seed=seed)


class LeafByOutOfBag(ClassifierMixin, BaseEstimator):
    """A forest of 100 trees with the leaf size of the best out-of-bag accuracy on the labels."""

    def __init__(self, forest: Any, sizes: tuple[int, ...] = (1, 3, 5, 10, 20)) -> None:
        self.forest = forest
        self.sizes = sizes

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> LeafByOutOfBag:
        params = {**self.forest.get_params(), "bootstrap": True, "oob_score": True}
        forests = [
            type(self.forest)(**{**params, "min_samples_leaf": size}).fit(X, y, sample_weight)
            for size in self.sizes
        ]
        self.forest_ = max(forests, key=lambda forest: forest.oob_score_)
        self.classes_ = self.forest_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.forest_.predict(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.forest_.predict_proba(X)


PEERS = {
    peer.__name__: peer
    for peer in (
        lr, knn, rf, hgb, mlp, svc, rf_oob, et, vote, lgbm, catboost,
        cl_mlp, cl_hgb, cl_et, cl_vote,
    )
}  # fmt: skip
_PACKAGES = {"lgbm": ("lightgbm",), "catboost": ("catboost",)}


def packages_of(name: str) -> tuple[str, ...]:
    """The packages that a peer comes from."""
    if name.startswith("cl_"):
        return ("scikit-learn", "cleanlab")
    return ("scikit-learn", *_PACKAGES.get(name, ()))


def is_installed(name: str) -> bool:
    """Whether all packages of a peer are installed."""
    return all(find_spec(p) is not None for p in packages_of(name) if p != "scikit-learn")
