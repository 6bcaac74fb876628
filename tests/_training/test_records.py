"""What an epoch tells of how far networks follow the labels."""

import numpy as np
import pytest
import torch

from sknoisy import METHODS
from sknoisy._data.dataset import LabelledRows
from sknoisy._data.rows import as_rows
from sknoisy._training.records import Memorization
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(203, n_features=6, n_classes=2)
CHANGING = {"mixup", "dividemix", "elr_plus", "co_learning", "synthetic"}


def labelled(codes, weight, labels=None):
    rows = as_rows(np.zeros((len(codes), 1), dtype=np.float32), torch.device("cpu"), torch.float32)
    return LabelledRows(rows, torch.tensor(codes), torch.tensor(weight), soft_labels=labels)


def logits(said):
    return torch.eye(3)[torch.tensor(said)]


def test_shares_by_hand():
    course = Memorization(labelled([0, 1, 2, 2], [1.0, 1.0, 2.0, 4.0]))
    course.start_epoch()
    course.add(logits([2, 0]), torch.tensor([3, 0]))
    course.add(logits([0, 0]), torch.tensor([1, 2]))
    first = course.figures()
    assert first["acc"] == 5 / 8
    assert np.isnan(first["agreement"])
    course.start_epoch()
    course.add(logits([0, 1, 0, 1]), torch.arange(4))
    assert course.figures() == {"acc": 2 / 8, "agreement": 3 / 8}


def test_networks_speak_by_their_mean():
    course = Memorization(labelled([0, 1], [1.0, 1.0]))
    course.start_epoch()
    two = torch.tensor([[[9.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    course.add(two, torch.arange(2))
    assert course.figures()["acc"] == 1


def test_soft_labels_count_in_part():
    course = Memorization(labelled([0, 1], [1.0, 1.0], torch.tensor([[0.7, 0.3], [0.1, 0.9]])))
    course.start_epoch()
    course.add(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.arange(2))
    assert course.figures()["acc"] == pytest.approx((0.3 + 0.9) / 2)


def test_an_epoch_with_changed_rows_tells_nothing_nor_does_it_of_the_next():
    course = Memorization(labelled([0, 1], [1.0, 1.0]))
    for missed in (False, True, False):
        course.start_epoch()
        course.add(logits([0, 1]), torch.arange(2))
        if missed:
            course.skip()
        shares = course.figures()
        assert np.isnan(shares["acc"]) == missed
        assert np.isnan(shares["agreement"])


def test_what_is_recorded_is_what_the_network_says():

    class Frozen(torch.optim.SGD):
        """Does not learn, so that what is said in training is what is said after it."""

        def step(self, closure=None):
            return None

    weight = np.random.default_rng(0).random(len(y))
    clf = short(module__dropout=0, max_epochs=2, optimizer=Frozen).fit(X, y, sample_weight=weight)
    kept = clf.history_[:, "train_acc"]
    assert kept == pytest.approx([clf.score(X, y, weight)] * 2)
    assert np.isnan(clf.history_[0, "train_agreement"])
    assert clf.history_[1, "train_agreement"] == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_records_what_it_can(method):
    clf = short(method, max_epochs=2, warmup=0)
    clf.fit(X, y)
    known = np.isfinite(clf.history_[:, "train_acc"])
    assert known.tolist() == [method not in CHANGING] * 2
    judged = clf.method_.oob_predictions is not None
    assert ("valid_acc" in clf.history_[0]) == judged


def test_the_default_records_the_accuracy_out_of_bag():
    clf = short("bagging", max_epochs=3).fit(X, y)
    said = clf.method_.out_of_bag.argmax(dim=1).numpy()
    best = clf.history_[:, "valid_acc"]
    assert best[-1] == pytest.approx((said == y).mean())
    warm = short("bagging", max_epochs=3, warmup=1).fit(X, y)
    assert np.isfinite(warm.history_[:, "valid_acc"]).tolist() == [False, True, True]
