"""Estimates of the noise rate."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from sknoisy.noise import corrupt_labels, symmetric
from sknoisy.transition import noise_rate
from tests.transition.helpers import MATRICES, noisy_problem


@pytest.mark.slow
@pytest.mark.parametrize(
    "clf",
    [KNeighborsClassifier(25), LogisticRegression(), RandomForestClassifier(50, random_state=0)],
    ids=repr,
)
def test_noise_rate_is_unbiased_for_separated_classes(clf):
    hits = 0
    for seed in range(5):
        X, true = make_blobs(900, centers=np.eye(3) * 8, random_state=seed)
        y = corrupt_labels(true, 0.2, exact=True, random_state=seed)
        p = cross_val_predict(clf, X, y, cv=5, method="predict_proba")
        result = noise_rate(p, y, n_resamples=50, random_state=0)
        assert abs(result.rate - 0.2) < 0.04
        hits += result.low <= 0.2 <= result.high
    assert hits >= 4


@pytest.mark.slow
@pytest.mark.parametrize("T", MATRICES[1:], ids=["symmetric", "pair", "asymmetric"])
def test_interval_contains_the_true_noise_rate(T):
    hits = 0
    for seed in range(10):
        y, p, true = noisy_problem(T, 1000, seed=seed)
        result = noise_rate(p, y, random_state=0)
        assert result.low <= result.rate <= result.high
        assert abs(result.rate - (y != true).mean()) < 0.06
        hits += result.low <= (y != true).mean() <= result.high
    assert hits >= 9


@pytest.mark.slow
@pytest.mark.parametrize("method", ["most_confident", "anchor_points", "confident_joint", "dual_t"])
def test_interval_contains_the_estimate(method):
    """Also where all samples of a class have equal confidence."""
    T = symmetric(3, 0.3)
    for seed in range(25):
        true = np.random.default_rng(seed).integers(3, size=400)
        y = corrupt_labels(true, T, random_state=seed)
        result = noise_rate(T[true], y, method=method, n_resamples=20, random_state=seed)
        assert 0 <= result.low <= result.rate <= result.high <= 1


def test_few_clean_labels_do_not_rule_out_noise():
    y = np.arange(30) % 3
    result = noise_rate(np.where(np.eye(3)[y], 0.95, 0.025), y, random_state=0)
    assert result.rate == 0
    assert result.high == pytest.approx(1 - 0.025 ** (1 / 30))


@pytest.mark.slow
def test_clean_labels_have_rate_zero():
    y, p, _ = noisy_problem(np.eye(3), 1000)
    result = noise_rate(p, y, random_state=0)
    assert (result.rate, result.low) == (0, 0)
    assert noise_rate(*noisy_problem(symmetric(3, 0.1), 1000)[:2][::-1], random_state=0).low > 0.01
    assert noise_rate(p, y, random_state=0) == result
    wide = noise_rate(
        *noisy_problem(symmetric(3, 0.3), 300)[:2][::-1], confidence_level=0.99, random_state=0
    )
    slim = noise_rate(
        *noisy_problem(symmetric(3, 0.3), 300)[:2][::-1], confidence_level=0.5, random_state=0
    )
    assert wide.low < slim.low < slim.high < wide.high
