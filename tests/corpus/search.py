"""Searches over the smoothing rate; tests/search/test_refused.py has more."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TimeSeriesSplit

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.search import one_standard_error
from tests.corpus._cases import Bad, X, y
from tests.factories import short

RESULTS = {
    "param_smoothing": [0.0],
    "mean_test_score": [0.5],
    "std_test_score": [0.1],
    "split0_test_score": [0.5],
    "split1_test_score": [0.5],
}
CV = r"'cv' parameter of SmoothingSearchCV must be an int in the range \[2, inf\).* Got"
RATES = "'smoothing' parameter of SmoothingSearchCV must"


def search(rates=(0,), of=None, fit=None, **params):
    of = short(max_epochs=1) if of is None else of
    params = {"cv": 2, "error_score": "raise", **params}
    return SmoothingSearchCV(of, rates, **params).fit(X, **{"y": y, **(fit or {})})


BAD = {
    "number as estimator": Bad(lambda: search(of=3), "'estimator' .* implementing 'fit'. Got 3"),
    "class as estimator": Bad(
        lambda: search(of=NoisyLabelClassifier),
        "estimator instance .* got estimator class",
        TypeError,
    ),
    "other estimator": Bad(
        lambda: search(of=LogisticRegression()), r"'estimator' .* Got Logistic.*GridSear", TypeError
    ),
    "no rate": Bad(lambda: search([]), r"'smoothing' need to be a non-empty sequence, got: \[\]"),
    "NaN": Bad(lambda: search([np.nan]), "'smoothing' parameter .* must hold .* Got nan"),
    "rate of 2": Bad(lambda: search([2]), "'smoothing' parameter .* must be .* Got 2"),
    "infinite rate": Bad(lambda: search([-np.inf]), "'smoothing' parameter .* must be .* Got -inf"),
    "one number as rates": Bad(lambda: search(0.1), f"{RATES} be an array-like. Got 0.1"),
    "rates None": Bad(lambda: search(None), f"{RATES} be an array-like. Got None"),
    "rates of text": Bad(lambda: search(["a"]), f"{RATES} hold numbers. Got 'a'", TypeError),
    "1 fold": Bad(lambda: search(cv=1), f"{CV} 1"),
    "no fold": Bad(lambda: search(cv=0), f"{CV} 0"),
    "folds of text": Bad(lambda: search(cv="a"), f"{CV} 'a'"),
    "more folds than rows": Bad(
        lambda: search(cv=100), "n_splits=100 greater than the .*n_samples=60"
    ),
    "no split": Bad(lambda: search(cv=[]), "No fits were performed. Was the CV iterator empty"),
    "positions out of range": Bad(
        lambda: search(cv=[([0, 1, 2], [99])]), "'cv' parameter must yield .* 60 samples. Got 99"
    ),
    "misspelt scoring": Bad(
        lambda: search(scoring="accuracyy"), "'scoring' .* must be .* 'accuracyy'"
    ),
    "number as scoring": Bad(lambda: search(scoring=3), "'scoring' parameter .* must be .* Got 3"),
    "two scores, refit": Bad(
        lambda: search(scoring=["accuracy", "neg_log_loss"]),
        "refit must be set to a scorer",
    ),
    "error score": Bad(lambda: search(error_score="a"), "'error_score' .* must be .* Got 'a'"),
    "value of the grid": Bad(
        lambda: search(of=short("sce"), param_grid={"method__alpha": [-1]}),
        r"'alpha' parameter of SCE must be .* Got -1",
    ),
    "grid of a number": Bad(lambda: search(param_grid=3), "'param_grid' .* must be .* Got 3"),
    "no value in the grid": Bad(
        lambda: search(of=short("sce"), param_grid={"method__alpha": []}),
        "'method__alpha' need to be",
    ),
    "value not in a list": Bad(
        lambda: search(of=short("sce"), param_grid={"method__alpha": 1.0}),
        "'method__alpha' needs to be a list .* got 1.0",
        TypeError,
    ),
    "no labels": Bad(lambda: search(fit={"y": None}), "requires y to be passed"),
    "short labels": Bad(lambda: search(fit={"y": y[:-1]}), r"inconsistent .*\[60, 59\]"),
    "NaN in X": Bad(
        lambda: SmoothingSearchCV(short(), [0], cv=2, error_score="raise").fit(X * np.nan, y),
        "Input X contains NaN",
    ),
    "negative weights": Bad(
        lambda: search(fit={"sample_weight": -np.ones(60)}), "Negative values .* `sample_weight`"
    ),
    "short groups": Bad(lambda: search(fit={"groups": np.ones(59)}), r"'groups' .* shape \(59,\)"),
    "one class": Bad(lambda: search(fit={"y": 0 * y}), "at least 2 classes .* only one class"),
    "verbosity": Bad(lambda: search(verbose="a"), "'verbose' parameter .* must be .* Got 'a'"),
    "no job": Bad(lambda: search(n_jobs=0), "n_jobs == 0"),
    "predict before fit": Bad(
        lambda: SmoothingSearchCV(short(), [0]).predict(X),
        "SmoothingSearchCV instance is not fitted",
    ),
    "results without rates": Bad(
        lambda: one_standard_error({}), "cv_results has no parameter 'smooth"
    ),
    "unknown score": Bad(
        lambda: one_standard_error(RESULTS, "f1"),
        r"'metric' parameter must .* \['score'\]. Got 'f1'",
    ),
    "scores of NaN": Bad(
        lambda: one_standard_error({**RESULTS, "mean_test_score": [np.nan]}),
        "All scores .* are NaN",
    ),
}

GOOD = {
    "equal rates": lambda: search([0, 0]),
    "name of the only score": lambda: search(refit="score"),
    "any name of the only score": lambda: search(refit="accuracy", scoring="accuracy"),
    "splitter that leaves rows out": lambda: SmoothingSearchCV(
        short(), [0], cv=TimeSeriesSplit(2)
    ).fit(X, y),
    "masks as splits": lambda: search(cv=[(np.arange(60) < 30, np.arange(60) >= 30)]),
    "negative positions": lambda: search(cv=[(np.arange(30), np.arange(-30, 0))]),
    "numbers of NumPy": lambda: GridSearchCV(
        short(), {"batch_size": np.array([8, 16]), "max_epochs": np.array([1])}, cv=2
    ).fit(X, y),
    "random search": lambda: RandomizedSearchCV(
        short(), {"lr": np.array([0.01, 0.1]), "batch_size": np.arange(7, 9)}, n_iter=2, cv=2
    ).fit(X, y),
}
