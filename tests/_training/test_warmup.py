"""Warm-up that ends when the loss of rows left out of it no longer decreases."""

import math
import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sknoisy._training.warmup import IN_WARMUP, adaptive_length, in_adaptive_warmup
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ClassLoss
from tests.factories import every_method, noisy_blobs, short

X, y = noisy_blobs(200, n_features=6, noise_rate=0.4, cluster_std=4.0)
LEFT_OUT = ~in_adaptive_warmup(torch.arange(len(X))).numpy()


class Records(ClassLoss):
    """Cross-entropy after an adaptive warm-up, which records the epochs and rows of its batches."""

    warmup = "auto"

    def setup(self, net, y):
        self.epochs, self.rows = [], []

    def prepare_batch(self, net, batch):
        self.epochs.append(batch.epoch)
        self.rows += batch.index.tolist()
        return batch

    def class_losses(self, logits):
        return class_cross_entropy(logits)


@pytest.mark.parametrize(
    ("losses", "max_epochs", "length"),
    [
        ([], 90, None),
        ([], 0, 0),
        ([3, 2, 1], 90, None),
        ([3, 2, 1], 3, 3),
        ([3, 1, 2, 2, 2, 2], 90, None),
        ([3, 1, 2, 2, 2, 2, 2], 90, 7),
        # Whatever follows the end of warm-up does not change it.
        ([3, 1, 2, 2, 2, 2, 2, 0, math.nan], 90, 7),
        ([3, 2, 1, math.nan, math.nan], 3, 3),
        ([1, 1, 1, 1, 1, 1], 90, 6),
        ([math.nan] * 6, 90, 6),
    ],
)
def test_warm_up_ends_five_epochs_after_the_lowest_loss(losses, max_epochs, length):
    assert adaptive_length(losses, max_epochs) == length


def test_a_fifth_of_the_rows_is_left_out_and_no_group_is_split():
    assert np.mean(LEFT_OUT) == pytest.approx(1 - IN_WARMUP, abs=0.02)
    groups = torch.arange(1000) % 37
    mask = in_adaptive_warmup(groups)
    assert len(torch.stack([groups, mask.long()], dim=1).unique(dim=0)) == 37


def fitted(method=Records, **params):
    return short(method, **{"max_epochs": 60, "batch_size": 64, **params}).fit(X, y)


def test_the_method_begins_when_the_loss_of_left_out_rows_no_longer_decreases():
    clf = fitted()
    losses = np.array(clf.history_[:, "warmup_loss"])
    length = np.isfinite(losses).sum()
    assert length == np.argmin(losses[:length]) + 1 + 5 < 54
    assert np.isnan(losses[length:]).all()
    assert sorted(set(clf.method_.epochs)) == list(range(60 - length))
    assert sorted(set(clf.method_.rows)) == list(range(200))


def test_left_out_rows_do_not_change_the_network_in_warm_up():
    at_start = []

    class Evaluates(Records):
        def on_epoch_start(self, net, evaluation):
            at_start.append(evaluation.logits)

    relabelled = np.where(LEFT_OUT, (y + 1) % 3, y)
    for labels in (y, relabelled, (y + 1) % 3):
        short(Evaluates, max_epochs=4).fit(X, labels)
    assert torch.equal(at_start[0], at_start[1])
    assert not torch.equal(at_start[0], at_start[2])


def test_the_recorded_loss_is_that_of_the_left_out_rows():
    recorded = []

    class Evaluates(Records):
        def on_epoch_start(self, net, evaluation):
            # The network has not been trained since the last epoch of warm-up.
            logits = evaluation.logits[evaluation.index.argsort()].numpy()[LEFT_OUT]
            recorded.append(-log_softmax(logits, axis=1)[np.arange(len(logits)), y[LEFT_OUT]])

    clf = short(Evaluates, max_epochs=4, precision="float64").fit(X, y)
    assert len(recorded) == 1
    np.testing.assert_allclose(clf.history_[2, "warmup_loss"], recorded[0].mean(), rtol=1e-6)


@pytest.mark.parametrize(
    ("params", "n_warmup"), [({"warmup": 3}, 3), ({"smoothing": -1.0}, 6), ({"warmup": 0.5}, 30)]
)
def test_a_given_warm_up_or_a_negative_rate_has_a_fixed_length(params, n_warmup):
    clf = fitted(**params)
    assert max(clf.method_.epochs) == 59 - n_warmup
    assert "warmup_loss" not in clf.history_[0]


@pytest.mark.parametrize(("max_epochs", "n_method"), [(1, 1), (2, 1), (4, 1), (20, 2)])
def test_a_tenth_of_the_epochs_is_left_to_the_method(max_epochs, n_method, monkeypatch):
    monkeypatch.setattr("sknoisy._training.warmup._PATIENCE", 1000)
    clf = fitted(max_epochs=max_epochs)
    assert max(clf.method_.epochs) == n_method - 1


def test_training_continues_after_warm_up():
    clf = fitted()
    last = clf.method_.epochs[-1]
    for model in (clf, pickle.loads(pickle.dumps(clf))):
        model.partial_fit(X, y)
        assert model.method_.epochs[-1] == last + 1


def test_without_left_out_rows_warm_up_is_short():
    few = short(Records, max_epochs=60, batch_size=2).fit(X[:3], y[:3])
    assert max(few.method_.epochs) == 59 - 6


@every_method
def test_a_method_may_start_later_than_the_new_end_of_warm_up(method):
    """Rates and weights that are estimated in the first epoch after warm-up were NaN."""
    clf = short(method, warmup=4, warm_start=True).fit(X, y)
    assert np.isfinite(clf.set_params(warmup=0).fit(X, y).predict_proba(X)).all()


@pytest.mark.parametrize(("method", "state"), [("selc", "targets"), ("synthetic", "targets")])
def test_soft_labels_are_kept_where_a_method_starts_late(method, state):
    """The most likely class was taken for the label."""
    soft = np.random.default_rng(0).dirichlet(np.ones(3), size=len(X))
    params = {"method__momentum": 1.0, "max_epochs": 3, "warm_start": True, "precision": "float64"}
    clf = short(method, warmup=3, **params).fit(X, soft).set_params(warmup=0).fit(X, soft)
    np.testing.assert_allclose(getattr(clf.method_, state), soft, atol=1e-6)


def test_learned_labels_start_at_soft_labels_where_pencil_starts_late():
    soft = np.random.default_rng(0).dirichlet(np.ones(3), size=len(X))
    params = {"method__label_lr": 0, "max_epochs": 3, "warm_start": True, "precision": "float64"}
    clf = short("pencil", warmup=3, **params).fit(X, soft).set_params(warmup=0).fit(X, soft)
    np.testing.assert_allclose(clf.method_.label_logits, 10 * soft, atol=1e-5)
