"""Ways to split samples whose labels cannot be trusted."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    cross_validate,
)

from sknoisy.model_selection import NoisyLabelSplitter
from sknoisy.noise import corrupt_labels


class Memory(DummyClassifier):
    """Keeps what it was trained and tested on."""

    seen: list = []

    def fit(self, X, y):
        self.seen.append(("fit", X, y))
        return super().fit(X, y)

    def score(self, X, y):
        self.seen.append(("score", X, y))
        return super().score(X, y)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("cv", [3, GroupKFold(3), LeaveOneOut()])
def test_folds_train_on_wrong_labels_and_test_on_right_ones(kind, cv):
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    noisy = corrupt_labels(y, 0.5, random_state=0)
    splitter = NoisyLabelSplitter(cv)
    X2, y2 = splitter.double(kind(X), noisy, y)
    groups = np.tile(np.arange(60) // 5, 2) if isinstance(cv, GroupKFold) else None
    Memory.seen.clear()
    params = {"groups": groups} if groups is not None else {}
    n_splits = splitter.get_n_splits(X2, y2, groups)
    assert n_splits == (60 if isinstance(cv, LeaveOneOut) else 3)
    assert len(cross_validate(Memory(), X2, y2, cv=splitter, **params)["test_score"]) == n_splits
    for (_, X_fit, y_fit), (_, X_test, y_test) in zip(
        Memory.seen[::2], Memory.seen[1::2], strict=True
    ):
        trained, tested = (
            (part.toarray() if sp.issparse(part) else np.asarray(part))[:, 0].astype(int)
            for part in (X_fit, X_test)
        )
        assert not set(trained) & set(tested)
        assert_array_equal(y_fit, noisy[trained])
        assert_array_equal(y_test, y[tested])
        if groups is not None:
            assert not set(trained // 5) & set(tested // 5)


def test_an_iterator_of_splits_lasts():
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    splitter = NoisyLabelSplitter(KFold(3).split(X))
    twice = splitter.double(X, y, y)
    search = GridSearchCV(DummyClassifier(), {"random_state": [0, 1]}, cv=splitter, refit=False)
    for _ in range(2):
        assert search.fit(*twice).n_splits_ == 3


def test_groups_are_routed():
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    splitter = NoisyLabelSplitter(GroupKFold(3))
    with config_context(enable_metadata_routing=True):
        params = {"groups": np.tile(np.arange(60) // 5, 2)}
        twice = splitter.double(X, y, y)
        scores = cross_validate(DummyClassifier(), *twice, cv=splitter, params=params)
    assert len(scores["test_score"]) == 3


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, pd.DataFrame, list])
def test_samples_given_once_are_refused(kind):
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    with pytest.raises(ValueError, match="halves of X must be the same samples"):
        next(NoisyLabelSplitter(3).split(kind(X), y))


def test_splitter_wants_samples_twice():
    with pytest.raises(ValueError, match="given twice"):
        next(NoisyLabelSplitter().split(np.ones((5, 1)), np.zeros(5)))
    assert repr(NoisyLabelSplitter(cv=4)) == "NoisyLabelSplitter(cv=4)"
    assert NoisyLabelSplitter(cv=4).get_n_splits() == 4
