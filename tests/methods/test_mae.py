import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GCE, MAE

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def test_equation(make_batch):
    absolute = np.abs(np.eye(3)[Y] - softmax(Z, axis=1)).sum(axis=1)
    np.testing.assert_allclose(MAE().loss(torch.tensor(Z), make_batch(Y)), absolute)


def test_losses_of_all_classes_sum_to_a_constant():
    hard = torch.tensor(np.concatenate([Z, 1e3 * Z, 0 * Z]))
    np.testing.assert_allclose(MAE().class_losses(hard).sum(dim=-1), 2 * (3 - 1))


def test_it_is_twice_gce_with_q_of_one():
    z = torch.tensor(Z)
    np.testing.assert_allclose(MAE().class_losses(z), 2 * GCE(1.0).class_losses(z))


@pytest.mark.parametrize("rate", [-1.0, 0.3])
def test_smoothing_only_scales_the_gradient(make_batch, rate):
    gradients = []
    for batch in (make_batch(Y), make_batch(Y, rate=rate)):
        z = torch.tensor(Z, requires_grad=True)
        MAE().loss(z, batch).sum().backward()
        gradients.append(z.grad)
    np.testing.assert_allclose(gradients[1], (1 - rate) * gradients[0], atol=1e-12)


def test_confident_errors_have_almost_no_gradient(make_batch):
    z = torch.tensor([[0.0, 30.0, 0.0], [1e4, -1e4, 0.0]], requires_grad=True)
    losses = MAE().loss(z, make_batch([0, 1]))
    losses.sum().backward()
    np.testing.assert_allclose(losses.detach(), 2)
    assert torch.isfinite(z.grad).all() and z.grad.abs().max() < 1e-9


def test_training_equals_that_of_gce_with_q_of_one_at_twice_the_learning_rate():
    params = {"optimizer": "sgd", "max_epochs": 5, "precision": "float64", "random_state": 0}
    mae = NoisyLabelClassifier("mae", lr=0.05, warmup=0, **params).fit(X, y)
    gce = NoisyLabelClassifier("gce", lr=0.1, method__q=1.0, **params).fit(X, y)
    np.testing.assert_allclose(mae.predict_proba(X), gce.predict_proba(X), rtol=1e-8)


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="mae") > ce_score + 0.1
