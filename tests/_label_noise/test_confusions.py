"""Confusions: found where they were planted, and hardly ever under uniform noise."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest

from sknoisy._label_noise.confusions import find_confusions


def planted(k, uniform, extra):
    """Uniform noise, and ``extra`` of every second class labelled as the next one."""
    T = np.full((k, k), uniform / (k - 1))
    T[np.arange(0, k, 2), (np.arange(0, k, 2) + 1) % k] += extra
    np.fill_diagonal(T, 0)
    return T + np.diag(1 - T.sum(axis=1))


def simulate(T, n, n_runs, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(n_runs):
        counts = np.array([rng.multinomial(n, row) for row in T])
        yield counts, find_confusions(counts, np.arange(len(T)), 0.05, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3, 10, 30])
@pytest.mark.parametrize("rate", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("n", [20, 300])
def test_uniform_noise_has_no_confusions(k, rate, n):
    runs = [bool(found) for _, found in simulate(planted(k, rate, 0.0), n, 60)]
    assert np.mean(runs) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "n", "uniform", "extra"),
    [(2, 500, 0.1, 0.1), (3, 500, 0.1, 0.1), (10, 100, 0.1, 0.1), (10, 100, 0.0, 0.3)],
)
def test_planted_confusions_are_found_with_unbiased_probabilities(k, n, uniform, extra):
    T = planted(k, uniform, extra)
    pairs = {(i, (i + 1) % k) for i in range(0, k, 2)}
    n_found, reported, true, n_inside = 0, [], [], 0
    for _, found in simulate(T, n, 40):
        assert {(c.true, c.given) for c in found} <= pairs
        assert [c.probability for c in found] == sorted(c.probability for c in found)[::-1]
        n_found += len(found)
        reported += [c.probability for c in found]
        true += [T[c.true, c.given] for c in found]
        n_inside += sum(c.low <= T[c.true, c.given] <= c.high for c in found)
        for c in found:
            assert 0.05 <= c.probability
            assert c.low <= c.probability <= c.high
    assert n_found > 0.6 * 40 * len(pairs)
    assert 1 / 1.2 < np.mean(reported) / np.mean(true) < 1.2
    assert n_inside >= 0.95 * n_found


@pytest.mark.slow
def test_rare_findings_are_less_exaggerated_than_their_fractions():
    T = planted(10, 0.1, 0.1)
    fractions, reported, true = [], [], []
    for counts, found in simulate(T, 40, 100):
        fractions += [counts[c.true, c.given] / 40 for c in found]
        reported += [c.probability for c in found]
        true += [T[c.true, c.given] for c in found]
    assert np.mean(fractions) > 1.5 * np.mean(true)
    assert np.mean(reported) < 1.2 * np.mean(true)


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_the_highest_of_many_is_not_exaggerated(spread):
    rng, reported, true, fractions = np.random.default_rng(0), [], [], []
    for seed in range(10):
        rates = 0.25 * (1 + spread * rng.uniform(-1, 1, 50))
        T = np.diag(1 - rates) + np.roll(np.diag(rates), 1, axis=1)
        for counts, found in simulate(T, 40, 1, seed):
            reported += [c.probability for c in found[:3]]
            true += [rates[c.true] for c in found[:3]]
            fractions.append((counts - np.diag(counts.diagonal())).max() / 40)
    assert np.mean(fractions) > 1.3 * np.mean(true)
    assert 1 / 1.2 < np.mean(reported) / np.mean(true) < 1.2


def test_intervals_are_exact_and_simultaneous():
    counts = np.diag([400, 400, 400])
    counts[0, 1] = 60
    ((true, given, probability, low, high),) = find_confusions(
        counts, np.array(["a", "b", "c"]), 0.05, 0.95
    )
    assert (true, given) == ("a", "b")
    expected = binomtest(60, 460).proportion_ci(1 - 0.05 / 6, method="exact")
    assert_allclose((low, high), (expected.low, expected.high))
    assert probability == pytest.approx(60 / 460, rel=0.01)
    assert not find_confusions(counts, np.arange(3), 0.2, 0.95)


def test_of_two_classes_the_noisier_one_is_named():
    counts = np.array([[495, 5], [150, 350]])
    (confusion,) = find_confusions(counts, np.array(["no", "yes"]), 0.05, 0.95)
    assert (confusion.true, confusion.given) == ("yes", "no")
    assert not find_confusions(np.array([[350, 150], [150, 350]]), np.arange(2), 0.05, 0.95)


@pytest.mark.parametrize("counts", [np.zeros((3, 3), int), np.array([[0, 9], [9, 0]]), np.eye(4)])
def test_few_samples_or_empty_classes(counts):
    found = find_confusions(counts, np.arange(len(counts)), 0.05, 0.95)
    assert all(0 <= c.low <= c.probability <= c.high <= 1 for c in found)


def test_a_class_that_is_always_labelled_as_another():
    counts = np.diag([100, 0, 100])
    counts[1, 2] = 100
    (confusion,) = find_confusions(counts, np.arange(3), 0.05, 0.95)
    assert confusion.probability > 0.95
    assert confusion.high == 1
