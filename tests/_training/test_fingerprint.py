"""Fingerprints: equal for equal fits, in any process, and different for what changes a result."""

import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.model_selection import KFold
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from sknoisy._training.fingerprint import describe, differences, digest_of, fingerprint
from sknoisy._training.training_set import TrainingSet
from sknoisy.methods import GCE
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(40)


def of(clf=None, X=X, y=y, **fit):
    clf = short() if clf is None else clf
    return fingerprint(clf, TrainingSet.from_arrays(clf, X, y, *fit.values()))


def half(x):
    return x / 2


def third(x):
    return x / 3


class Augment:
    def __init__(self):
        self.n_calls = 0

    def __call__(self, x):
        self.n_calls += 1
        return x


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (np.float32(0.5), 0.5),
        ((1, 2), [1.0, 2.0]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (GCE(q=0.5), GCE(q=0.5)),
        (np.arange(3), torch.arange(3)),
        (functools.partial(half, x=1), functools.partial(half, x=1)),
        (Augment(), Augment()),
        (KFold(3), KFold(3)),
        (nn.ReLU(), nn.ReLU()),
    ],
)
def test_equal_values_have_equal_texts(one, other):
    assert describe(one) == describe(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, "1"),
        (0.1, np.float32(0.1)),
        (None, "None"),
        (half, third),
        (GCE(q=0.5), GCE(q=0.6)),
        (np.arange(3), np.arange(3.0)),
        (np.arange(6), np.arange(6).reshape(2, 3)),
        (np.array(["a", "b"], dtype=object), np.array(["a", "c"], dtype=object)),
        (functools.partial(half, x=1), functools.partial(half, x=2)),
        (KFold(3), KFold(3, shuffle=True, random_state=0)),
        (nn.Linear(2, 2), nn.Linear(2, 2)),
        (lambda x: x + 1, lambda x: x + 2),
        (sparse.csr_array(np.eye(2)), sparse.csr_array(2 * np.eye(2))),
    ],
)
def test_different_values_have_different_texts(one, other):
    assert describe(one) != describe(other)


class Items(Dataset):
    """The samples as items, or a different view of them each time."""

    def __init__(self, jitter=0.0):
        self.jitter = jitter

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.from_numpy(X[i]) + self.jitter * torch.rand(())


@pytest.mark.parametrize(
    "wrap",
    [np.asarray, sparse.csr_array, lambda X: TensorDataset(torch.from_numpy(X))],
    ids=["array", "sparse", "dataset"],
)
def test_one_changed_value_changes_the_samples(wrap):
    changed = X.copy()
    changed[-1, -1] += 1
    assert of(X=wrap(X)) == of(X=wrap(X.copy()))
    assert [*differences(of(X=wrap(X)), of(X=wrap(changed)))] == ["X differs"]


def test_a_dataset_of_random_views_is_described_by_its_size():
    assert "differ each time" in of(X=Items(jitter=1.0))["X"]
    assert "differ each time" not in of(X=Items())["X"]


def test_labels_of_other_names_are_other_labels():
    assert differences(of(), of(y=y.astype(str))) == ["y differs"]


@pytest.mark.parametrize("name", ["verbose", "checkpoint", "checkpoint_every", "callbacks"])
def test_parameters_that_do_not_change_the_result_do_not_count(name):
    clf = short(**{name: {"verbose": 1, "callbacks": []}.get(name, 7)})
    assert of(clf) == of()


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_another_process():
    code = (
        "from tests._training.test_fingerprint import *\n"
        "print(digest_of(of(short('gce', augment=half, method__q=0.5, random_state=None))))"
    )
    command = [sys.executable, "-c", code]
    there = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    here = digest_of(of(short("gce", augment=half, method__q=0.5, random_state=None)))
    assert there == f"{here}\n"
