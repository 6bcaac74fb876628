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


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("prior", [(1 / 3, 1 / 3, 1 / 3), (0.8, 0.15, 0.05)])
def test_the_error_of_the_cores_score_knows_that_the_labels_it_draws_are_a_sample(prior, beta):
    local = np.random.default_rng(1)

    def score(n, **params):
        y = local.choice(3, size=n, p=prior)
        p = local.dirichlet([3.0, 1.0, 0.3], size=n) + 0.7 * np.eye(3)[y]
        p /= p.sum(axis=1, keepdims=True)
        return cores_score(y, p, beta=beta, classes=[0, 1, 2], **params)

    true = score(400_000)
    found = np.array([score(300, confidence_level=0.9) for _ in range(400)])
    assert 0.86 < np.mean((found[:, 2] <= true) & (true <= found[:, 3])) < 0.94
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.1)


@pytest.mark.parametrize(("e0", "e1"), [(0.0, 0.0), (0.1, 0.3), (0.4, 0.4)])
def test_peer_accuracy_shrinks_with_the_noise_and_ranks_alike(e0, e1):
    """Liu and Guo 2020: the expectation is 1 - e0 - e1 times that on right labels."""
    y, said = rng.integers(2, size=100), rng.integers(2, size=100)
    T = np.array([[1 - e0, e0], [e1, 1 - e1]])
    given, weight = np.tile([0, 1], 100), T[y].ravel()
    noisy = peer_accuracy(given, said.repeat(2), sample_weight=weight)
    assert noisy == pytest.approx((1 - e0 - e1) * peer_accuracy(y, said), abs=1e-12)


def test_peer_accuracy_is_the_mean_over_all_pairs():
    y, said = rng.integers(3, size=30), rng.integers(3, size=30)
    pairs = np.mean([[y[j] == said[i] for j in range(30)] for i in range(30)])
    assert peer_accuracy(y, said) == pytest.approx((y == said).mean() - pairs)


def test_cores_score_against_a_loop():
    y, p = predictions()
    prior = np.bincount(y) / 60
    expected = np.mean(
        [np.log(row[k]) - 1.5 * prior @ np.log(row) for k, row in zip(y, p, strict=True)]
    )
    assert cores_score(y, p, beta=1.5) == pytest.approx(expected)
    assert cores_score(y, p, beta=0.0) == pytest.approx(-log_loss(y, p))


def test_trusted_accuracy_has_the_interval_of_wilson():
    def score(right, **params):
        right = np.asarray(right, dtype=int)
        trusted = np.r_[np.ones(len(right), bool), False]
        return trusted_accuracy(
            np.ones(len(right) + 1), np.r_[right, 0], trusted, confidence_level=0.95, **params
        )

    plain = binomtest(28, 30).proportion_ci(method="wilson")
    found = score(np.arange(30) < 28)
    assert_allclose((found.low, found.high), plain)
    assert found.value == pytest.approx(28 / 30)
    assert found.standard_error == pytest.approx(np.sqrt(28 / 30 * 2 / 30 / 30))
    # Weights that are all alike change nothing, and those without weight do not count.
    assert_allclose(score(np.arange(30) < 28, sample_weight=np.full(31, 5.0)), found)
    assert_allclose(score(np.arange(60) < 28, sample_weight=np.arange(61) < 30), found)
    assert_allclose(score(np.ones(12))[2:], binomtest(12, 12).proportion_ci(method="wilson"))
    local = np.random.default_rng(0)
    for n, accuracy in ((30, 0.97), (30, 0.8), (100, 0.97)):
        for weight in (None, local.exponential(size=n + 1)):
            rounds = [score(local.random(n) < accuracy, sample_weight=weight) for _ in range(400)]
            assert np.mean([one.low <= accuracy <= one.high for one in rounds]) > 0.9


def test_trusted_accuracy_and_its_routing():
    X, true = load_iris(return_X_y=True)
    y = corrupt_labels(true, 0.5, random_state=0)
    trusted = y == true
    clf = LogisticRegression(C=0.1).fit(X, true)
    score = clf.score(X[trusted], true[trusted])
    assert trusted_accuracy(y, clf.predict(X), trusted) == pytest.approx(score)
    half = trusted_accuracy(y, clf.predict(X), trusted, sample_weight=np.arange(150) < 100)
    kept = trusted & (np.arange(150) < 100)
    assert half == pytest.approx(clf.score(X[kept], true[kept]))
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(trusted_accuracy).set_score_request(trusted=True)
        folds = KFold(3, shuffle=True, random_state=0)
        found = cross_validate(clf, X, true, scoring=scorer, cv=folds, params={"trusted": trusted})[
            "test_score"
        ]
    expected = [
        clf.fit(X[a], true[a]).score(X[b][trusted[b]], true[b][trusted[b]])
        for a, b in folds.split(X)
    ]
    assert_allclose(found, expected)
    with pytest.raises(ValueError, match="needs trusted samples"):
        trusted_accuracy(y, y, None)
