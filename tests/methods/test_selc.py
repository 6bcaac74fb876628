import pickle

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import SELC

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
@pytest.mark.parametrize("momentum", [0.9, 0.5, 0.0])
def test_equation(set_up, make_batch, momentum, rate):
    # Lu and He 2022, Section 3, in the order of the authors' code.
    method = set_up(SELC(momentum), Y)
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    for epoch in range(4):
        Z = rng.normal(scale=3, size=(7, 3))
        target = momentum * target + (1 - momentum) * softmax(Z, axis=1)
        losses = method.loss(torch.tensor(Z), make_batch(Y, rate=rate, epoch=epoch))
        np.testing.assert_allclose(losses, -(target * log_softmax(Z, axis=1)).sum(axis=1))
        np.testing.assert_allclose(method.targets, target, atol=1e-12)


def test_weight_of_the_given_label_decays_geometrically(set_up, make_batch):
    # Unrolled: momentum ** n of the label, and (1 - momentum) * momentum ** (n - j) of the j-th p.
    method, probs = set_up(SELC(0.8), Y), rng.dirichlet(np.ones(3), size=(5, 7))
    for epoch, p in enumerate(probs):
        method.loss(torch.tensor(np.log(p)), make_batch(Y, epoch=epoch))
    weights = 0.2 * 0.8 ** np.arange(5)[::-1]
    expected = 0.8**5 * np.eye(3)[Y] + np.tensordot(weights, probs, 1)
    np.testing.assert_allclose(method.targets, expected)


def test_gradient_is_that_of_cross_entropy_to_a_fixed_target(set_up, make_batch):
    method = set_up(SELC(0.7), Y)
    z = torch.tensor(rng.normal(size=(7, 3)), requires_grad=True)
    method.loss(z, make_batch(Y)).sum().backward()
    p = softmax(z.detach().numpy(), axis=1)
    np.testing.assert_allclose(z.grad, 0.7 * (p - np.eye(3)[Y]), atol=1e-12)
    assert not method.targets.requires_grad


def test_soft_labels_are_the_first_targets(set_up, make_batch):
    method, soft = set_up(SELC(0.9), Y), torch.tensor(rng.dirichlet(np.ones(3), size=7))
    Z = torch.tensor(rng.normal(size=(7, 3)))
    method.loss(Z, make_batch(Y).replace(target=soft))
    torch.testing.assert_close(method.targets, 0.9 * soft + 0.1 * torch.softmax(Z, -1))


def test_only_rows_of_the_batch_are_updated(set_up, make_batch):
    method = set_up(SELC(), np.zeros(10, dtype=int))
    method.loss(torch.tensor(rng.normal(size=(3, 3))), make_batch([0, 0, 0], index=[7, 2, 4]))
    updated = method.targets[:, 0] < 1
    assert torch.nonzero(updated).flatten().tolist() == [2, 4, 7]


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_huge_logits_have_a_finite_loss_and_gradient(set_up, make_batch, rate):
    method = set_up(SELC(0.5), Y)
    z = torch.tensor(1e4 * rng.normal(size=(7, 3)), requires_grad=True)
    for epoch in range(3):
        losses = method.loss(z, make_batch(Y, rate=rate, epoch=epoch))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


@pytest.mark.parametrize("smoothing", [0.0, -0.5])
def test_at_momentum_one_it_is_cross_entropy(smoothing):
    params = {"max_epochs": 5, "warmup": 1, "smoothing": smoothing, "random_state": 0}
    selc = NoisyLabelClassifier("selc", method__momentum=1.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_array_equal(selc.predict_proba(X), ce.predict_proba(X))


def test_rows_held_out_or_of_weight_zero_keep_their_labels():
    weight = np.ones(150)
    weight[[3, 77]] = 0
    clf = NoisyLabelClassifier("selc", max_epochs=3, early_stopping=True, random_state=0)
    targets = clf.fit(X, y, weight).method_.targets.numpy()
    unchanged = (targets == np.eye(3, dtype=np.float32)[y]).all(axis=1)
    assert unchanged[[3, 77]].all()
    assert unchanged.sum() == 2 + 15


def test_continued_training_keeps_the_targets():
    params = {"max_epochs": 4, "batch_size": -1, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("selc", smoothing=0.2, **params).fit(X, y)
    before = clf.method_.targets.clone()
    clf.partial_fit(X, y)
    moved = (clf.method_.targets - 0.9 * before) / 0.1
    torch.testing.assert_close(moved.sum(dim=1), torch.ones(150, dtype=torch.float64))


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("selc", max_epochs=3, random_state=0).fit(X, y)
    assert set(clf.method_.state_dict()) == {"targets"}
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.targets, clf.method_.targets)
    assert not dict(clone(clf.method_).named_buffers())


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="selc") > ce_score + 0.1
