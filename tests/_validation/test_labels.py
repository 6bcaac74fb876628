"""Soft labels, trusted samples, and a smoothing rate for each class."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import expected_loss, logit_bound_for_rate
from sknoisy.methods import Method
from tests.factories import every_method


def fitted(X, y, method="ce", weight=None, **params):
    params = {"max_epochs": 4, "warmup": 1, "random_state": 0, **params}
    return NoisyLabelClassifier(method, **params).fit(X, y, weight)


def one_hot(y, n_classes=3):
    return np.eye(n_classes)[y]


# ---- soft labels ---------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("params", [{}, {"smoothing": -0.5}, {"early_stopping": True}])
def test_one_hot_soft_labels_equal_hard_labels(method, params, table):
    X, y = table
    hard, soft = fitted(X, y, method, **params), fitted(X, one_hot(y), method, **params)
    assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-5)
    assert_allclose(soft.label_quality_, hard.label_quality_, rtol=1e-5)
    assert_array_equal(soft.classes_, [0, 1, 2])


@pytest.mark.filterwarnings("ignore:67% of the samples are copies")
def test_a_soft_label_equals_weighted_samples_of_each_class(table):
    X, _ = table
    probs = np.random.default_rng(0).dirichlet(np.ones(3), len(X))
    params = {"batch_size": -1, "precision": "float64", "max_epochs": 8}
    soft = fitted(X, probs, **params)
    # Every sample appears once per class, weighted by the probability of the class, and by how
    # decided the label is.
    weight = probs * np.sqrt((3 * probs.max(axis=1, keepdims=True) - 1) / 2)
    hard = fitted(
        np.repeat(X, 3, axis=0), np.tile(range(3), len(X)), weight=weight.ravel(), **params
    )
    assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-8)


@pytest.mark.slow
def test_fractions_of_votes_beat_the_majority_vote():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    votes = np.where(rng.random((400, 3)) < 0.35, 1 - y[:, None], y[:, None])
    fraction = votes.mean(axis=1)
    soft = fitted(X, np.column_stack([1 - fraction, fraction]), max_epochs=100)
    majority = fitted(X, (fraction > 0.5).astype(int), max_epochs=100)
    assert soft.score(X, y) > majority.score(X, y)


@pytest.mark.parametrize("columns", [["a", "a", "b"], ["a", 1, "b"]])
def test_columns_that_cannot_be_classes_are_refused(columns, table):
    X, y = table
    with pytest.raises(ValueError, match="must be different classes of one type"):
        NoisyLabelClassifier(max_epochs=1).fit(X, pd.DataFrame(one_hot(y), columns=columns))


def test_columns_of_a_data_frame_are_the_classes(table):
    X, y = table
    frame = pd.DataFrame(one_hot(y), columns=["plum", "fig", "apple"])
    clf = fitted(X, frame)
    assert_array_equal(clf.classes_, ["apple", "fig", "plum"])
    names = frame.columns.to_numpy()
    assert_array_equal(clf.predict(X), fitted(X, names[y]).predict(X))
    assert clf.score(X, names[y]) > 0.5


def test_class_weight_applies_to_soft_labels(table):
    X, y = table
    for class_weight in ("balanced", {0: 2.0, 1: 0.5, 2: 1.0}):
        soft = fitted(X, one_hot(y), class_weight=class_weight)
        hard = fitted(X, y, class_weight=class_weight)
        assert_allclose(soft.predict_proba(X), hard.predict_proba(X), rtol=1e-5)


def test_soft_labels_work_with_lists_and_torch_datasets(table):
    X, y = table
    data = torch.utils.data.TensorDataset(torch.from_numpy(X))
    expected_proba = fitted(X, y).predict_proba(X)
    for given_X, given_y in [(X, one_hot(y).tolist()), (data, one_hot(y))]:
        assert_allclose(fitted(given_X, given_y).predict_proba(X), expected_proba, rtol=1e-5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.2, 0.2], r"Got row 3 with minimum 0.2 and sum 0.9"),
        ([1.5, -0.5, 0.0], r"Got row 3 with minimum -0.5 and sum 1"),
        ([1, 1, 0], r"Got row 3 with minimum 0 and sum 2"),
        ([np.nan, 1, 0], r"Input y contains NaN"),
    ],
)
def test_soft_labels_whose_rows_are_not_distributions_are_refused(row, message, table):
    X, y = table
    soft = one_hot(y)
    soft[3] = row
    with pytest.raises(ValueError, match=message):
        fitted(X, soft)


def test_soft_labels_of_another_length_are_refused(table):
    X, y = table
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(X, one_hot(y)[:-1])


def test_a_class_of_probability_zero_is_still_a_class(table):
    X, y = table
    clf = fitted(X, one_hot(y, 4))
    assert clf.predict_proba(X).shape == (len(X), 4)
    with pytest.raises(ValueError, match="one class with a positive weight"):
        fitted(X, one_hot(np.zeros_like(y)))


def test_partial_fit_accepts_hard_and_soft_labels(table):
    X, y = table
    names = np.array(["a", "b", "c"])
    clf = NoisyLabelClassifier(random_state=0)
    clf.partial_fit(X, one_hot(y), classes=names).partial_fit(X, names[y])
    clf.partial_fit(X, pd.DataFrame(one_hot(y), columns=names))
    assert_array_equal(clf.classes_, names)
    with pytest.raises(ValueError, match=r"columns of y must be the classes \['a', 'b', 'c'\]"):
        clf.partial_fit(X, pd.DataFrame(one_hot(y), columns=["a", "b", "d"]))
    with pytest.raises(ValueError, match=r"columns of y must be the classes .* Got 2"):
        clf.partial_fit(X, np.full((len(X), 2), 0.5))


# ---- smoothing by class --------------------------------------------------------------------------


@every_method
def test_equal_rates_for_all_classes_equal_a_single_rate(method, table):
    single, per_class = (fitted(*table, method, smoothing=rate) for rate in (-0.5, [-0.5] * 3))
    assert_allclose(single.predict_proba(table[0]), per_class.predict_proba(table[0]), rtol=1e-5)
    assert_array_equal(per_class.smoothing_, [-0.5] * 3)


def test_rates_from_the_noise_equal_backward_correction():
    # Wei et al. 2022 show it for symmetric noise: the targets are the rows of the inverse of T.
    e0, e1 = 0.1, 0.3
    rates = np.array([-2 * e0, -2 * e1]) / (1 - e0 - e1)
    inverse = np.linalg.inv([[1 - e0, e0], [e1, 1 - e1]])
    targets = []

    class Recording(Method):
        def loss(self, logits, batch):
            targets.append((batch.y, batch.target))
            return expected_loss(-torch.log_softmax(logits, -1), batch.target)

    X = np.random.default_rng(0).normal(size=(20, 2))
    fitted(X, np.arange(20) % 2, Recording, smoothing=rates, max_epochs=1, warmup=0)
    ((y, target),) = targets
    assert_allclose(target, inverse[y], rtol=1e-5)


def test_rates_per_class_are_checked_pickled_and_cloned(table):
    X, _ = table
    for rates in ([0.1, 0.2], [0.1, 0.2, 1.5], [0.1, 0.2, -np.inf]):
        with pytest.raises(
            ValueError, match="'smoothing' parameter must be a float or an array of 3"
        ):
            fitted(*table, smoothing=rates)
    clf = fitted(*table, smoothing=np.array([-1.0, 0.0, 0.2]))
    unpickled = pickle.loads(pickle.dumps(clf))
    assert_array_equal(unpickled.predict_proba(X), clf.predict_proba(X))
    assert_array_equal(clone(clf).smoothing, clf.smoothing)
    assert clf.net_.settings.smoothing.bound(None) == logit_bound_for_rate(-1.0)
    clf.set_params(smoothing=0.2).partial_fit(*table)
    assert clf.smoothing_ == 0.2


# ---- trusted samples -----------------------------------------------------------------------------


class RecordTrusted(Method):
    """Cross-entropy that records the mask of trusted samples."""

    uses_trusted = True

    def setup(self, net, y):
        trusted = torch.tensor([-1]) if net.trusted is None else net.trusted
        self.register_buffer("mask", trusted.clone())

    def loss(self, logits, batch):
        return expected_loss(-torch.log_softmax(logits, -1), batch.target)


def test_a_method_gets_the_mask_of_trusted_samples(table):
    X, y = table
    mask = np.arange(len(X)) % 10 == 3
    clf = NoisyLabelClassifier(RecordTrusted, max_epochs=1).fit(X, y, trusted=mask)
    assert_array_equal(clf.method_.mask, mask)
    assert_array_equal(clf.partial_fit(X, y, trusted=mask).method_.mask, mask)
    clf = NoisyLabelClassifier(RecordTrusted, max_epochs=1).fit(X, y)
    assert_array_equal(clf.method_.mask, [-1])


def test_trusted_samples_are_neither_held_out_nor_of_weight_zero(table):
    X, y = table
    mask, weight = np.ones(len(X), dtype=bool), np.ones(len(X))
    weight[:5] = 0
    clf = NoisyLabelClassifier(RecordTrusted, max_epochs=1, early_stopping=True, random_state=0)
    rows = np.flatnonzero(clf.fit(X, y, weight, trusted=mask).method_.mask)
    assert len(rows) == len(X) - 5 - 12
    assert rows.min() >= 5


@pytest.mark.parametrize(
    "trusted", [[0, 4], np.ones(3, dtype=bool), np.zeros(120, dtype=bool), np.ones(120)]
)
def test_trusted_that_is_not_a_mask_is_refused(trusted, table):
    with pytest.raises(ValueError, match="trusted"):
        NoisyLabelClassifier(RecordTrusted, max_epochs=1).fit(*table, trusted=trusted)


def test_a_method_without_use_for_trusted_samples_refuses_them(table):
    with pytest.raises(ValueError, match=r"one that uses 'trusted' samples.* Got CrossEntropy"):
        NoisyLabelClassifier("ce", max_epochs=1).fit(*table, trusted=np.ones(120, dtype=bool))


def test_trusted_is_routed_as_metadata(table):
    X, y = table
    mask = np.arange(len(X)) % 4 == 0
    with config_context(enable_metadata_routing=True):
        clf = NoisyLabelClassifier(RecordTrusted, max_epochs=1).set_fit_request(trusted=True)
        results = cross_validate(
            make_pipeline(StandardScaler(), clf),
            X,
            y,
            params={"trusted": mask},
            return_estimator=True,
        )
        assert all(pipe[-1].method_.mask.any() for pipe in results["estimator"])
        search = GridSearchCV(clf, {"lr": [0.01, 0.1]}, cv=3).fit(X, y, trusted=mask)
        assert_array_equal(search.best_estimator_.method_.mask, mask)
