import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import SCE

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize(("alpha", "beta", "floor"), [(0.1, 1.0, 1e-4), (6.0, 0.1, 1e-2)])
def test_equation(make_batch, alpha, beta, floor):
    labels = np.eye(3)[Y]
    forward = -(labels * log_softmax(Z, axis=1)).sum(axis=1)
    reverse = -(softmax(Z, axis=1) * np.log(labels.clip(floor, 1))).sum(axis=1)
    losses = SCE(alpha, beta, np.log(floor)).loss(torch.tensor(Z), make_batch(Y))
    np.testing.assert_allclose(losses, alpha * forward + beta * reverse)


def test_default_log_zero_is_that_of_the_authors_code():
    assert SCE().log_zero == pytest.approx(np.log(1e-4))


def test_reverse_losses_of_all_classes_sum_to_a_constant():
    hard = torch.tensor(np.concatenate([Z, 1e3 * Z, 0 * Z]))
    total = SCE(alpha=0.0, log_zero=-4).class_losses(hard).sum(dim=-1)
    np.testing.assert_allclose(total, 4 * (3 - 1))


def test_loss_and_gradient_of_huge_logits_are_finite():
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    SCE().class_losses(z).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_without_the_reverse_part_it_is_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    sce = NoisyLabelClassifier("sce", method__alpha=1.0, method__beta=0.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(sce.predict_proba(X), ce.predict_proba(X), rtol=1e-8)


# With the authors' weights, the cross-entropy part still memorises some labels.
@pytest.mark.parametrize(("params", "gain"), [({}, 0.03), ({"method__alpha": 0.01}, 0.1)])
def test_beats_cross_entropy(score_on_noisy_digits, ce_score, params, gain):
    assert score_on_noisy_digits(method="sce", **params) > ce_score + gain
