"""Labels of the most confident samples."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy._label_noise.estimators import bootstrap_noise_rates, noise_rate_from_transition
from sknoisy._label_noise.most_confident import (
    confident_lower_bound,
    most_confident,
    most_confident_counts,
    most_confident_of_ranked,
    most_likely,
    wilson_interval,
)


def problem(k, n=400, decimals=8):
    rng = np.random.default_rng(k)
    p = rng.dirichlet(np.full(k, 0.3), n).round(decimals)
    return np.where(rng.random(n) < 0.3, rng.integers(k, size=n), p.argmax(axis=1)), p


@pytest.mark.parametrize("decimals", [1, 8])
@pytest.mark.parametrize("k", [2, 5, 60])
def test_counts_are_those_of_the_highest_lower_bound(k, decimals):
    codes, p = problem(k, decimals=decimals)
    counts = most_confident_counts(codes, p)
    for label in range(k):
        members = np.flatnonzero(p.argmax(axis=1) == label)
        confidence = p[members, label]
        chosen, best = members[:0], -np.inf
        # Samples of equal confidence are counted together.
        for threshold in np.unique(confidence)[::-1]:
            counted = members[confidence >= threshold]
            if len(counted) < min(10, len(members)):
                continue
            low = wilson_interval(np.mean(codes[counted] == label), len(counted), 4.0)[0]
            if low > best + 1e-12:
                chosen, best = counted, low
        assert_array_equal(counts[label], np.bincount(codes[chosen], minlength=k))


@pytest.mark.parametrize("k", [2, 5, 60])
def test_the_matrix_of_ranked_samples_is_the_same(k):
    codes, p = problem(k)
    expected, ranked = most_confident(codes, p), most_likely(p)
    matrix = most_confident_of_ranked(codes, ranked, k)
    dense = matrix if k < 50 else matrix.toarray()
    assert_array_equal(dense, expected)
    rate = noise_rate_from_transition(matrix, codes)
    assert rate == pytest.approx(noise_rate_from_transition(expected, codes), abs=1e-9)
    rates = [
        bootstrap_noise_rates(codes, evidence, estimate, np.random.RandomState(0), 5)
        for evidence, estimate in (
            (p, most_confident),
            (ranked, lambda y, ranked: most_confident_of_ranked(y, ranked, k)),
        )
    ]
    assert_allclose(*rates, atol=1e-9)


def test_lower_bound_keeps_the_proportions():
    codes, p = problem(5)
    matrix, bound = most_confident(codes, p), confident_lower_bound(codes, p)
    off, n = ~np.eye(5, dtype=bool), most_confident_counts(codes, p).sum(axis=1)
    rate = 1 - matrix.diagonal()
    low = np.maximum(wilson_interval(rate, n, 4.0)[0], 0)
    assert_allclose(1 - bound.diagonal(), low, atol=1e-12)
    assert_allclose(bound.sum(axis=1), 1)
    assert_allclose((bound * rate[:, None])[off], (matrix * low[:, None])[off], atol=1e-12)
