"""Cross-validation splitters for data with noisy labels."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import _safe_indexing

from sknoisy.model_selection import NoisyLabelSplitter, TrustedSplit
from sknoisy.noise import corrupt_labels

rng = np.random.default_rng(0)


class Recorder(DummyClassifier):
    """Records the data it is trained and tested on."""

    seen: list = []

    def fit(self, X, y):
        self.seen.append(("fit", X, y))
        return super().fit(X, y)

    def score(self, X, y):
        self.seen.append(("score", X, y))
        return super().score(X, y)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, pd.DataFrame])
@pytest.mark.parametrize("cv", [3, GroupKFold(3), LeaveOneOut()])
def test_folds_train_on_noisy_and_test_on_clean_labels(kind, cv):
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    noisy = corrupt_labels(y, 0.5, random_state=0)
    splitter = NoisyLabelSplitter(cv)
    X2, y2 = splitter.double(kind(X), noisy, y)
    groups = np.tile(np.arange(60) // 5, 2) if isinstance(cv, GroupKFold) else None
    Recorder.seen.clear()
    params = {"groups": groups} if groups is not None else {}
    n_splits = splitter.get_n_splits(X2, y2, groups)
    assert n_splits == (60 if isinstance(cv, LeaveOneOut) else 3)
    assert len(cross_validate(Recorder(), X2, y2, cv=splitter, **params)["test_score"]) == n_splits
    for (_, X_fit, y_fit), (_, X_test, y_test) in zip(
        Recorder.seen[::2], Recorder.seen[1::2], strict=True
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


def test_an_iterator_of_splits_can_be_used_twice():
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
def test_samples_given_once_raise(kind):
    X, y = np.arange(60)[:, None], np.arange(60) % 3
    with pytest.raises(ValueError, match="halves of X must be the same samples"):
        next(NoisyLabelSplitter(3).split(kind(X), y))


def odd_samples(n):
    """Make samples of many types; sample i equals i + 20 and none of the same twenty."""
    i = np.arange(n) % 20
    numbers = np.c_[np.where(i == 3, np.nan, i), i % 2].astype(float)
    # A negative zero equals a positive one.
    numbers[20:, 1] *= np.where(numbers[20:, 1] == 0, -1, 1)
    texts = np.array([f"city{j}" for j in i])
    mixed = np.array([[t, row[0], None] for t, row in zip(texts, numbers, strict=True)], object)
    return {
        "numbers": numbers,
        "one column": numbers[:, 0],
        "float32 images": np.tile(numbers[:, None, None].astype(np.float32), (1, 1, 3, 1)),
        "sparse": sp.csr_matrix(numbers),
        "objects": mixed,
        "list of rows": mixed.tolist(),
        "list of dicts": [{"name": t, "at": [number]} for t, number, _ in mixed],
        "texts": texts,
        "Series of texts": pd.Series(texts, dtype="str"),
        "Series with NA": pd.Series([j if j else pd.NA for j in i], dtype="Int64"),
        "frame": pd.DataFrame(mixed, columns=list("abc")).astype({"b": float}),
        "frame of one name": pd.DataFrame(mixed, columns=["a", "a", "b"]),
        "frame of lists": pd.DataFrame({"a": [[t] for t in texts], "b": i}),
    }


@pytest.mark.parametrize("kind", odd_samples(20))
def test_samples_of_any_type_can_be_doubled(kind):
    X, y = odd_samples(20)[kind], np.arange(20) % 2
    splitter = NoisyLabelSplitter(2)
    twice = splitter.double(X, 1 - y, y)
    assert len(list(splitter.split(*twice))) == 2
    order = np.r_[np.arange(20), np.arange(20)[::-1]]
    with pytest.raises(ValueError, match="halves of X must be the same samples"):
        next(splitter.split(_safe_indexing(X, order), twice[1]))


def test_labels_of_two_types_raise():
    X, y, splitter = np.ones((2, 1)), np.array([0, 1]), NoisyLabelSplitter()
    for noisy in (np.array(["0", "1"]), np.array(["0", 1], dtype=object)):
        with pytest.raises(ValueError, match=r"y_noisy and y must all hold numbers or all strings"):
            splitter.double(X, noisy, y)
    assert_array_equal(splitter.double(X, y.astype(float), y)[1], [0, 1, 0, 1])


def test_an_odd_number_of_labels_raises():
    with pytest.raises(ValueError, match="all samples twice"):
        next(NoisyLabelSplitter().split(np.ones((5, 1)), np.zeros(5)))
    assert repr(NoisyLabelSplitter(cv=4)) == "NoisyLabelSplitter(cv=4)"
    assert NoisyLabelSplitter(cv=4).get_n_splits() == 4


# ---- trusted samples -----------------------------------------------------------------------------


def as_each_type(X):
    return [X, list(X), sp.csr_matrix(X), pd.DataFrame(X)]


@pytest.mark.parametrize("cv", [4, KFold(4), LeaveOneOut()])
def test_folds_are_tested_on_trusted_samples_only(cv):
    X = rng.permutation(200)[:, None] + 0.5
    y, trusted = np.arange(200) % 2, rng.random(200) < 0.3
    splitter = TrustedSplit(trusted, cv)
    tested = []
    for train, test in splitter.split(X, y):
        assert trusted[test].all()
        assert_array_equal(np.sort(np.r_[train, test]), np.arange(200))
        tested.append(test)
    assert_array_equal(np.sort(np.concatenate(tested)), np.flatnonzero(trusted))
    assert len(tested) == splitter.get_n_splits(X, y)
    assert repr(splitter) == f"TrustedSplit(<{trusted.sum()} trusted samples>, cv={cv!r})"
    if cv == 4:
        means = [y[test].mean() for test in tested]
        assert np.ptp(means) < 0.15, "stratified"


@pytest.mark.parametrize("kind", range(4), ids=["array", "list", "sparse", "frame"])
@pytest.mark.parametrize("cv", [3, KFold(3)])
def test_samples_equal_to_a_test_sample_are_not_trained_on(kind, cv):
    table = rng.integers(4, size=(120, 2)).astype(float)
    table[5, 1] = 0.0
    y, trusted = rng.integers(2, size=120), rng.random(120) < 0.5
    for train, test in TrustedSplit(trusted, cv).split(as_each_type(table)[kind], y):
        trained, tested = (set(map(tuple, table[part])) for part in (train, test))
        assert not trained & tested
        # No other sample is omitted.
        assert {i for i in range(120) if tuple(table[i]) not in tested} == set(train)
    if cv == 3:
        tests = [
            set(map(tuple, table[test])) for _, test in TrustedSplit(trusted, cv).split(table, y)
        ]
        assert not tests[0] & tests[1]


@pytest.mark.parametrize("kind", odd_samples(60))
@pytest.mark.parametrize("cv", [2, KFold(2)])
def test_equal_samples_of_any_type_are_recognised(kind, cv):
    X, y, trusted = odd_samples(60)[kind], np.arange(60) % 2, np.arange(60) < 20
    for train, test in TrustedSplit(trusted, cv).split(X, y):
        assert not set(train % 20) & set(test % 20)
        assert len(train) == 3 * (20 - len(test)), "no other sample is omitted"


def test_equal_samples_in_other_groups_are_not_trained_on():
    X, y, groups = np.arange(60)[:, None] % 20, np.arange(60) % 2, np.arange(60) // 2
    trusted = np.arange(60) < 20
    for cv in (2, GroupKFold(2)):
        for train, test in TrustedSplit(trusted, cv).split(X, y, groups):
            assert not set(train % 20) & set(test % 20)
            assert not set(groups[train]) & set(groups[test])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(TrustedSplit(trusted, 2).split(X, y, groups[:-1]))


def test_groups_are_not_split():
    X, y, groups = np.arange(120)[:, None], np.arange(120) % 2, np.arange(120) // 4
    trusted = rng.random(120) < 0.5
    for cv in (3, GroupKFold(3)):
        for train, test in TrustedSplit(trusted, cv).split(X, y, groups):
            assert trusted[test].all()
            assert not set(groups[train]) & set(groups[test])


def test_trusted_split_in_a_search_and_without_labels():
    X, y = load_iris(return_X_y=True)
    trusted = np.arange(150) % 3 == 0
    clean = np.where(trusted, y, corrupt_labels(y, 0.6, random_state=0))
    grid = {"n_neighbors": [1, 15]}
    search = GridSearchCV(KNeighborsClassifier(), grid, cv=TrustedSplit(trusted, 5)).fit(X, clean)
    assert search.best_params_ == {"n_neighbors": 15}
    assert len(list(TrustedSplit(trusted, 5).split(X))) == 5
    with pytest.raises(ValueError, match=r"boolean mask of shape \(150,\)"):
        next(TrustedSplit(trusted[:-1]).split(X, y))
    with pytest.raises(ValueError, match="'trusted' parameter of TrustedSplit"):
        next(TrustedSplit(None).split(X, y))
