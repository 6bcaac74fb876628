"""What holds for any data: hypothesis draws shapes, types, scales, labels and weights.

``make test`` tries a few examples of each property, ``make test-long`` many.
"""

import copy
import os
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sknoisy.networks import MLP
from tests.factories import short

pytestmark = [
    pytest.mark.property,
    pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning"),
    pytest.mark.filterwarnings("ignore:.* of the samples are copies:UserWarning"),
]

# Above it, single precision has no numbers.
_LARGEST_IN_SINGLE = 37
TYPES = ["float64", "float32", "float16", "int64", "int16", "uint8", "bool"]
METHODS = ["ce", "gce", "elr", "co_teaching", "forward", "bagging"]
RATES = [0.0, 0.3, -1.0]


def words(codes):
    return np.array([f"class {code:03d}" for code in range(codes.max() + 1)])[codes]


LABELS = {
    "integers": lambda codes: codes,
    "negative": lambda codes: codes - 1000,
    "small integers": lambda codes: codes.astype(np.uint8),
    "large integers": lambda codes: codes + 2**62,
    "whole floats": lambda codes: codes * 2.0,
    "words": words,
    "objects": lambda codes: words(codes).astype(object),
    "list": lambda codes: codes.tolist(),
}


class Table(NamedTuple):
    """Samples with encoded labels, and parameters of a classifier that can be fitted to them."""

    X: np.ndarray
    codes: np.ndarray
    params: dict

    def fit(self, X=None, y=None, sample_weight=None, **params):
        X, y = self.X if X is None else X, self.codes if y is None else y
        return short(**{**self.params, **params}).fit(X, y, sample_weight)


@st.composite
def tables(draw, methods=METHODS, types=TYPES, scales=True):
    n = draw(st.integers(2, 60) | st.integers(2, 8))
    k = draw(st.integers(2, n) | st.just(n) | st.just(2))
    d = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    X, codes = rng.normal(size=(n, d)), rng.permutation(np.arange(n) % k)
    for change in draw(st.lists(st.sampled_from(["constant", "copies", "far", "zero"]))):
        if change == "constant":
            X[:, rng.integers(d)] = rng.normal()
        elif change == "copies":
            X[rng.integers(n, size=n // 2)] = X[0]
        elif change == "far":
            X[:, rng.integers(d)] += 1e6
        else:
            X[rng.integers(n)] = 0.0
    dtype, exponent = draw(st.sampled_from(types)), 0
    if dtype == "float64" and scales:
        exponent = draw(st.integers(-300, 292) | st.sampled_from([-300, -100, -40, 36, 37, 292]))
        X = X * 10.0**exponent
    elif dtype in ("float16", "float32"):
        X = np.clip(X, -6e4, 6e4)
    elif dtype != "bool":
        X = np.clip(20 * X, 0, 250)
    params = {"method": draw(st.sampled_from(methods)), "max_epochs": 2, "module__hidden": (8,)}
    params["smoothing"] = draw(st.sampled_from(RATES))
    if exponent + 7 > _LARGEST_IN_SINGLE:
        params["precision"] = "float64"
    return Table(X.astype(dtype), codes, params)


# The same few examples each time, or many new ones.
_N_EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "12"))
several = settings(
    max_examples=_N_EXAMPLES,
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@several
@given(tables(), st.sampled_from(list(LABELS)))
def test_probabilities_are_finite_and_sum_to_1(table, labels):
    y = LABELS[labels](table.codes)
    assume(labels != "small integers" or table.codes.max() < 256)
    clf = table.fit(y=y)
    p = clf.predict_proba(table.X)
    assert p.shape == (len(table.X), len(clf.classes_))
    assert np.isfinite(p).all() and (p >= 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(clf.classes_, np.unique(y))
    assert np.isfinite(clf.predict_log_proba(table.X)).all()
    assert set(clf.predict(table.X).tolist()) <= set(np.asarray(y).tolist())
    assert ((clf.label_quality_ >= 0) & (clf.label_quality_ <= 1)).all()


@several
@given(tables(), st.sampled_from(list(LABELS)))
def test_names_of_classes_do_not_matter(table, labels):
    renamed = table.fit(y=LABELS[labels](table.codes))
    np.testing.assert_array_equal(
        renamed.predict_proba(table.X), table.fit().predict_proba(table.X)
    )


@several
@given(tables(), st.integers(-60, 60), st.integers(0, 2**16))
def test_weights_times_a_power_of_two_do_not_matter(table, exponent, seed):
    weight = np.random.default_rng(seed).uniform(0.1, 1, len(table.X))
    fits = [table.fit(sample_weight=w) for w in (weight, weight * 2.0**exponent)]
    np.testing.assert_array_equal(*(clf.predict_proba(table.X) for clf in fits))


@several
@given(tables(types=["float64", "float32"]), st.sampled_from([0.0, 1.0, -3e5, 1e-20, 1e30]))
def test_the_value_of_a_constant_column_does_not_matter(table, value):
    fits = []
    for constant in (0.5, value):
        X = np.c_[table.X, np.full(len(table.X), constant)].astype(table.X.dtype)
        fits.append(table.fit(X).predict_proba(X))
    np.testing.assert_array_equal(*fits)


FULL_BATCH = {"batch_size": -1, "precision": "float64", "smoothing": 0.0}


@several
@given(tables(methods=["ce"], scales=False), st.integers(0, 2**16))
def test_the_order_of_rows_does_not_matter(table, seed):
    rng = np.random.default_rng(seed)
    order, weight = rng.permutation(len(table.X)), rng.uniform(0.1, 1, len(table.X))
    first = table.fit(sample_weight=weight, **FULL_BATCH)
    second = table.fit(table.X[order], table.codes[order], weight[order], **FULL_BATCH)
    expected = first.predict_proba(table.X)
    np.testing.assert_allclose(second.predict_proba(table.X), expected, rtol=1e-6)


@several
@given(tables(methods=["ce"], scales=False), st.integers(0, 2**16))
def test_the_order_of_classes_does_not_matter(table, seed):
    """If the weights of the last layer are in that order."""
    k = table.codes.max() + 1
    order = np.random.default_rng(seed).permutation(k)
    network = MLP(table.X.shape[1], k, hidden=(8,))
    permuted = copy.deepcopy(network)
    for name in ("weight", "bias"):
        # Class i of the first network is class order[i] of the second.
        getattr(permuted[-1], name).data[order] = getattr(network[-1], name).data
    params = {"max_epochs": 2, **FULL_BATCH}
    first = short(module=network, **params).fit(table.X, table.codes)
    second = short(module=permuted, **params).fit(table.X, order[table.codes])
    expected = first.predict_proba(table.X)
    np.testing.assert_allclose(second.predict_proba(table.X)[:, order], expected, rtol=1e-6)
