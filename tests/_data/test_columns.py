"""Tables with columns that single precision would ruin."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch import nn

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy._data import columns
from sknoisy._data.columns import ColumnTransform
from sknoisy._data.rows import as_rows
from tests.factories import every_method, mostly_slow, short

X, y = make_classification(600, 8, n_informative=6, n_classes=3, class_sep=1.5, random_state=0)
rng = np.random.default_rng(0)
FAR = {
    "order numbers": 2024000001 + rng.permutation(600),
    "seconds of an hour": 1.7e9 + 3600 * rng.random(600),
    "nanoseconds of an hour": (1.7e18 + 3.6e12 * rng.random(600)).astype(np.int64),
    "Julian dates": 2460000.5 + rng.random(600),
    "small and far": 1e-3 + 1e-9 * rng.random(600),
}


def make(method="ce", **params):
    return NoisyLabelClassifier(method, max_epochs=20, random_state=0, **params)


def fitted(X):
    rows = as_rows(X, torch.device("cpu"), torch.float64)
    return ColumnTransform.fit(rows, np.ones(len(rows)), users_module=True)


class Items(torch.utils.data.Dataset):
    """Rows and labels, one by one."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return torch.from_numpy(self.X[i]), int(self.y[i])


def test_mean_and_deviation_are_those_of_double_precision(monkeypatch):
    weight = (rng.random(600) < 0.7).astype(float)
    table = np.column_stack([X, *FAR.values()]).astype(float)
    for n_bytes in (8, 2**24):
        monkeypatch.setattr(columns, "_CHUNK_BYTES", n_bytes)
        for form in (table, sp.csr_array(table), Items(table, weight)):
            rows = as_rows(form, torch.device("cpu"), torch.float64)
            unit = columns._units(columns._sample(rows, weight > 0))
            mean, std = columns._mean_and_std(rows, weight > 0, unit)
            np.testing.assert_allclose(mean * unit, table[weight > 0].mean(axis=0), rtol=1e-12)
            np.testing.assert_allclose(std * unit, table[weight > 0].std(axis=0), rtol=1e-6)


def test_ordinary_tables_need_no_transform():
    for scale in (1e-30, 1, 1e30):
        assert fitted(X * scale) is None


@pytest.mark.parametrize("name", mostly_slow(list(FAR), fast=("order numbers",)))
@pytest.mark.parametrize("method", mostly_slow(["ce", "bagging", "elr"], fast=("ce",)))
def test_a_column_far_from_zero_is_learned_like_its_standardised_self(method, name):
    """It was taken for constant and entered the network unscaled."""
    column = FAR[name].astype(np.float64)
    scaled = StandardScaler().fit_transform(column[:, None])
    far = make(method).fit(np.column_stack([X, column]), y)
    near = make(method).fit(np.column_stack([X, scaled]), y)
    p, q = far.predict_proba(np.column_stack([X, column])), near.predict_proba(np.c_[X, scaled])
    assert abs(p - q).mean() < 0.01
    assert abs(far.score(np.c_[X, column], y) - near.score(np.c_[X, scaled], y)) < 0.02


@pytest.mark.parametrize("kind", ["array", "integers", "frame", "sparse", "list", "items"])
def test_containers_keep_the_digits_of_informative_columns(kind):
    # Twenty digits per standard deviation would be lost in single precision.
    whole = np.round(1000 * X).astype(np.int64)
    far = 1_700_000_000_000 + whole
    convert = {
        "array": lambda rows: rows.astype(np.float64),
        "integers": lambda rows: rows,
        "frame": lambda rows: pd.DataFrame(rows).astype({0: "Int64", 1: "float64"}),
        "sparse": lambda rows: sp.csr_array(rows.astype(np.float64)),
        "list": lambda rows: rows.tolist(),
        "items": lambda rows: Items(rows, y),
    }[kind]
    rows = convert(far)
    far_clf = make().fit(rows, None if kind == "items" else y)
    scores = [(far_clf.predict(rows) == y).mean(), make().fit(whole, y).score(whole, y)]
    assert scores[1] > 0.85
    assert abs(scores[0] - scores[1]) < 0.01


@every_method
def test_a_column_that_was_constant_in_fit_has_no_say(method):
    """Its weights are untrained: another value poured them into the logits."""
    train, other = np.c_[X, np.full(600, 19000.0)], np.c_[X, np.full(600, 19100.0)]
    clf = make(method).fit(train, y)
    np.testing.assert_array_equal(clf.predict_proba(other), clf.predict_proba(train))
    images = np.repeat(train[:, :, None, None], 2, axis=3).astype(np.float32)
    if method == "ce":
        clf.fit(images, y)
        moved = np.repeat(other[:, :, None, None], 2, axis=3).astype(np.float32)
        np.testing.assert_array_equal(clf.predict_proba(moved), clf.predict_proba(images))


class Plain(nn.Sequential):
    """A module of the user, which does not standardise."""

    def __init__(self, n_in, n_out):
        super().__init__(nn.Linear(n_in, 32), nn.Tanh(), nn.Linear(32, n_out))


def test_modules_of_the_user_get_such_rows_too():
    train = np.c_[X, FAR["seconds of an hour"] / 3600, np.full(600, 5.0)]
    clf = make(module=Plain, lr=0.01).fit(train, y)
    assert clf.score(train, y) > 0.8
    moved = train.copy()
    moved[:, -1] = 1e6
    np.testing.assert_array_equal(clf.predict_proba(moved), clf.predict_proba(train))
    twin = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(twin.predict_proba(moved), clf.predict_proba(train))


def test_later_calls_keep_the_columns_of_the_first():
    column = FAR["order numbers"].astype(float)
    rows = np.c_[X, column]
    clf = make(warm_start=True).fit(rows, y)
    kept = clf.net_.columns_
    assert kept.offset[-1] == pytest.approx(column.mean()) and not kept.offset[:-1].any()
    clf.fit(rows + 1, y).partial_fit(rows - 1, y)
    assert clf.net_.columns_ is kept


def test_a_search_treats_columns_like_a_fit():
    rows = np.c_[X, FAR["nanoseconds of an hour"]]
    search = SmoothingSearchCV(make(), [0.0, -1.0], cv=2).fit(rows, y)
    assert search.best_score_ > 0.7


def test_the_transform_is_exact_in_double_precision():
    column = torch.tensor([[1.7e18], [1.7e18 + 512], [1.7e18 + 1024]], dtype=torch.float64)
    transform = ColumnTransform(
        np.array([1.7e18]), np.ones(1), np.array([False]), np.zeros(1), False
    )
    assert transform(column).flatten().tolist() == [0, 512, 1024]


def with_cells(column, value, share=0.03):
    return np.where(rng.random(len(column)) < share, value, column)


@pytest.mark.parametrize("value", [0.0, 1e9, -1e15])
@pytest.mark.parametrize("module", [None, Plain], ids=["built-in", "of the user"])
def test_outliers_do_not_hide_that_a_column_is_far(module, value):
    """Missing times are often 0; the others were rounded to whole minutes."""
    far = np.round(1.7e9 + 10 * X)
    near = np.round(10 * X) / 10
    dirty = far.copy()
    dirty[:, 0] = with_cells(far[:, 0], value, share=0.1)
    transform = fitted(dirty)
    assert abs(transform.offset - 1.7e9).max() < 100
    params = {} if module is None else {"module": module, "lr": 0.01}
    rows = dirty if module is None else np.c_[with_cells(far[:, 0], value, 0.0), far[:, 1:]]
    score = make(**params).fit(rows, y).score(rows, y)
    assert score > make(**params).fit(near, y).score(near, y) - 0.04


@pytest.mark.slow
@pytest.mark.parametrize("value", [1e8, -1e30])
@every_method
def test_outliers_cost_no_more_than_their_cells(method, value):
    dirty = np.c_[with_cells(X[:, 0], value), X[:, 1:], with_cells(X[:, 0], value)]
    score = make(method).fit(dirty, y).score(dirty, y)
    assert score > make(method).fit(np.c_[X, X[:, 0]], y).score(np.c_[X, X[:, 0]], y) - 0.05


@pytest.mark.parametrize("method", mostly_slow(["ce", "bagging", "elr"], fast=("ce",)))
def test_an_outlier_of_predict_does_not_decide_alone(method):
    column = rng.normal(size=600)
    clf = make(method).fit(np.c_[X, column], y)
    kept = [clf.score(np.c_[X, np.full(600, value)], y) for value in (1e8, -1e8)]
    assert min(kept) > clf.score(np.c_[X, column], y) - 0.15


@pytest.mark.slow
def test_hot_pixels_do_not_ruin_images():
    images = np.repeat(X[:, None, :, None], 8, axis=3)
    images += 0.1 * rng.normal(size=images.shape)
    hot = with_cells(images.ravel(), 1e8, 0.002).reshape(images.shape)
    hot_score = make().fit(hot, y).score(images, y)
    assert hot_score > make().fit(images, y).score(images, y) - 0.03


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("scale", "precision"),
    [
        *((scale, "float32") for scale in (1e-310, 1e-200, 1e-45, 1e-40, 1e-30, 1e30, 1e37)),
        *((scale, "float64") for scale in (1e-200, 1e-40, 1e30, 1e200, 1e307)),
    ],
)
def test_the_scale_of_a_table_does_not_matter(scale, precision):
    """Tiny columns vanished in single precision, and squares of huge ones overflowed."""
    plain = short(precision=precision).fit(X, y).predict_proba(X)
    rows = X * scale
    clf = short(precision=precision).fit(rows, y)
    np.testing.assert_allclose(clf.predict_proba(rows), plain, atol=1e-5)
    # As in a table of usual scale, an extreme value does not decide alone.
    rows[:, 0] = 1e300 if precision == "float64" else 1e38
    assert np.isfinite(clf.predict_log_proba(rows)).all()


def test_tiny_columns_are_scaled_in_any_container_and_for_any_module():
    # Denormal numbers of single precision have few digits.
    coarse = np.round(X * 32) / 32
    tiny = coarse * 2.0**-140
    forms = (tiny, tiny.astype(np.float32), sp.csr_array(tiny), Items(tiny, y), tiny.tolist())
    plain = short().fit(coarse, y).predict_proba(coarse)
    for rows in forms:
        clf = short().fit(rows, None if isinstance(rows, Items) else y)
        np.testing.assert_allclose(clf.predict_proba(rows), plain, atol=1e-5)
    inexact = X * 1e-42
    assert make(module=Plain, lr=0.01).fit(inexact, y).score(inexact, y) > 0.8


def test_factors_are_powers_of_two_and_outliers_of_scaled_columns_are_finite():
    column = 1e-60 * X
    column[::50, 0] = 1e3
    transform = fitted(column)
    mantissa, _ = np.frexp(transform.factor)
    assert (mantissa == 0.5).all() and not transform.offset.any()
    moved = transform(torch.from_numpy(column)).float()
    assert torch.isfinite(moved).all() and (moved[1::50].std(dim=0) > 0.1).all()


def test_modules_of_the_user_get_huge_numbers_unchanged():
    assert fitted(X * 1e200) is None
    exact = np.round(X * 100) * 2.0**-140
    assert fitted(exact) is None


class Lookup(nn.Module):
    """A module that looks up the names in its columns."""

    def __init__(self, n_out):
        super().__init__()
        self.embedding, self.linear = nn.Embedding(3000, 8), nn.Linear(16, n_out)

    def forward(self, x):
        return self.linear(self.embedding(x.long()).flatten(1))


def test_modules_of_the_user_get_exact_numbers_unchanged():
    names = np.random.default_rng(0).integers(2000, 2003, size=(300, 2))
    target = (names[:, 0] == 2000).astype(int)
    clf = make(module=Lookup, lr=0.01).fit(names, target)
    assert clf.score(names, target) == 1.0


def test_later_calls_train_on_columns_that_were_constant_in_the_first():
    first = np.c_[X[:, :1], np.full(600, 3.0)]
    later = np.c_[np.zeros(600), y]
    clf = make(module=Plain, lr=0.01).partial_fit(first[:64], y[:64], classes=np.unique(y))
    before = clf.predict_proba(later)
    np.testing.assert_array_equal(before, clf.predict_proba(np.c_[later[:, 0], y + 1]))
    clf.set_params(lr_schedule=lambda progress: np.nan)
    with pytest.raises(ValueError, match="lr_schedule"):
        clf.partial_fit(later, y)
    np.testing.assert_array_equal(clf.predict_proba(later), before)
    clf.set_params(lr_schedule=None)
    for _ in range(60):
        clf.partial_fit(later, y)
    assert clf.score(later, y) > 0.9


@pytest.mark.slow
def test_few_rows_of_wide_tables_are_made_dense():
    rows = as_rows(
        sp.random(400, 50_000, density=1e-4, format="csr", random_state=0),
        torch.device("cpu"),
        torch.float64,
    )
    taken = []

    class Counting:
        def __getattr__(self, name):
            return getattr(rows, name)

        def __len__(self):
            return len(rows)

        def take(self, index):
            taken.append(len(index))
            return rows.take(index)

    ColumnTransform.fit(Counting(), np.ones(400), users_module=False)
    assert taken and max(taken) <= 51
