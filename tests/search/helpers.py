"""A search and the grid search that it must be equivalent to."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy import SmoothingSearchCV
from sknoisy.networks import MLP
from tests.factories import noisy_digits, short

X, y = noisy_digits(207)
WEIGHT = np.random.default_rng(0).random(len(y)) + 0.1
RATES = [-2.0, -0.5, 0.0, 0.4]


def double(method="ce", **params):
    """Make a classifier that computes in double precision, so that two searches agree closely."""
    return short(method, **{"precision": "float64", **params})


class RecordsProbabilities:
    """A scorer that records the probabilities of each candidate."""

    def __init__(self):
        self.probs = []

    def __call__(self, estimator, X, y):
        self.probs.append(estimator.predict_proba(X))
        return estimator.score(X, y)


def assert_equivalent(
    estimator, prefix="", rates=RATES, tolerance=1e-10, fit=None, X=X, y=y, **params
):
    """Both searches give the same probabilities, but for rounding, and the same results."""
    ours, theirs = RecordsProbabilities(), RecordsProbabilities()
    params = {"cv": 3, **params}
    search = SmoothingSearchCV(estimator, rates, scoring=ours, **params).fit(X, y, **(fit or {}))
    grid = {prefix + "smoothing": rates, **params.pop("param_grid", {})}
    expected = GridSearchCV(estimator, grid, scoring=theirs, **params).fit(X, y, **(fit or {}))
    assert len(ours.probs) == len(theirs.probs) > 0
    for p, q in zip(ours.probs, theirs.probs, strict=True):
        assert_allclose(p, q, rtol=0, atol=tolerance)
    assert search.cv_results_.keys() == expected.cv_results_.keys()
    for key, values in expected.cv_results_.items():
        if "time" not in key:
            assert_array_equal(search.cv_results_[key], values)
    assert search.best_params_ == expected.best_params_
    assert search.best_score_ == expected.best_score_
    assert_array_equal(search.predict(X), expected.predict(X))
    return search


class Normalised(nn.Module):
    """A network that is difficult for vmap: batch statistics and dropout."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Linear(n_in, 12, bias=False)
        self.rest = nn.Sequential(
            nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, n_out)
        )

    def forward(self, x):
        return self.rest(self.first(x / 16))


STOPPING = {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 9}


def changed_mlp(**layers):
    """Return an MLP with other layers at some positions."""
    network = MLP(64, 10, (12, 8), dropout=0.2)
    for position, layer in layers.items():
        network[int(position[1:])] = layer
    return network.double()
