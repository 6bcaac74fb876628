import numpy as np
import pytest
import torch
from scipy.special import entr, log_softmax, softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import JS

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
P = softmax(Z, axis=1)
logits = torch.tensor(Z)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_equation(make_batch, weight):
    # Englesson and Azizpour 2021, Eq. 5.
    mixture = weight * np.eye(3)[Y] + (1 - weight) * P
    divergence = entr(mixture).sum(axis=1) - (1 - weight) * entr(P).sum(axis=1)
    losses = JS(weight).loss(logits, make_batch(Y))
    np.testing.assert_allclose(losses, -divergence / ((1 - weight) * np.log(1 - weight)))


def test_in_the_limit_zero_it_is_cross_entropy():
    losses = JS(1e-8).class_losses(logits)
    np.testing.assert_allclose(losses, -log_softmax(Z, axis=1), rtol=1e-5)


def test_in_the_limit_one_it_is_half_of_the_mean_absolute_error():
    # The difference vanishes like the inverse of the logarithm of the weight's distance from one.
    for distance, tolerance in ((1e-5, 0.1), (1e-16, 0.03)):
        losses = JS(1 - distance).class_losses(logits)
        np.testing.assert_allclose(losses, 1 - P, atol=tolerance)


def test_training_at_a_small_weight_equals_that_on_cross_entropy():
    params = {"max_epochs": 5, "precision": "float64", "random_state": 0}
    js = NoisyLabelClassifier("js", method__label_weight=1e-7, warmup=0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(js.predict_proba(X), ce.predict_proba(X), rtol=1e-4)


@pytest.mark.parametrize("weight", [0.3, 0.9])
def test_sum_over_the_classes_is_bounded(weight):
    # Englesson and Azizpour 2021, Proposition 2.
    hard = torch.cat([logits, 1e3 * logits, 0 * logits])
    total = JS(weight).class_losses(hard).sum(dim=-1)
    extreme = torch.tensor([[0.0, 0.0, 0.0], [1e4, 0.0, 0.0]], dtype=torch.float64)
    least, largest = JS(weight).class_losses(extreme).sum(dim=-1)
    assert ((total >= least - 1e-9) & (total <= largest + 1e-9)).all()


def test_loss_and_gradient_of_huge_logits_are_finite():
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    losses = JS(0.5).class_losses(z)
    losses.sum().backward()
    torch.testing.assert_close(losses.detach(), torch.tensor([[0.0, 2.0, 2.0]]))
    assert torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="js") > ce_score + 0.1
