import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import bound_logits
from sknoisy.methods import CORES2

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
CE = -log_softmax(Z, axis=1)


def losses_of(method, Z, batch):
    return method.loss(torch.tensor(Z), method.prepare_batch(None, batch))


@pytest.mark.parametrize("beta", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("epoch", [0, 3, 10, 50])
def test_equation(set_up, make_batch, make_evaluation, beta, epoch):
    # Cheng et al. 2021, Eq. 2 and 3.
    method = set_up(CORES2(beta, ramp_epochs=10, sieve_epoch=100, bound=None), Y)
    weight = torch.tensor(rng.random(7))
    method.on_epoch_start(None, make_evaluation(Y, Z, epoch, weight))
    frequencies = np.bincount(Y, weight) / weight.numpy().sum()
    np.testing.assert_allclose(method.frequencies, frequencies)
    losses = losses_of(method, Z, make_batch(Y, epoch=epoch))
    expected = CE[np.arange(7), Y] - beta * min(epoch / 10, 1) * CE @ frequencies
    np.testing.assert_allclose(losses, expected)


def test_sieve_keeps_samples_whose_label_is_above_average(set_up, make_batch, make_evaluation):
    # Cheng et al. 2021, Eq. 4, where the regulariser cancels.
    method = set_up(CORES2(sieve_epoch=5), Y)
    method.on_epoch_start(None, make_evaluation(Y, Z, epoch=4))
    np.testing.assert_array_equal(method.kept, np.ones(7))
    method.on_epoch_start(None, make_evaluation(Y, Z, epoch=5))
    kept = CE[np.arange(7), Y] <= CE.mean(axis=1)
    assert 0 < kept.sum() < 7
    np.testing.assert_array_equal(method.kept, kept)
    np.testing.assert_allclose(method.frequencies, np.bincount(Y[kept], minlength=3) / kept.sum())
    index = [6, 0, 3]
    weights = method.sample_weights(torch.zeros(3), make_batch(Y[index], index=index))
    np.testing.assert_array_equal(weights, kept[index])


def test_a_sieve_that_would_keep_nothing_keeps_everything(set_up, make_evaluation):
    method = set_up(CORES2(sieve_epoch=0), Y)
    wrong = -9 * torch.eye(3, dtype=torch.float64)[torch.tensor(Y)]
    method.on_epoch_start(None, make_evaluation(Y, wrong))
    assert method.kept.all() and torch.isfinite(method.frequencies).all()


def test_logits_are_bounded_in_the_loss(set_up, make_batch, make_evaluation):
    batch, bounded = make_batch(Y, epoch=30), bound_logits(torch.tensor(1e3 * Z), 2.0).numpy()
    losses = []
    for bound, logits in ((2.0, 1e3 * Z), (None, bounded)):
        method = set_up(CORES2(2.0, bound=bound), Y)
        method.on_epoch_start(None, make_evaluation(Y, Z, epoch=0))
        losses.append(losses_of(method, logits, batch))
    torch.testing.assert_close(*losses)


def test_without_regulariser_sieve_and_bound_it_is_cross_entropy():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    own = {"method__beta": 0.0, "method__bound": None}
    cores2 = NoisyLabelClassifier("cores2", **own, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(cores2.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("cores2", method__sieve_epoch=1, max_epochs=4, random_state=0)
    clf.set_params(warmup=0)
    noisy = np.where(np.arange(150) % 5 == 0, (y + 1) % 3, y)
    clf.set_params(lr=0.01, batch_size=16).fit(X, noisy)
    assert 0 < clf.method_.kept.sum() < 150
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.kept, clf.method_.kept)
    assert not dict(clone(clf.method_).named_buffers())


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_loss_and_gradient_of_huge_logits_are_finite(set_up, make_batch, make_evaluation, beta):
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True, dtype=torch.float64)
    method, batch = set_up(CORES2(beta), [1]), make_batch([1], epoch=30)
    method.on_epoch_start(None, make_evaluation([1], torch.zeros(1, 3, dtype=torch.float64)))
    losses = method.loss(z, method.prepare_batch(None, batch))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="cores2") > ce_score + 0.1


def test_default_weight_follows_the_largest_class(set_up, make_evaluation):
    for labels, expected in (([0, 1, 2] * 4, 2.0), ([0] * 9 + [1, 2, 1], 2 / (3 * 0.75) ** 2)):
        method = set_up(CORES2(), labels)
        assert method.weight.isnan()
        logits = torch.zeros(12, 3, dtype=torch.float64)
        method.on_epoch_start(None, make_evaluation(labels, logits))
        assert float(method.weight) == pytest.approx(expected)
        method.on_epoch_start(None, make_evaluation([0] * 12, logits, epoch=1))
        assert float(method.weight) == pytest.approx(expected)
