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
def test_each_row_is_in_as_many_bags(begin, n_networks, max_samples, n_bags):
    method = begin(Bagging(n_networks, max_samples), Y)
    assert method.bags.shape == (n_networks, 1024)
    assert (method.bags.sum(dim=0) == n_bags).all()
    n_patterns = comb(n_networks, n_bags)
    assert len(method.bags.T.unique(dim=0)) == n_patterns
    share = method.bags.double().mean(dim=1)
    np.testing.assert_allclose(share, n_bags / n_networks, atol=0.06)


def test_judgement_is_the_log_loss_out_of_bag(begin, make_batch):
    # Breiman 1996, at the best of a row of temperatures.
    method = begin(Bagging(4), Y)
    Z, weight = 3 * rng.normal(size=(4, 20, 3)) + 2 * np.eye(3)[Y], rng.random(20)
    for rows in np.split(np.arange(20), [7]):
        batch = make_batch(Y[rows], index=rows, weight=torch.tensor(weight[rows]))
        losses = method.loss(torch.tensor(Z[:, rows]), batch)
        found = -log_softmax(Z[:, rows], axis=-1)[:, np.arange(len(rows)), Y[rows]]
        np.testing.assert_allclose(losses, found)
        np.testing.assert_array_equal(method.sample_weights(losses, batch), method.bags[:, rows])
    out = ~method.bags[:, :20].numpy()
    said = (softmax(Z, axis=-1) * out[..., None]).sum(axis=0) / out.sum(axis=0)[:, None]
    np.testing.assert_allclose(method.out_of_bag, said)
    paid = [
        weight @ -log_softmax(np.log(said) / t, axis=1)[np.arange(20), Y]
        for t in np.logspace(-0.3, 1.3, 12)
    ]
    assert np.argmin(paid) not in (0, 11)
    assert float(method.epoch_score()) == -np.inf, "too early"
    method.steps.fill_(16)
    assert float(method.epoch_score()) == pytest.approx(-min(paid))
    method.on_epoch_start(None, None)
    assert float(method.epoch_score()) == -np.inf, "nothing seen in this epoch yet"


def test_transition_is_counted_out_of_bag(begin, make_batch):
    method = begin(Bagging(4), Y)
    assert torch.equal(method.transition, torch.eye(3).double()), "nothing known yet"
    Z, weight = 3 * rng.normal(size=(4, 20, 3)), rng.random(20)
    for rows in np.split(np.arange(20), [7]):
        batch = make_batch(Y[rows], index=rows, weight=torch.tensor(weight[rows]))
        method.loss(torch.tensor(Z[:, rows]), batch)
    said, counts = method.out_of_bag.numpy(), np.zeros((3, 3))
    for p, w in zip(said, weight, strict=True):
        second, first = np.sort(p)[1:]
        counts[p.argmax()] += w * (first - second) * p
    transition = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(method.transition, transition)
    # Maximum likelihood of true classes behind the answers, by expectation maximisation.
    given = true = softmax(Z, axis=-1).mean(axis=0)
    for _ in range(4):
        true = true * (given / (true @ transition) @ transition.T)
        true /= true.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(method.proba(torch.tensor(Z)), true)
    method.on_epoch_start(None, None)
    assert torch.equal(method.transition, torch.eye(3).double())


def test_a_known_matrix_is_used_and_none_corrects_nothing(begin):
    T = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    Z = torch.tensor(rng.normal(size=(4, 20, 3)))
    plain = softmax(Z.numpy(), axis=-1).mean(axis=0)
    method = begin(Bagging(4, transition_matrix=T), Y)
    method.on_epoch_start(None, None)
    np.testing.assert_allclose(method.transition, T)
    corrected = method.proba(Z).numpy()
    # Everything that was labelled 1 may have been a 0, and what was labelled 0 was one.
    assert (corrected[:, 0] > plain[:, 0]).all()
    np.testing.assert_allclose(corrected[:, 2], plain[:, 2], rtol=1e-6)
    method = begin(Bagging(4, transition_matrix=None), Y)
    np.testing.assert_allclose(method.proba(Z), plain)
    with pytest.raises(ValueError, match=r"'transition_matrix' parameter .* \(3, 3\)"):
        begin(Bagging(transition_matrix=[[1.0]]), Y)


def test_correction_sees_that_one_class_hides_in_another():
    """Where .4 of a class is given the label of the next, a quarter of the errors goes."""
    X, y = load_digits(return_X_y=True)
    flipped = (y % 2 == 0) & (rng.random(len(y)) < 0.4)
    noisy = np.where(flipped, (y + 1) % 10, y)
    params = {"max_epochs": 30, "random_state": 0}
    clf = NoisyLabelClassifier("bagging", **params).fit(X[::2], noisy[::2])
    plain = NoisyLabelClassifier("bagging", method__transition_matrix=None, **params)
    wrong, wrong_plain = (
        1 - m.score(X[1::2], y[1::2]) for m in (clf, plain.fit(X[::2], noisy[::2]))
    )
    assert wrong < 0.75 * wrong_plain
    T = clf.method_.transition.numpy()
    ways = np.arange(10) % 2 == 0
    assert T.diagonal()[ways].mean() < 0.8 < 0.85 < T.diagonal()[~ways].mean()


def test_trusted_rows_show_how_their_class_was_labelled(begin, make_batch):
    method = begin(Bagging(4), Y)
    weight = torch.tensor(rng.random(20))
    weight /= weight.sum()
    for _ in range(2):
        # Nothing is left of the epoch before.
        Z = torch.tensor(3 * rng.normal(size=(4, 20, 3)))
        method.on_epoch_start(None, None)
        method.loss(Z, make_batch(Y, index=np.arange(20), weight=weight))
        unaided = method.transition
        method.on_epoch_start(None, None)
        batch = make_batch(Y, index=np.arange(20), weight=weight, trusted=[0, 3, 8])
        method.loss(Z, batch)
    said = method.out_of_bag
    # Rows 0 and 3 are of class 0, row 8 is of class 2; nobody is trusted for class 1.
    first, last = 20 * (weight[0] * said[0] + weight[3] * said[3]), 20 * weight[8] * said[8]
    expected = 5 * unaided + torch.stack([first, torch.zeros(3), last])
    torch.testing.assert_close(method.transition, expected / expected.sum(dim=1, keepdim=True))


def test_trusted_rows_that_look_wrong_do_little_harm():
    X, y = load_digits(return_X_y=True)
    clf = NoisyLabelClassifier(max_epochs=30, random_state=0).fit(X[::4], y[::4])
    score, trusted = clf.score(X[1::2], y[1::2]), np.zeros(len(X[::4]), dtype=bool)
    trusted[np.argsort(clf.label_quality_)[:20]] = True
    assert clf.fit(X[::4], y[::4], trusted=trusted).score(X[1::2], y[1::2]) > score - 0.02


@pytest.mark.parametrize("matrix", [None, np.eye(3)])
def test_trusted_rows_are_refused_where_nothing_is_estimated(matrix):
    clf = NoisyLabelClassifier(method__transition_matrix=matrix, max_epochs=1)
    with pytest.raises(ValueError, match=r"must be one that uses 'trusted' samples.*Got Bagging"):
        clf.fit(X, y, trusted=y == 0)


def test_a_perfect_epoch_is_judged(begin, make_batch):
    """And is not taken for one in which nothing was seen, after which training would never stop."""
    method = begin(Bagging(4), Y)
    method.steps.fill_(16)
    assert float(method.epoch_score()) == -np.inf
    method.loss(
        torch.tensor(1e6 * np.eye(3)[Y]).expand(4, -1, -1), make_batch(Y, index=np.arange(20))
    )
    assert float(method.epoch_score()) == 0


def test_trusted_rows_help_where_most_labels_of_a_class_are_wrong():
    X, y = load_digits(return_X_y=True)
    flipped = (y % 2 == 0) & (rng.random(len(y)) < 0.6)
    trusted = rng.random(len(y)) < 0.1
    noisy = np.where(flipped & ~trusted, (y + 1) % 10, y)
    clf = NoisyLabelClassifier(max_epochs=30, random_state=0)
    alone, helped = (
        clf.fit(X[::2], noisy[::2], trusted=t).score(X[1::2], y[1::2]) for t in (None, trusted[::2])
    )
    assert helped > alone + 0.03


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_each_network_is_trained_on_cross_entropy_of_its_bag(optimizer):
    first = nn.Linear(4, 3).double()
    params = {
        "module": first, "max_epochs": 8, "batch_size": -1, "precision": "float64",
        "optimizer": optimizer, "random_state": 0,
    }  # fmt: skip
    bagged = NoisyLabelClassifier("bagging", early_stopping=False, **params).fit(X, y)
    weight = bagged.method_.bags[0, :150].double().numpy()
    alone = NoisyLabelClassifier("ce", **params).fit(X, y, sample_weight=weight)
    for ours, theirs in zip(
        bagged.module_[0].parameters(), alone.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_training_goes_back_to_the_epoch_that_was_judged_best():
    judged = []

    class Watched(Bagging):
        def epoch_score(self):
            judged.append(float(super().epoch_score()))
            return judged[-1]

    noisy = np.where(rng.random(150) < 0.3, rng.integers(3, size=150), y)
    params = {"lr": 0.01, "max_epochs": 60, "n_iter_no_change": 5, "random_state": 0}
    clf = NoisyLabelClassifier(Watched, **params).fit(X, noisy)
    best = int(np.argmax(judged))
    assert clf.n_iter_ == len(judged) == best + 1 + 5 < 60
    again = NoisyLabelClassifier("bagging", early_stopping=False, **params)
    again.set_params(max_epochs=best + 1).fit(X, noisy)
    np.testing.assert_array_equal(clf.predict_proba(X), again.predict_proba(X))


def test_warm_up_is_not_judged():
    clf = NoisyLabelClassifier("bagging", warmup=15, n_iter_no_change=3, random_state=0).fit(X, y)
    assert clf.n_iter_ > 18


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_nothing_is_held_out(early_stopping):
    clf = NoisyLabelClassifier("bagging", max_epochs=3, early_stopping=early_stopping).fit(X, y)
    assert torch.isfinite(clf.method_.out_of_bag).all()
    assert "valid_loss" not in clf.history_[-1]


def test_out_of_bag_probabilities_tell_wrong_labels():
    wrong = rng.random(150) < 0.3
    noisy = np.where(wrong, (y + rng.integers(1, 3, 150)) % 3, y)
    clf = NoisyLabelClassifier("bagging", random_state=0).fit(X, noisy)
    doubted = clf.method_.out_of_bag.numpy().argmax(axis=1) != noisy
    assert (doubted == wrong).mean() > 0.85


def test_state_survives_a_pickle_and_is_forgotten_by_clone():
    clf = NoisyLabelClassifier("bagging", method__n_networks=3, max_epochs=3).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    for name, value in clf.method_.state_dict().items():
        assert torch.equal(again.method_.state_dict()[name], value), name
    np.testing.assert_array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert not dict(clone(clf.method_).named_buffers())
    assert clone(clf).get_params()["method__n_networks"] == 3


def test_beats_cross_entropy(score_on_noisy_digits, plain_score):
    assert score_on_noisy_digits(method="bagging") > plain_score + 0.1


def test_training_goes_on_with_other_rows():
    clf = NoisyLabelClassifier("bagging", random_state=0)
    for rows in np.split(rng.permutation(150), [20, 60]):
        clf.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        assert clf.method_.out_of_bag.shape == (len(rows), 3)
        assert torch.isfinite(clf.method_.out_of_bag).all()
    assert clf.n_iter_ == 3
