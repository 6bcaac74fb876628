import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknoisy._label_noise import posterior
from sknoisy._label_noise.posterior import true_label_posterior
from sknoisy.metrics import issue_average_precision


def softmax(z):
    z = np.exp(z - z.max(axis=1, keepdims=True))
    return z / z.sum(axis=1, keepdims=True)


def two_normals(distance, n, rng):
    """Classes, and their log-odds under two normal distributions."""
    y = rng.integers(2, size=n)
    x = rng.normal(size=n) + distance * (y - 0.5)
    return y, distance * x


def flip(y, rate, k, rng):
    """Flip an exact fraction of labels to another class."""
    y = y.copy()
    rows = rng.permutation(len(y))[: round(rate * len(y))]
    y[rows] = (y[rows] + rng.integers(1, k, len(rows))) % k
    return y


def n_wrong(codes, p):
    posterior = true_label_posterior(codes, p)
    return (1 - posterior[np.arange(len(codes)), codes]).sum()


@pytest.mark.slow
@pytest.mark.parametrize("sharpness", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("distance", [4.0, 5.0])
@pytest.mark.parametrize("rate", [0.01, 0.03, 0.1, 0.3])
def test_expected_number_of_flips_where_classes_overlap(rate, distance, sharpness):
    # The judge knows the clean classes, but is over- or under-confident.
    rng = np.random.default_rng(0)
    true, log_odds = two_normals(distance, 4000, rng)
    p = softmax(sharpness * np.column_stack([-log_odds, log_odds]) / 2)
    codes = flip(true, rate, 2, rng)
    assert 1 / 1.3 < n_wrong(codes, p) / (rate * len(codes)) < 1.3


@pytest.mark.parametrize("distance", [3.0, 4.0, 5.0])
def test_overlap_is_no_noise(distance):
    true, log_odds = two_normals(distance, 4000, np.random.default_rng(0))
    p = softmax(np.column_stack([-log_odds, log_odds]) / 2)
    n_errors = (p.argmax(axis=1) != true).sum()
    assert n_wrong(true, p) < 0.02 * n_errors


@pytest.mark.parametrize(("distance", "ratio"), [(2.0, 1.06), (3.0, 0.91), (5.0, 0.80)])
def test_near_ties_of_overlapping_classes_are_about_as_many_as_errors(distance, ratio):
    x = np.linspace(-15, 15, 100_001)
    density = np.exp(-((x - distance / 2) ** 2) / 2) + np.exp(-((x + distance / 2) ** 2) / 2)
    log_odds = abs(distance * x)
    ties = density[log_odds < np.log(posterior._TIE_ODDS)].sum()
    errors = (density / (1 + np.exp(log_odds))).sum()
    assert_allclose(ties / errors, ratio, atol=0.006)
    assert_allclose(ties / errors, posterior._TIES_PER_ERROR, rtol=0.2)


def human_noise(n, rng):
    """Noise that follows the hard samples, and a judge that predicts the given labels.

    The classes do not overlap: every sample has a true class, which the judge knows.
    """
    k = 10
    true = rng.integers(k, size=n)
    hardness = rng.beta(0.5, 3.0, size=n)
    others = rng.dirichlet(np.full(k, 0.5), size=n)
    others[np.arange(n), true] = 0
    others /= others.sum(axis=1, keepdims=True)
    p = (1 - 0.7 * hardness)[:, None] * np.eye(k)[true] + 0.7 * hardness[:, None] * others
    codes = (rng.random((n, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return true, codes, p


@pytest.mark.slow
def test_noise_that_follows_the_hard_samples():
    true, codes, p = human_noise(3000, np.random.default_rng(0))
    posterior = true_label_posterior(codes, p)
    wrong, flagged = codes != true, posterior.argmax(axis=1) != codes
    assert 1 / 1.3 < n_wrong(codes, p) / wrong.sum() < 1.3
    assert wrong[flagged].mean() > 0.85
    assert flagged[wrong].mean() > 0.7
    clean = posterior[np.arange(len(codes)), codes]
    # Both are nearly perfect, up to rounding.
    by_judge = issue_average_precision(wrong, p[np.arange(len(codes)), codes])
    assert issue_average_precision(wrong, clean) > by_judge - 1e-9


def test_asymmetric_noise_that_the_judge_has_learned():
    rng = np.random.default_rng(0)
    k, n = 4, 4000
    true = rng.integers(k, size=n)
    clean = softmax(4 * np.eye(k)[true] + rng.normal(size=(n, k)))
    true = clean.argmax(axis=1)
    transition = 0.6 * np.eye(k) + 0.4 * np.roll(np.eye(k), 1, axis=1)
    p = clean @ transition
    codes = (rng.random((n, 1)) > transition[true].cumsum(axis=1)[:, :-1]).sum(axis=1)
    posterior = true_label_posterior(codes, p)
    assert n_wrong(codes, p) == pytest.approx((codes != true).sum(), rel=0.15)
    assert (posterior.argmax(axis=1) == true).mean() > 0.95


def test_results_are_distributions_for_extreme_predictions_and_few_samples():
    for codes, p in (
        ([0, 1], [[1.0, 0.0], [1.0, 0.0]]),
        ([0], [[0.3, 0.7]]),
        ([0, 0, 0], [[1.0, 0.0, 0.0]] * 3),
        ([2] * 40, np.full((40, 50), 1 / 50)),
    ):
        posterior = true_label_posterior(np.array(codes), np.array(p))
        assert_allclose(posterior.sum(axis=1), 1)
        assert (posterior >= 0).all()


def test_chunks_and_subsamples_change_little(monkeypatch):
    rng = np.random.default_rng(0)
    true, log_odds = two_normals(4.0, 3000, rng)
    codes = flip(true, 0.1, 2, rng)
    p = softmax(np.column_stack([-log_odds, log_odds]) / 2)
    expected = true_label_posterior(codes, p)
    monkeypatch.setattr("sknoisy._label_noise.posterior._CHUNK", 700)
    assert_allclose(true_label_posterior(codes, p), expected)
    monkeypatch.setattr("sknoisy._label_noise.posterior._MAX_FITTED", 2000)
    assert_allclose(true_label_posterior(codes, p), expected, atol=0.2)


@pytest.mark.parametrize("offset", [-4.0, -2.4, -1.5])
def test_a_rare_class_that_is_nowhere_the_most_likely_one_is_no_noise(offset):
    rng = np.random.default_rng(0)
    positive = 1 / (1 + np.exp(-rng.normal(size=3000) - offset))
    codes = (rng.random(3000) < positive).astype(int)
    posterior = true_label_posterior(codes, np.column_stack([1 - positive, positive]))
    assert (posterior.argmax(axis=1) != codes).sum() < 0.1 * codes.sum()


def test_predictions_without_features_find_nothing():
    codes = (np.random.default_rng(0).random(2000) < 0.05).astype(int)
    posterior = true_label_posterior(codes, np.tile([0.95, 0.05], (2000, 1)))
    assert (posterior.argmax(axis=1) == codes).all()
