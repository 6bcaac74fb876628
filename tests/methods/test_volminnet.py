import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import VolMinNet
from sknoisy.methods._transition import estimate_transition_matrix
from sknoisy.noise import corrupt_labels

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("rate", [0.0, -1.0, 0.3])
def test_equation(set_up, make_batch, rate):
    method, W = set_up(VolMinNet(lam=0.3, start=0.1), Y), rng.normal(size=(3, 3))
    method.ratio_logits.data.copy_(torch.tensor(W))
    ratios = np.where(np.eye(3), 1, 0.99 * expit(W))
    T = ratios / ratios.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(method.transition.detach(), T)
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    expected = -(target * np.log(softmax(Z, axis=1) @ T)).sum(axis=1)
    losses = method.loss(torch.tensor(Z), make_batch(Y, rate=rate))
    np.testing.assert_allclose(losses.detach(), expected + 0.3 * np.log(np.linalg.det(T)))


def test_gradient_reaches_matrix_and_network(set_up, make_batch):
    method, z = set_up(VolMinNet(start=0.2), Y), torch.tensor(Z, requires_grad=True)
    method.loss(z, make_batch(Y)).sum().backward()
    off_diagonal = ~torch.eye(3, dtype=torch.bool)
    assert (method.ratio_logits.grad[off_diagonal] != 0).all()
    assert (method.ratio_logits.grad.diagonal() == 0).all()
    assert (z.grad != 0).all()


def test_the_penalty_reduces_the_determinant(set_up, make_batch):
    method, logits = set_up(VolMinNet(lam=1.0, start=0.3), Y), torch.zeros(7, 3).double()
    before = torch.linalg.det(method.transition)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        method.loss(logits, make_batch(Y)).mean().backward()
        optimizer.step()
    assert 0 < torch.linalg.det(method.transition) < 0.8 * before


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_loss_and_gradient_are_finite(set_up, make_batch, logit):
    method, z = set_up(VolMinNet(start=0.5), [0, 0]), torch.tensor([[0.0, 1e4, -1e4], [0.0] * 3])
    method.ratio_logits.data.copy_(torch.triu(torch.full((3, 3), logit)))
    z = z.double().requires_grad_()
    losses = method.loss(z, make_batch([0, 0]))
    losses.sum().backward()
    for values in (losses, z.grad, method.ratio_logits.grad):
        assert torch.isfinite(values).all()


def test_starting_at_zero_is_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("volminnet", method__start=0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-8)
    assert torch.equal(clf.method_.transition, torch.eye(3).double())


def test_the_start_is_the_estimate_at_the_end_of_warm_up(set_up, make_evaluation):
    method = set_up(VolMinNet(), Y)
    assert method.ratio_logits.isnan().all()
    evaluation = make_evaluation(Y, Z, epoch=5)
    method.on_epoch_start(None, evaluation)
    estimate = estimate_transition_matrix(evaluation)
    np.testing.assert_allclose(method.transition.detach(), estimate, atol=0.02)
    before = method.transition.clone()
    method.on_epoch_start(None, make_evaluation(Y[::-1].copy(), Z, epoch=6))
    assert torch.equal(method.transition, before)


def test_trusted_rows_are_not_corrected(set_up, make_batch):
    method = set_up(VolMinNet(start=0.4, lam=0), Y)
    plain, corrected = (
        method.loss(torch.tensor(Z), make_batch(Y, trusted=rows)) for rows in ([0, 3], None)
    )
    differs = (plain != corrected).numpy()
    np.testing.assert_array_equal(differs, np.isin(np.arange(7), [0, 3]))


def test_the_matrix_is_learned_from_a_start_that_is_the_same_for_all_entries():
    T = np.array([[0.7, 0.3, 0.0], [0.0, 0.9, 0.1], [0.2, 0.2, 0.6]])
    points, labels = make_blobs(600, n_features=2, centers=3, random_state=1)
    noisy = corrupt_labels(labels, T, random_state=0)
    params = {"method__start": 0.2, "lr": 0.01, "max_epochs": 60, "random_state": 0}
    clf = NoisyLabelClassifier("volminnet", method__lam=1e-4, **params).fit(points, noisy)
    np.testing.assert_allclose(clf.method_.transition.detach(), T, atol=0.12)


def test_state_is_pickled_and_not_cloned():
    clf = NoisyLabelClassifier("volminnet", max_epochs=20, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(clf))
    assert torch.equal(loaded.method_.transition, clf.method_.transition)
    assert not clone(clf.method_).state_dict()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="volminnet") > ce_score + 0.03
