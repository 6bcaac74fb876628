import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ELR

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def reference(Z, labels, memory, beta, lam):
    """Liu et al. 2020, Eq. 6 and 9, in the order of the authors' code."""
    p = softmax(Z, axis=1)
    memory = beta * memory + (1 - beta) * p
    ce = -log_softmax(Z, axis=1)[np.arange(len(labels)), labels]
    return ce + lam * np.log(1 - (1 - 1e-4) * (p * memory).sum(axis=1)), memory


@pytest.mark.parametrize(("beta", "lam"), [(0.7, 3.0), (0.0, 1.0), (0.9, 0.0)])
def test_equation(set_up, make_batch, beta, lam):
    method, memory = set_up(ELR(beta, lam), Y), np.zeros((7, 3))
    for _ in range(3):
        Z = rng.normal(scale=3, size=(7, 3))
        losses, memory = reference(Z, Y, memory, beta, lam)
        np.testing.assert_allclose(method.loss(torch.tensor(Z), make_batch(Y)), losses)
        np.testing.assert_allclose(method.memory, memory)


@pytest.mark.parametrize(("n_classes", "lam"), [(2, 2.0), (10, 3.0), (100, 7.0), (500, 7.0)])
def test_default_weight_follows_the_number_of_classes(set_up, make_batch, n_classes, lam):
    Z = torch.tensor(rng.normal(scale=3, size=(2, n_classes)))
    batch = make_batch([0, 1], n_classes)
    results = []
    for method in (ELR(), ELR(lam=lam)):
        method.register_buffer("memory", torch.zeros_like(Z))
        results.append(method.loss(Z, batch))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize(("lam", "slope"), [(1.0, -0.5), ("auto", -0.0474), (3.0, 0.4050)])
def test_confident_contradictions_grow_only_above_the_default_of_two_classes(
    make_batch, lam, slope
):
    method = ELR(beta=0.0, lam=lam)
    method.register_buffer("memory", torch.zeros(1, 2, dtype=torch.float64))
    z = torch.tensor([[0.0, 3.0]], dtype=torch.float64, requires_grad=True)
    method.loss(z, make_batch([0], 2)).sum().backward()
    # With a = softmax(z)[1] it is lam * (a - 1/2) - a: -1/2 for 1, a - 1 for 2, 2 a - 3/2 for 3.
    assert float(z.grad[0, 0]) == pytest.approx(slope, abs=2e-3)


def test_gradient(set_up, make_batch):
    # p - y + lam g, with g_c = p_c / (1 - <p, t>) * sum_k (t_k - t_c) p_k
    method = set_up(ELR(0.7, 3.0), Y)
    z = torch.tensor(rng.normal(size=(7, 3)), requires_grad=True)
    method.loss(z, make_batch(Y)).sum().backward()
    p, t = softmax(z.detach().numpy(), axis=1), method.memory.numpy()
    product = p * ((t * p).sum(axis=1, keepdims=True) - t * p.sum(axis=1, keepdims=True))
    shrink = 1 - 1e-4
    g = shrink * product / (1 - shrink * (p * t).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(z.grad, p - np.eye(3)[Y] + 3 * g, atol=1e-12)


def test_only_rows_of_the_batch_are_updated(set_up, make_batch):
    method = set_up(ELR(), np.zeros(10, dtype=int))
    method.loss(torch.tensor(rng.normal(size=(3, 3))), make_batch([0, 1, 2], index=[7, 2, 4]))
    updated = method.memory.abs().sum(dim=1) > 0
    assert torch.nonzero(updated).flatten().tolist() == [2, 4, 7]


def test_memory_has_no_gradient_and_confident_predictions_a_finite_loss(set_up, make_batch):
    method = set_up(ELR(), Y)
    z = torch.tensor(1e4 * np.eye(3)[Y], requires_grad=True)
    for _ in range(50):
        losses = method.loss(z, make_batch(Y))
    losses.sum().backward()
    assert not method.memory.requires_grad
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


def test_smoothing_changes_the_target_only(set_up, make_batch):
    Z = torch.tensor(rng.normal(size=(7, 3)))
    plain = set_up(ELR(), Y).loss(Z, make_batch(Y))
    smoothed = set_up(ELR(), Y).loss(Z, make_batch(Y, rate=-1.0))
    np.testing.assert_allclose(smoothed - plain, -(Z[np.arange(7), Y] - Z.mean(dim=1)))


def test_at_lam_zero_it_is_cross_entropy():
    params = {"max_epochs": 5, "random_state": 0, "warmup": 0}
    elr = NoisyLabelClassifier(method="elr", method__lam=0.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_array_equal(elr.predict_proba(X), ce.predict_proba(X))


def test_memory_has_the_order_of_the_rows_of_x():
    clf = NoisyLabelClassifier(method="elr", max_epochs=30, warmup=0, random_state=0).fit(X, y)
    memory = clf.method_.memory
    torch.testing.assert_close(memory.sum(dim=1), 1 - 0.7**30 * torch.ones(150))
    agree = (memory.numpy().argmax(axis=1) == clf.predict(X)).mean()
    assert agree > 0.95
    assert "memory" in clf.method_.state_dict()
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.memory, memory)


def test_rows_held_out_or_of_weight_zero_are_not_updated():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier(method="elr", max_epochs=2, early_stopping=True, random_state=0)
    empty = (clf.fit(X, y, weight).method_.memory == 0).all(dim=1)
    assert empty[[3, 77]].all()
    assert empty.sum() == 2 + 15


def test_a_given_instance_and_a_clone_have_no_state():
    method = ELR(beta=0.5)
    clf = NoisyLabelClassifier(method=method, max_epochs=2).fit(X, y)
    assert not dict(method.named_buffers())
    assert not dict(clone(clf.method_).named_buffers())
    assert clone(clf).get_params()["method__beta"] == 0.5


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="elr") > ce_score + 0.1
