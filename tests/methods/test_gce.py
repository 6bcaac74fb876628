import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GCE

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
logits = torch.tensor(Z)


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
def test_equation(q):
    np.testing.assert_allclose(GCE(q).class_losses(logits), (1 - softmax(Z, axis=1) ** q) / q)


def test_with_small_q_it_is_cross_entropy():
    np.testing.assert_allclose(GCE(1e-12).class_losses(logits), -log_softmax(Z, axis=1), rtol=1e-9)


def test_training_with_small_q_equals_that_on_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    gce = NoisyLabelClassifier(method="gce", method__q=1e-12, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(gce.predict_proba(X), ce.predict_proba(X), rtol=1e-6)


def test_with_q_of_one_it_is_half_of_the_mean_absolute_error():
    absolute = np.abs(np.eye(3)[:, None] - softmax(Z, axis=1)).sum(axis=-1).T
    np.testing.assert_allclose(GCE(1.0).class_losses(logits), absolute / 2)


@pytest.mark.parametrize("q", [0.2, 0.7, 1.0])
def test_sum_over_the_classes_is_bounded(q):
    # The bounds of Zhang and Sabuncu 2018; at q = 1 the loss is symmetric.
    n = 3
    hard = torch.cat([logits, 1e3 * logits, 0 * logits])
    total = GCE(q).class_losses(hard).sum(dim=-1)
    assert (total <= (n - 1) / q + 1e-9).all()
    assert (total >= (n - n ** (1 - q)) / q - 1e-9).all()


@pytest.mark.parametrize("q", [0.2, 0.7])
def test_gradient_is_that_of_cross_entropy_times_p_to_the_power_of_q(make_batch, q):
    labels = np.array([0, 2, 1, 1, 0, 2, 2])
    z = logits.clone().requires_grad_()
    GCE(q).loss(z, make_batch(labels)).sum().backward()
    p, target = softmax(Z, axis=1), np.eye(3)[labels]
    p_y = p[np.arange(7), labels]
    np.testing.assert_allclose(z.grad, p_y[:, None] ** q * (p - target))


def test_loss_and_gradient_of_huge_logits_are_finite():
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    losses = GCE().class_losses(z)
    losses.sum().backward()
    torch.testing.assert_close(losses.detach(), torch.tensor([[0.0, 1.0, 1.0]]) / 0.7)
    assert torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="gce") > ce_score + 0.1
