"""Scores of predictions: log probabilities and decisions, which confident networks must not tie."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, logsumexp
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, roc_auc_score

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import correct_log_predictions, correct_predictions
from sknoisy.noise import corrupt_labels

rng = np.random.default_rng(0)


def logits_of(clf, X):
    with torch.no_grad():
        return clf.module_(torch.tensor(X, dtype=torch.float32)).double().numpy()


@pytest.fixture(scope="module")
def overlapping():
    params = {"n_informative": 6, "class_sep": 0.8, "flip_y": 0, "random_state": 1}
    X, y = make_classification(1200, 12, **params)
    return X, y, corrupt_labels(y, 0.3, random_state=1)


def test_decisions_at_a_negative_rate_rank_like_the_logits(overlapping):
    X, y, noisy = overlapping
    clf = NoisyLabelClassifier("ce", smoothing=-10.0, max_epochs=40, random_state=0)
    clf.fit(X[:600], noisy[:600])
    logits = logits_of(clf, X[600:])
    scores, margin = clf.decision_function(X[600:]), logits[:, 1] - logits[:, 0]
    assert len(np.unique(scores)) > 0.99 * len(np.unique(margin))
    for metric in (roc_auc_score, average_precision_score):
        assert metric(y[600:], scores) == pytest.approx(metric(y[600:], margin), abs=1e-4)
    np.testing.assert_allclose(scores, margin, rtol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_log_probabilities_are_those_of_the_logits(table, scale):
    X, y = table
    clf = NoisyLabelClassifier("ce", max_epochs=3, random_state=0).fit(X, y)
    for parameter in clf.module_[-1].parameters():
        parameter.data *= scale
    expected = log_softmax(logits_of(clf, X), axis=1)
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, atol=1e-9, rtol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X), np.exp(expected), rtol=1e-6, atol=1e-9)
    assert clf.predict_proba(X).dtype == np.float32


def test_log_probabilities_of_several_networks_are_averaged_as_probabilities(table):
    X, y = table
    clf = NoisyLabelClassifier("co_teaching", max_epochs=3, random_state=0).fit(X, y)
    expected = logsumexp(log_softmax(logits_of(clf, X), axis=-1), axis=0) - np.log(2)
    np.testing.assert_allclose(clf.predict_log_proba(X), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", ["bagging", "ce", "dividemix"])
def test_logarithms_are_finite_where_probabilities_round_to_zero(table, method):
    X, y = table
    clf = NoisyLabelClassifier(method, max_epochs=5, random_state=0).fit(X, y)
    for parameter in clf.module_[-1].parameters():
        parameter.data *= 1e4
    assert (clf.predict_proba(X) == 0).any()
    assert np.isfinite(clf.predict_log_proba(X)).all()
    scores = clf.decision_function(X)
    assert np.isfinite(scores).all()
    # Several networks that are certain of different classes have a few averages only.
    if method == "ce":
        assert all(len(np.unique(score)) == len(X) for score in scores.T)


def test_decisions_are_log_odds(table):
    X, y = table
    clf = NoisyLabelClassifier("ce", max_epochs=3, precision="float64", random_state=0).fit(X, y)
    p = clf.predict_proba(X)
    np.testing.assert_allclose(clf.decision_function(X), np.log(p / (1 - p)), rtol=1e-9)
    two = NoisyLabelClassifier("ce", max_epochs=3, precision="float64", random_state=0)
    p = two.fit(X, y == 1).predict_proba(X)[:, 1]
    np.testing.assert_allclose(two.decision_function(X), np.log(p / (1 - p)), rtol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 5, 40])
def test_correction_in_logarithms_is_the_correction_of_probabilities(n_classes):
    p = rng.dirichlet(np.ones(n_classes), 50)
    T = 0.6 * np.eye(n_classes) + 0.4 * rng.dirichlet(np.ones(n_classes), n_classes)
    corrected = p
    for _ in range(4):
        corrected = corrected * ((p / (corrected @ T)) @ T.T)
        corrected /= corrected.sum(axis=1, keepdims=True)
    p, T = torch.tensor(p), torch.tensor(T)
    np.testing.assert_allclose(correct_predictions(p, T), corrected, rtol=1e-9)
    np.testing.assert_allclose(correct_log_predictions(p.log(), T).exp(), corrected, rtol=1e-9)


@pytest.mark.parametrize("n_classes", [3, 40])
def test_correction_keeps_classes_apart_that_are_next_to_impossible(n_classes):
    log_p = -1000.0 * torch.arange(n_classes, dtype=torch.float64).repeat(2, 1)
    log_p[1, 1] -= 1.0
    matrix = 0.9 * torch.eye(n_classes, dtype=torch.float64) + 0.1 / n_classes
    corrected = correct_log_predictions(log_p, matrix)
    assert corrected.isfinite().all()
    assert corrected[0, 1] > corrected[1, 1]
    assert (corrected.diff(dim=1) < 0).all()


@pytest.mark.parametrize(("precision", "dtype"), [("float32", np.float32), ("float64", np.float64)])
def test_no_probability_below_one_rounds_to_one(table, precision, dtype):
    X, y = table
    clf = NoisyLabelClassifier("ce", max_epochs=3, precision=precision, random_state=0).fit(X, y)
    for parameter in clf.module_[-1].parameters():
        parameter.data *= 30
    probs, log_probs = clf.predict_proba(X), clf.predict_log_proba(X)
    assert probs.dtype == clf.decision_function(X).dtype == dtype
    assert log_probs.dtype == np.float64
    # Some would round to 1.
    assert ((log_probs < 0) & (np.exp(log_probs).astype(dtype) == 1)).any() or dtype == np.float64
    assert (probs[log_probs < 0] < 1).all()
    np.testing.assert_allclose(probs, np.exp(log_probs), rtol=1e-6, atol=1e-30)
