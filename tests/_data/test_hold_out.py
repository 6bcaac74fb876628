"""The held-out part of a training set."""

import numpy as np
import pytest

from sknoisy._data.dataset import hold_out

rng = np.random.default_rng(0)


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", [0, 1])
def test_groups_are_not_split_and_classes_keep_their_fractions(fraction, seed):
    sizes = rng.integers(1, 9, 400)
    groups = rng.permutation(np.repeat(np.arange(400), sizes))
    # Four in five rows of a group are of the class of the group.
    codes = np.where(rng.random(len(groups)) < 0.8, groups % 4, rng.integers(4, size=len(groups)))
    weight = (rng.random(len(groups)) < 0.9).astype(float)
    train, held_out = hold_out(codes, weight, fraction, seed, groups)
    assert not set(groups[train]) & set(groups[held_out])
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), np.flatnonzero(weight))
    assert (np.diff(train) > 0).all() and (np.diff(held_out) > 0).all()
    for code in range(4):
        share = (codes[held_out] == code).sum() / (codes[weight > 0] == code).sum()
        assert share == pytest.approx(fraction, abs=0.04)


def test_single_groups_of_a_class_are_trained_on():
    groups = np.repeat(np.arange(12), 5)
    codes = np.where(groups == 3, 1, 0)
    for seed in range(30):
        train, held_out = hold_out(codes, np.ones(60), 0.2, seed, groups)
        assert len(held_out) == 15 and 3 in groups[train]


@pytest.mark.parametrize("n_groups", [1, 2, 5])
def test_a_group_is_left_to_train_on(n_groups):
    groups = np.arange(20) % n_groups
    codes = groups % 2
    if n_groups == 1:
        with pytest.raises(ValueError, match="1 groups of samples leave none to train on"):
            hold_out(codes, np.ones(20), 0.1, 0, groups)
        return
    train, held_out = hold_out(codes, np.ones(20), 0.1, 0, groups)
    assert len(held_out) == 20 // n_groups and len(train) == 20 - 20 // n_groups
