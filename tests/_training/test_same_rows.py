"""Methods that keep state for each row are trained on the same rows only."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch.utils.data import Dataset, TensorDataset

from sknoisy import METHODS
from tests.factories import mostly_slow, noisy_blobs, short

X, y = noisy_blobs(80)
others, other_labels = X[::-1].copy(), np.roll(y, 3)
PER_SAMPLE = [name for name, kind in METHODS.items() if kind.per_sample]
REFUSED = "keeps state for each training row, so training can only continue on the same 80 rows"


class Lazy(Dataset):
    """A Dataset whose items are not in memory together."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, i):
        return torch.tensor(self.values[i])


@pytest.mark.parametrize("method", mostly_slow(PER_SAMPLE))
@pytest.mark.parametrize("how", ["warm start", "partial_fit", "stored"])
def test_other_rows_are_refused(method, how):
    clf = short(method, warm_start=True, max_epochs=2).fit(X, y)
    clf = pickle.loads(pickle.dumps(clf)) if how == "stored" else clf
    before = clf.predict_proba(X)
    continue_fit = clf.fit if how == "warm start" else clf.partial_fit
    with pytest.raises(ValueError, match=f"{REFUSED}. Got as many rows, but with other values"):
        continue_fit(others, other_labels)
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    continue_fit(X, y)


@pytest.mark.parametrize(
    ("rows", "labels", "told"),
    [
        (others, y, "the labels of the first call, but other values of X"),
        (X.astype(float), other_labels, "other labels than in the first call"),
        (sp.csr_array(X), other_labels, "other labels than in the first call"),
        (Lazy(X), other_labels, "other labels than in the first call"),
    ],
    ids=["other values", "other type", "sparse", "Dataset"],
)
def test_rows_that_may_be_others_give_a_warning(rows, labels, told):
    clf = short("elr", max_epochs=2).fit(X, y)
    with pytest.warns(UserWarning, match=f"{REFUSED}. Got {told}"):
        clf.partial_fit(rows, labels)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (X.copy(), y),
        (X, other_labels),
        (X.astype(float), y),
        (Lazy(X), y),
        (TensorDataset(torch.tensor(X)), y),
    ],
    ids=["same", "reviewed labels", "other type", "Dataset", "tensors"],
)
def test_the_same_rows_are_accepted(rows, labels):
    short("elr", max_epochs=2).fit(X, y).partial_fit(rows, labels)


def test_other_rows_are_accepted_without_state_for_each():
    short("ce", max_epochs=2).fit(X, y).partial_fit(others[:50], other_labels[:50])


def test_a_new_fit_forgets_the_rows():
    short("elr", max_epochs=2).fit(X, y).fit(others, other_labels).partial_fit(others, other_labels)
