import pickle
from math import comb

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import Bagging

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.arange(20) % 3


@pytest.mark.parametrize(
    ("n_networks", "max_samples", "n_bags"), [(8, 0.5, 4), (4, 0.7, 3), (2, 0.01, 1), (3, 0.99, 2)]
)
def test_each_row_is_in_the_same_number_of_bags(set_up, n_networks, max_samples, n_bags):
    method = set_up(Bagging(n_networks, max_samples), Y)
    assert method.bags.shape == (n_networks, 1024)
    assert (method.bags.sum(dim=0) == n_bags).all()
    n_patterns = comb(n_networks, n_bags)
    assert len(method.bags.T.unique(dim=0)) == n_patterns
    bag_sizes = method.bags.double().mean(dim=1)
    np.testing.assert_allclose(bag_sizes, n_bags / n_networks, atol=0.06)


def test_epoch_score_is_the_out_of_bag_log_loss(set_up, make_batch):
    # Breiman 1996, at the best of several temperatures.
    method = set_up(Bagging(4), Y)
    Z, weight = 3 * rng.normal(size=(4, 20, 3)) + 2 * np.eye(3)[Y], rng.random(20)
    for rows in np.split(np.arange(20), [7]):
        batch = make_batch(Y[rows], index=rows, weight=torch.tensor(weight[rows]))
        losses = method.loss(torch.tensor(Z[:, rows]), batch)
        expected = -log_softmax(Z[:, rows], axis=-1)[:, np.arange(len(rows)), Y[rows]]
        np.testing.assert_allclose(losses, expected)
        np.testing.assert_array_equal(method.sample_weights(losses, batch), method.bags[:, rows])
    out = ~method.bags[:, :20].numpy()
    p = (softmax(Z, axis=-1) * out[..., None]).sum(axis=0) / out.sum(axis=0)[:, None]
    np.testing.assert_allclose(method.out_of_bag, p)
    losses = [
        weight @ -log_softmax(np.log(p) / t, axis=1)[np.arange(20), Y]
        for t in np.logspace(-0.3, 1.3, 12)
    ]
    assert np.argmin(losses) not in (0, 11)
    assert float(method.epoch_score()) == -np.inf, "too early"
    method.n_steps.fill_(16)
    assert float(method.epoch_score()) == pytest.approx(-min(losses))
    method.on_epoch_start(None, None)
    assert float(method.epoch_score()) == -np.inf, "no batch in this epoch yet"


def test_transition_matrix_is_estimated_out_of_bag(set_up, make_batch):
    method = set_up(Bagging(4), Y)
    assert torch.equal(method.transition, torch.eye(3).double()), "no batch yet"
    Z, weight = 3 * rng.normal(size=(4, 20, 3)), rng.random(20)
    for rows in np.split(np.arange(20), [7]):
        batch = make_batch(Y[rows], index=rows, weight=torch.tensor(weight[rows]))
        method.loss(torch.tensor(Z[:, rows]), batch)
    counts = np.zeros((3, 3))
    for p, w in zip(method.out_of_bag.numpy(), weight, strict=True):
        second, first = np.sort(p)[1:]
        counts[p.argmax()] += w * (first - second) * p
    transition = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(method.transition, transition)
    # Maximum likelihood of the true classes, by four steps of expectation maximisation.
    given = true = softmax(Z, axis=-1).mean(axis=0)
    for _ in range(4):
        true = true * (given / (true @ transition) @ transition.T)
        true /= true.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(method.proba(torch.tensor(Z)), true)
    method.on_epoch_start(None, None)
    assert torch.equal(method.transition, torch.eye(3).double())


def test_a_given_matrix_corrects_predictions_and_none_does_not(set_up):
    T = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    Z = torch.tensor(rng.normal(size=(4, 20, 3)))
    plain = softmax(Z.numpy(), axis=-1).mean(axis=0)
    method = set_up(Bagging(4, transition_matrix=T), Y)
    method.on_epoch_start(None, None)
    np.testing.assert_allclose(method.transition, T)
    corrected = method.proba(Z).numpy()
    # Samples labelled 1 may be of class 0, and those labelled 0 are.
    assert (corrected[:, 0] > plain[:, 0]).all()
    np.testing.assert_allclose(corrected[:, 2], plain[:, 2], rtol=1e-6)
    method = set_up(Bagging(4, transition_matrix=None), Y)
    np.testing.assert_allclose(method.proba(Z), plain)
    with pytest.raises(ValueError, match=r"'transition_matrix' parameter .* \(3, 3\)"):
        set_up(Bagging(transition_matrix=[[1.0]]), Y)


@pytest.mark.long
def test_correction_removes_a_quarter_of_the_errors_of_class_conditional_noise():
    """In each second class, 40 % of the samples are given the label of the next class."""
    X, y = load_digits(return_X_y=True)
    flipped = (y % 2 == 0) & (rng.random(len(y)) < 0.4)
    noisy = np.where(flipped, (y + 1) % 10, y)
    params = {"max_epochs": 30, "random_state": 0}
    clf = NoisyLabelClassifier("bagging", **params).fit(X[::2], noisy[::2])
    plain = NoisyLabelClassifier("bagging", method__transition_matrix=None, **params)
    error, error_plain = (
        1 - m.score(X[1::2], y[1::2]) for m in (clf, plain.fit(X[::2], noisy[::2]))
    )
    assert error < 0.75 * error_plain
    T = clf.method_.transition.numpy()
    is_noisy = np.arange(10) % 2 == 0
    assert T.diagonal()[is_noisy].mean() < 0.8 < 0.85 < T.diagonal()[~is_noisy].mean()


def test_transition_matrix_is_averaged_with_that_of_trusted_rows(set_up, make_batch):
    method = set_up(Bagging(4), Y)
    weight = torch.tensor(rng.random(20))
    weight /= weight.sum()
    for _ in range(2):
        # The second round shows that nothing is left of the epoch before.
        Z = torch.tensor(3 * rng.normal(size=(4, 20, 3)))
        method.on_epoch_start(None, None)
        method.loss(Z, make_batch(Y, index=np.arange(20), weight=weight))
        untrusted = method.transition
        method.on_epoch_start(None, None)
        batch = make_batch(Y, index=np.arange(20), weight=weight, trusted=[0, 3, 8])
        method.loss(Z, batch)
    p = method.out_of_bag
    # Rows 0 and 3 are of class 0, row 8 is of class 2; no row of class 1 is trusted.
    first, last = 20 * (weight[0] * p[0] + weight[3] * p[3]), 20 * weight[8] * p[8]
    expected = 5 * untrusted + torch.stack([first, torch.zeros(3), last])
    torch.testing.assert_close(method.transition, expected / expected.sum(dim=1, keepdim=True))


@pytest.mark.slow
def test_trusted_rows_of_low_label_quality_do_little_harm():
    X, y = load_digits(return_X_y=True)
    clf = NoisyLabelClassifier(max_epochs=30, random_state=0).fit(X[::4], y[::4])
    score, trusted = clf.score(X[1::2], y[1::2]), np.zeros(len(X[::4]), dtype=bool)
    trusted[np.argsort(clf.label_quality_)[:20]] = True
    assert clf.fit(X[::4], y[::4], trusted=trusted).score(X[1::2], y[1::2]) > score - 0.02


@pytest.mark.parametrize("matrix", [None, np.eye(3)])
def test_trusted_rows_are_refused_where_no_matrix_is_estimated(matrix):
    clf = NoisyLabelClassifier("bagging", method__transition_matrix=matrix, max_epochs=1)
    with pytest.raises(ValueError, match=r"must be one that uses 'trusted' samples.*Got Bagging"):
        clf.fit(X, y, trusted=y == 0)


def test_an_epoch_without_any_loss_has_a_score(set_up, make_batch):
    """Unlike an epoch without batches, whose score is minus infinity."""
    method = set_up(Bagging(4), Y)
    method.n_steps.fill_(16)
    assert float(method.epoch_score()) == -np.inf
    method.loss(
        torch.tensor(1e6 * np.eye(3)[Y]).expand(4, -1, -1), make_batch(Y, index=np.arange(20))
    )
    assert float(method.epoch_score()) == 0


@pytest.mark.slow
def test_trusted_rows_help_where_most_labels_of_a_class_are_noisy():
    X, y = load_digits(return_X_y=True)
    flipped = (y % 2 == 0) & (rng.random(len(y)) < 0.6)
    trusted = rng.random(len(y)) < 0.1
    noisy = np.where(flipped & ~trusted, (y + 1) % 10, y)
    clf = NoisyLabelClassifier(max_epochs=30, random_state=0)
    without, with_trusted = (
        clf.fit(X[::2], noisy[::2], trusted=t).score(X[1::2], y[1::2]) for t in (None, trusted[::2])
    )
    assert with_trusted > without + 0.03


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_each_network_is_trained_on_cross_entropy_of_its_bag(optimizer):
    first = nn.Linear(4, 3).double()
    params = {
        "module": first, "max_epochs": 8, "batch_size": -1, "precision": "float64",
        "optimizer": optimizer, "random_state": 0,
    }  # fmt: skip
    # Two rows of X are equal, and would share a bag.
    bagged = NoisyLabelClassifier("bagging", early_stopping=False, **params)
    bagged.fit(X, y, groups=np.arange(150))
    weight = bagged.method_.bags[0, :150].double().numpy()
    alone = NoisyLabelClassifier("ce", **params).fit(X, y, sample_weight=weight)
    for actual, expected in zip(
        bagged.module_[0].parameters(), alone.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_training_restores_the_epoch_of_the_highest_score():
    scores = []

    class Recorded(Bagging):
        def epoch_score(self):
            scores.append(float(super().epoch_score()))
            return scores[-1]

    noisy = np.where(rng.random(150) < 0.3, rng.integers(3, size=150), y)
    params = {"lr": 0.01, "max_epochs": 60, "n_iter_no_change": 5, "random_state": 0}
    clf = NoisyLabelClassifier(Recorded, **params).fit(X, noisy)
    best = int(np.argmax(scores))
    assert clf.n_iter_ == len(scores) == best + 1 + 5 < 60
    shorter = NoisyLabelClassifier("bagging", early_stopping=False, **params)
    shorter.set_params(max_epochs=best + 1).fit(X, noisy)
    np.testing.assert_array_equal(clf.predict_proba(X), shorter.predict_proba(X))


def test_epochs_of_warm_up_have_no_score():
    clf = NoisyLabelClassifier("bagging", warmup=15, n_iter_no_change=3, random_state=0).fit(X, y)
    assert clf.n_iter_ > 18


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_no_rows_are_held_out(early_stopping):
    clf = NoisyLabelClassifier("bagging", max_epochs=3, early_stopping=early_stopping).fit(X, y)
    assert torch.isfinite(clf.method_.out_of_bag).all()
    assert sum(clf.history_[-1, "batches", :, "train_batch_size"]) == 150


def test_out_of_bag_accuracy_and_loss_are_recorded():
    clf = NoisyLabelClassifier("bagging", max_epochs=3, early_stopping=False).fit(X, y)
    p = clf.method_.out_of_bag.double().numpy()
    assert clf.history_[-1, "valid_acc"] == pytest.approx((p.argmax(axis=1) == y).mean())
    expected = -np.log(p[np.arange(150), y]).mean()
    assert clf.history_[-1, "valid_loss"] == pytest.approx(expected, rel=1e-5)


def test_out_of_bag_predictions_find_mislabelled_rows():
    mislabelled = rng.random(150) < 0.3
    noisy = np.where(mislabelled, (y + rng.integers(1, 3, 150)) % 3, y)
    clf = NoisyLabelClassifier("bagging", random_state=0).fit(X, noisy)
    suspected = clf.method_.out_of_bag.numpy().argmax(axis=1) != noisy
    assert (suspected == mislabelled).mean() > 0.85


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("bagging", method__n_networks=3, max_epochs=3).fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    for name, value in clf.method_.state_dict().items():
        assert torch.equal(loaded.method_.state_dict()[name], value), name
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())
    assert clone(clf).get_params()["method__n_networks"] == 3


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="bagging") > ce_score + 0.1


def test_training_can_continue_with_other_rows():
    clf = NoisyLabelClassifier("bagging", random_state=0)
    for rows in np.split(rng.permutation(150), [20, 60]):
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        assert clf.method_.out_of_bag.shape == (len(rows), 3)
        assert torch.isfinite(clf.method_.out_of_bag).all()
    assert clf.n_iter_ == 3
