import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import bound_logits
from sknoisy.methods import PeerLoss

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
CE = -log_softmax(Z, axis=1)


def losses_of(method, Z, batch):
    return method.loss(torch.tensor(Z), method.prepare_batch(None, batch))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 1.5])
def test_mean_loss_is_that_over_all_pairs_of_a_sample_and_a_label(set_up, make_batch, alpha):
    # Liu and Guo 2020, Eq. 3.
    weight = torch.tensor(rng.random(7))
    batch = make_batch(Y, weight=weight / weight.sum())
    losses = losses_of(set_up(PeerLoss(alpha, bound=None), Y), Z, batch)
    share = batch.weight.numpy()
    own = share @ CE[np.arange(7), Y]
    peers = share @ CE[:, Y] @ share
    assert float(batch.weight @ losses) == pytest.approx(own - alpha * peers)


def test_random_pairs_have_this_mean(set_up, make_batch):
    losses = losses_of(set_up(PeerLoss(0.7, bound=None), Y), Z, make_batch(Y))
    rows, labels = rng.integers(7, size=(2, 100_000))
    drawn = CE[np.arange(7), Y].mean() - 0.7 * CE[rows, Y[labels]].mean()
    assert float(losses.mean()) == pytest.approx(drawn, abs=0.05)


@pytest.mark.parametrize("alpha", [0.3, 0.6])
def test_with_equal_classes_it_is_negative_smoothing(set_up, make_batch, alpha):
    labels = np.array([0, 1, 2, 2, 1, 0])
    losses = losses_of(set_up(PeerLoss(alpha, bound=None), labels), Z[:6], make_batch(labels))
    target = make_batch(labels, rate=-alpha / (1 - alpha)).target.numpy()
    np.testing.assert_allclose(losses, (1 - alpha) * (target * CE[:6]).sum(axis=1))


def test_training_with_equal_classes_equals_that_with_negative_smoothing():
    # The factor 1 - alpha of the loss is made up by the learning rate.
    params = {"optimizer": "sgd", "max_epochs": 8, "warmup": 0, "batch_size": -1}
    params |= {"precision": "float64", "random_state": 0}
    peer = NoisyLabelClassifier(
        "peer", method__alpha=0.4, method__bound=None, lr=0.1, **params
    ).fit(X, y)
    smoothed = NoisyLabelClassifier(
        "ce", smoothing=-0.4 / 0.6, logit_bound=None, lr=0.06, **params
    ).fit(X, y)
    np.testing.assert_allclose(peer.predict_proba(X), smoothed.predict_proba(X), rtol=1e-8)


def test_without_the_peer_term_and_the_bound_it_is_cross_entropy():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    peer = NoisyLabelClassifier("peer", method__alpha=0.0, method__bound=None, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(peer.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


def test_logits_are_bounded_in_the_loss(set_up, make_batch):
    method, batch = set_up(PeerLoss(1.0, bound=2.0), Y), make_batch(Y)
    bounded = bound_logits(torch.tensor(1e3 * Z), 2.0).numpy()
    unbounded = set_up(PeerLoss(1.0, bound=None), Y)
    expected = losses_of(unbounded, bounded, batch)
    torch.testing.assert_close(losses_of(method, 1e3 * Z, batch), expected)


def test_default_weight_of_the_peer_term_follows_the_largest_class(set_up, make_evaluation):
    for labels, expected in (([0, 1, 2] * 4, 1.0), ([0] * 9 + [1, 2, 1], 1 / (3 * 0.75))):
        method = set_up(PeerLoss(), labels)
        assert method.peer_weight.isnan()
        logits = torch.zeros(12, 3, dtype=torch.float64)
        method.on_epoch_start(None, make_evaluation(labels, logits))
        assert float(method.peer_weight) == pytest.approx(expected)
        method.on_epoch_start(None, make_evaluation([0] * 12, logits, epoch=1))
        assert float(method.peer_weight) == pytest.approx(expected)


def test_a_given_weight_of_the_peer_term_is_not_changed(set_up, make_evaluation):
    method = set_up(PeerLoss(0.5), Y)
    method.on_epoch_start(None, make_evaluation(Y, torch.zeros(7, 3)))
    assert float(method.peer_weight) == pytest.approx(0.5)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_loss_and_gradient_of_huge_logits_are_finite(set_up, make_batch, alpha):
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True, dtype=torch.float64)
    method, batch = set_up(PeerLoss(alpha), [1]), make_batch([1])
    losses = method.loss(z, method.prepare_batch(None, batch))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="peer") > ce_score + 0.05
