"""Records of how far networks memorise the labels."""

import numpy as np
import pytest
import torch

from sknoisy import METHODS
from sknoisy._data.dataset import LabelledRows
from sknoisy._data.rows import as_rows
from sknoisy._training.records import Memorization
from tests.factories import noisy_blobs, short

X, y = noisy_blobs(203, n_features=6, n_classes=2)
CHANGING = {"mixup", "cutmix", "ssr", "dividemix", "elr_plus", "co_learning", "synthetic"}


def labelled(codes, weight, labels=None):
    rows = as_rows(np.zeros((len(codes), 1), dtype=np.float32), torch.device("cpu"), torch.float32)
    return LabelledRows(rows, torch.tensor(codes), torch.tensor(weight), soft_labels=labels)


def logits_for(predicted):
    return torch.eye(3)[torch.tensor(predicted)]


def test_accuracy_and_agreement_agree_with_numbers_computed_by_hand():
    record = Memorization(labelled([0, 1, 2, 2], [1.0, 1.0, 2.0, 4.0]))
    record.start_epoch()
    record.add(logits_for([2, 0]), torch.tensor([3, 0]))
    record.add(logits_for([0, 0]), torch.tensor([1, 2]))
    first = record.figures()
    assert first["acc"] == 5 / 8
    assert np.isnan(first["agreement"])
    record.start_epoch()
    record.add(logits_for([0, 1, 0, 1]), torch.arange(4))
    assert record.figures() == {"acc": 2 / 8, "agreement": 3 / 8}


def test_mean_of_networks_is_recorded():
    record = Memorization(labelled([0, 1], [1.0, 1.0]))
    record.start_epoch()
    two = torch.tensor([[[9.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    record.add(two, torch.arange(2))
    assert record.figures()["acc"] == 1


def test_accuracy_of_soft_labels_is_their_probability():
    record = Memorization(labelled([0, 1], [1.0, 1.0], torch.tensor([[0.7, 0.3], [0.1, 0.9]])))
    record.start_epoch()
    record.add(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.arange(2))
    assert record.figures()["acc"] == pytest.approx((0.3 + 0.9) / 2)


def test_epochs_with_changed_rows_have_no_figures():
    record = Memorization(labelled([0, 1], [1.0, 1.0]))
    for changed in (False, True, False):
        record.start_epoch()
        record.add(logits_for([0, 1]), torch.arange(2))
        if changed:
            record.skip()
        figures = record.figures()
        assert np.isnan(figures["acc"]) == changed
        assert np.isnan(figures["agreement"])


def test_recorded_accuracy_is_that_of_the_network():

    class Frozen(torch.optim.SGD):
        """Does not learn, so that predictions are the same in training and after it."""

        def step(self, closure=None):
            return None

    weight = np.random.default_rng(0).random(len(y))
    clf = short(module__dropout=0, max_epochs=2, optimizer=Frozen).fit(X, y, sample_weight=weight)
    recorded = clf.history_[:, "train_acc"]
    assert recorded == pytest.approx([clf.score(X, y, weight)] * 2)
    assert np.isnan(clf.history_[0, "train_agreement"])
    assert clf.history_[1, "train_agreement"] == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_methods_that_change_rows_record_no_training_accuracy(method):
    clf = short(method, max_epochs=2, warmup=0)
    clf.fit(X, y)
    known = np.isfinite(clf.history_[:, "train_acc"])
    assert known.tolist() == [method not in CHANGING] * 2
    has_oob = clf.method_.oob_predictions is not None
    assert ("valid_acc" in clf.history_[0]) == has_oob


def test_default_method_records_out_of_bag_accuracy():
    clf = short("bagging", max_epochs=3).fit(X, y)
    predicted = clf.method_.out_of_bag.argmax(dim=1).numpy()
    valid_acc = clf.history_[:, "valid_acc"]
    assert valid_acc[-1] == pytest.approx((predicted == y).mean())
    warm = short("bagging", max_epochs=3, warmup=1).fit(X, y)
    assert np.isfinite(warm.history_[:, "valid_acc"]).tolist() == [False, True, True]
