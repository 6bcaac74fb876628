"""Scores that need no transition matrix."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    KFold,
    cross_validate,
)

from sknoisy.metrics import (
    cores_score,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.noise import corrupt_labels
from tests.metrics.helpers import predictions

rng = np.random.default_rng(0)


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("prior", [(1 / 3, 1 / 3, 1 / 3), (0.8, 0.15, 0.05)])
def test_standard_error_of_the_cores_score_includes_that_of_the_prior(prior, beta):
    local = np.random.default_rng(1)

    def score(n, **params):
        y = local.choice(3, size=n, p=prior)
        p = local.dirichlet([3.0, 1.0, 0.3], size=n) + 0.7 * np.eye(3)[y]
        p /= p.sum(axis=1, keepdims=True)
        return cores_score(y, p, beta=beta, classes=[0, 1, 2], **params)

    true = score(400_000)
    scores = [score(300, confidence_level=0.9) for _ in range(400)]
    value, error, low, high = np.array(scores).T
    assert 0.86 < np.mean((low <= true) & (true <= high)) < 0.94
    assert error.mean() == pytest.approx(value.std(), rel=0.1)


@pytest.mark.parametrize(("e0", "e1"), [(0.0, 0.0), (0.1, 0.3), (0.4, 0.4)])
def test_noise_scales_peer_accuracy_and_keeps_the_ranking(e0, e1):
    """Liu and Guo 2020: the expectation is 1 - e0 - e1 times the score on clean labels."""
    y, predicted = rng.integers(2, size=100), rng.integers(2, size=100)
    T = np.array([[1 - e0, e0], [e1, 1 - e1]])
    noisy, weight = np.tile([0, 1], 100), T[y].ravel()
    score = peer_accuracy(noisy, predicted.repeat(2), sample_weight=weight)
    assert score == pytest.approx((1 - e0 - e1) * peer_accuracy(y, predicted), abs=1e-12)


def test_peer_accuracy_uses_all_pairs_of_samples_as_peers():
    y, predicted = rng.integers(3, size=30), rng.integers(3, size=30)
    chance = np.mean([[y[j] == predicted[i] for j in range(30)] for i in range(30)])
    assert peer_accuracy(y, predicted) == pytest.approx((y == predicted).mean() - chance)


def test_cores_score_equals_a_loop_over_samples():
    y, p = predictions()
    prior = np.bincount(y) / 60
    expected = np.mean(
        [np.log(row[k]) - 1.5 * prior @ np.log(row) for k, row in zip(y, p, strict=True)]
    )
    assert cores_score(y, p, beta=1.5) == pytest.approx(expected)
    assert cores_score(y, p, beta=0.0) == pytest.approx(-log_loss(y, p))


@pytest.mark.parametrize("beta", [-1, np.inf, np.nan, "2"])
def test_bad_values_of_beta_are_refused(beta):
    with pytest.raises(ValueError, match=rf"'beta' parameter .*\[0.0, inf\). Got {beta!r}"):
        cores_score(*predictions(), beta=beta)


def score_of(correct, **params):
    """Score trusted samples, and one that is not trusted."""
    predicted = np.r_[np.asarray(correct, dtype=int), 0]
    trusted = np.r_[np.ones(len(correct), bool), False]
    labels = np.ones(len(predicted))
    return trusted_accuracy(labels, predicted, trusted, confidence_level=0.95, **params)


def test_trusted_accuracy_has_the_wilson_interval():
    expected = binomtest(28, 30).proportion_ci(method="wilson")
    score = score_of(np.arange(30) < 28)
    assert_allclose((score.low, score.high), expected)
    assert score.value == pytest.approx(28 / 30)
    assert score.standard_error == pytest.approx(np.sqrt(28 / 30 * 2 / 30 / 30))
    # Equal weights change nothing, and samples of weight 0 are ignored.
    assert_allclose(score_of(np.arange(30) < 28, sample_weight=np.full(31, 5.0)), score)
    assert_allclose(score_of(np.arange(60) < 28, sample_weight=np.arange(61) < 30), score)
    assert_allclose(score_of(np.ones(12))[2:], binomtest(12, 12).proportion_ci(method="wilson"))


@pytest.mark.slow
@pytest.mark.parametrize(("n", "accuracy"), [(30, 0.97), (30, 0.8), (100, 0.97)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_wilson_interval_has_enough_coverage(n, accuracy, weighted):
    local = np.random.default_rng(0)
    weight = local.exponential(size=n + 1) if weighted else None
    scores = [score_of(local.random(n) < accuracy, sample_weight=weight) for _ in range(400)]
    assert np.mean([score.low <= accuracy <= score.high for score in scores]) > 0.9


def test_trusted_accuracy_gets_the_mask_by_metadata_routing():
    X, true = load_iris(return_X_y=True)
    y = corrupt_labels(true, 0.5, random_state=0)
    trusted = y == true
    clf = LogisticRegression(C=0.1).fit(X, true)
    score = clf.score(X[trusted], true[trusted])
    assert trusted_accuracy(y, clf.predict(X), trusted) == pytest.approx(score)
    weight = np.arange(150) < 100
    score = clf.score(X[trusted & weight], true[trusted & weight])
    weighted = trusted_accuracy(y, clf.predict(X), trusted, sample_weight=weight)
    assert weighted == pytest.approx(score)
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(trusted_accuracy).set_score_request(trusted=True)
        folds = KFold(3, shuffle=True, random_state=0)
        params = {"scoring": scorer, "cv": folds, "params": {"trusted": trusted}}
        scores = cross_validate(clf, X, true, **params)["test_score"]
    expected = [
        clf.fit(X[train], true[train]).score(X[test][trusted[test]], true[test][trusted[test]])
        for train, test in folds.split(X)
    ]
    assert_allclose(scores, expected)
    with pytest.raises(ValueError, match="needs trusted samples"):
        trusted_accuracy(y, y, None)
