"""Random parts of many samples: whole groups, no rare class lost, unbiased sums."""

import numpy as np
import pytest

from sknoisy._label_noise.row_sample import sample_groups

rng = np.random.default_rng(0)
N = 30_000
LABELS = (rng.random(N) < 0.01).astype(np.int64)
ROWS = np.arange(N)


def drawn(labels=LABELS, groups=ROWS, n_samples=2000, seed=0, trusted=None):
    return sample_groups(labels, groups, n_samples, np.random.RandomState(seed), trusted)


def test_about_the_number_is_drawn_and_half_of_it_evenly_over_the_classes():
    positions, factor = drawn()
    # 1000 of all, 500 of the frequent class, and all 300 of the rare class.
    assert len(positions) == pytest.approx(1790, abs=150)
    assert (np.diff(positions) > 0).all()
    is_rare = LABELS[positions] == 1
    assert is_rare.sum() == (LABELS == 1).sum()
    np.testing.assert_allclose(factor[is_rare], 1)
    assert (factor >= 1).all()


@pytest.mark.parametrize("groups", [ROWS, ROWS // 7], ids=["rows", "groups"])
def test_weighted_sums_are_unbiased(groups):
    values = rng.normal(size=N) + 3 * LABELS
    sums = [values[p] @ f for p, f in (drawn(groups=groups, seed=seed) for seed in range(60))]
    error = np.std(sums) / 60**0.5
    assert abs(np.mean(sums) - values.sum()) < 3 * error < 0.2 * N


def test_groups_stay_whole():
    groups = rng.permutation(N) // 5
    positions, factor = drawn(groups=groups)
    is_drawn = np.isin(groups, groups[positions])
    np.testing.assert_array_equal(np.flatnonzero(is_drawn), positions)
    for group in np.unique(groups[positions])[:50]:
        assert len(set(factor[groups[positions] == group])) == 1


def test_few_trusted_samples_are_all_drawn():
    trusted = np.zeros(N, dtype=bool)
    trusted[rng.permutation(N)[:400]] = True
    positions, _ = drawn(trusted=trusted)
    assert trusted[positions].sum() == 400


def test_of_a_single_group_all_is_drawn():
    positions, factor = drawn(groups=np.zeros(N, dtype=np.int64), n_samples=1)
    assert len(positions) == N
    assert len(set(factor)) == 1
