"""Folds: whole groups, even classes, and never an error for rare classes."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GroupKFold, KFold

from sknoisy.ensemble._folds import splits_of, stratified_folds

RNG = np.random.RandomState


def check_partition(splits, n):
    assert_array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(n))
    for train, test in splits:
        assert_array_equal(np.sort(np.r_[train, test]), np.arange(n))


def test_classes_are_as_frequent_in_each_fold():
    codes = np.repeat([0, 1, 2], [100, 50, 5])
    splits = stratified_folds(codes, np.arange(155), 5, RNG(0))
    check_partition(splits, 155)
    for _, test in splits:
        assert_array_equal(np.bincount(codes[test], minlength=3), [20, 10, 1])


@pytest.mark.parametrize("sizes", [[4] * 30, [1] * 60 + [10] * 6, [50, 1, 1, 1, 1, 1, 1]])
def test_groups_are_not_split(sizes):
    groups = np.arange(len(sizes)).repeat(sizes)
    codes = RNG(0).randint(3, size=len(groups))
    splits = stratified_folds(codes, groups, 3, RNG(0))
    check_partition(splits, len(groups))
    assert len(splits) == 3
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize(("n", "n_folds", "expected"), [(2, 5, 2), (3, 5, 3), (20, 5, 5)])
def test_one_sample_of_each_class(n, n_folds, expected):
    splits = stratified_folds(np.arange(n), np.arange(n), n_folds, RNG(0))
    assert len(splits) == expected
    check_partition(splits, n)


def test_a_single_group_has_no_folds():
    assert stratified_folds(np.array([0, 1, 1]), np.zeros(3, dtype=int), 5, RNG(0)) == []


def training_set(n, groups=None):
    labels = SimpleNamespace(codes=np.arange(n) % 2)
    return SimpleNamespace(X=np.zeros((n, 1)), labels=labels, groups=groups)


def test_positions_of_other_splitters_are_those_of_weighted_samples():
    used = np.array([True, False, True, True, False, True])
    splits = splits_of(KFold(3), training_set(6), used)
    # Folds of all six samples are 0 1, 2 3 and 4 5; of the samples with a weight 0, 1 2 and 3.
    assert [test.tolist() for _, test in splits] == [[0], [1, 2], [3]]
    assert [train.tolist() for train, _ in splits] == [[1, 2, 3], [0, 3], [0, 1, 2]]


def test_other_splitters_get_groups():
    groups = np.array([0, 0, 1, 1, 2, 2])
    splits = splits_of(GroupKFold(3), training_set(6, groups), np.ones(6, dtype=bool))
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])


def test_given_splits_may_be_masks():
    mask = np.array([True, True, False, False])
    splits = splits_of([(mask, ~mask)], training_set(4), np.ones(4, dtype=bool))
    assert [[part.tolist() for part in split] for split in splits] == [[[0, 1], [2, 3]]]
