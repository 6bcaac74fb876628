"""The difference of two classifiers' accuracies on clean labels."""

import numpy as np
import pytest

from sknoisy.metrics import accuracy_difference, noise_corrected_accuracy
from sknoisy.noise import corrupt_labels, pair, symmetric

rng = np.random.default_rng(0)


def problem(n=3000, k=4, rng=rng):
    """True labels, and predictions of two classifiers that err in the same and in other samples."""
    y = rng.integers(0, k, n)
    shared = rng.random(n) < 0.15
    first = np.where(shared | (rng.random(n) < 0.05), rng.integers(0, k, n), y)
    other = np.where(shared | (rng.random(n) < 0.15), rng.integers(0, k, n), y)
    return y, first, other


def test_difference_is_that_of_corrected_accuracies():
    y, first, other = problem()
    T = pair(4, 0.3)
    noisy = corrupt_labels(y, T, random_state=0)
    weight = rng.random(len(y))
    for w in (None, weight):
        a, b = (noise_corrected_accuracy(noisy, p, T, sample_weight=w) for p in (first, other))
        difference = accuracy_difference(noisy, first, other, T, sample_weight=w)
        assert difference.value == pytest.approx(a - b)
        assert accuracy_difference(noisy, other, first, T, sample_weight=w).value == pytest.approx(
            b - a
        )


def test_a_rate_is_uniform_noise():
    y, first, other = problem()
    noisy = corrupt_labels(y, 0.3, random_state=0)
    by_rate = accuracy_difference(noisy, first, other, 0.3)
    np.testing.assert_allclose(by_rate, accuracy_difference(noisy, first, other, symmetric(4, 0.3)))
    seen = np.mean(noisy == first) - np.mean(noisy == other)
    assert by_rate.value == pytest.approx(seen / (1 - 0.3 * 4 / 3))
    clean = accuracy_difference(y, first, other, 0, confidence_level=None)
    assert clean == pytest.approx(np.mean(y == first) - np.mean(y == other))


def test_paired_interval_is_narrower_than_that_of_two_scores():
    y, first, other = problem()
    T = symmetric(4, 0.2)
    noisy = corrupt_labels(y, T, random_state=0)
    errors = [
        noise_corrected_accuracy(noisy, p, T, confidence_level=0.95).standard_error
        for p in (first, other)
    ]
    assert accuracy_difference(noisy, first, other, T).standard_error < 0.8 * np.hypot(*errors)


@pytest.mark.parametrize("T", [symmetric(4, 0.3), pair(4, 0.25)], ids=["symmetric", "pair"])
@pytest.mark.parametrize("n", [100, 1000])
def test_interval_covers_the_difference_on_clean_labels_of_the_population(T, n):
    draws = np.random.default_rng(1)
    # The expected difference: .85 times .10, times the 3 of 4 classes that are wrong.
    expected = 0.85 * 0.10 * 0.75
    hits = 0
    for i in range(400):
        y, first, other = problem(n, rng=draws)
        score = accuracy_difference(corrupt_labels(y, T, random_state=i), first, other, T)
        hits += score.low <= expected <= score.high
    # Two standard errors of a fraction of .95 in 400 draws are .022.
    assert 0.925 <= hits / 400 <= 0.98


def test_classifiers_that_agree_have_an_interval_around_zero():
    y = np.arange(200) % 2
    score = accuracy_difference(y, y, y, 0.25)
    assert score.value == 0
    # One sample of weight 1 / 200, on which a corrected difference is 2.
    assert score.high == -score.low == pytest.approx(1.96 * 2 / 200, rel=1e-3)


@pytest.mark.parametrize("rate", [-0.1, 0.5, 1, np.nan, True])
def test_invalid_rates_raise(rate):
    with pytest.raises(ValueError, match="'transition_matrix' parameter must be"):
        accuracy_difference([0, 1], [0, 1], [1, 1], rate)


def test_lengths_must_match():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        accuracy_difference([0, 1], [0, 1], [1], 0.1)
