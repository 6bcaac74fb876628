import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr, softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ConfidencePenalty

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])


@pytest.mark.parametrize("beta", [0.0, 0.1, 2.0])
@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_equation(make_batch, beta, rate):
    p, log_p = softmax(Z, axis=1), log_softmax(Z, axis=1)
    target = (1 - rate) * np.eye(3)[Y] + rate / 3
    expected = -(target * log_p).sum(axis=1) + beta * (p * log_p).sum(axis=1)
    losses = ConfidencePenalty(beta).loss(torch.tensor(Z), make_batch(Y, rate=rate))
    np.testing.assert_allclose(losses, expected)


def test_penalty_is_the_divergence_from_the_uniform_distribution():
    z = torch.tensor(Z)
    penalty = ConfidencePenalty(1.0).class_losses(z) - ConfidencePenalty(0.0).class_losses(z)
    divergence = rel_entr(softmax(Z, axis=1), 1 / 3).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(penalty, np.repeat(divergence - np.log(3), 3, axis=1))


def test_loss_and_gradient_of_huge_logits_are_finite():
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    ConfidencePenalty().class_losses(z).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_at_beta_zero_it_is_cross_entropy():
    params = {"max_epochs": 5, "random_state": 0}
    clf = NoisyLabelClassifier("confidence_penalty", method__beta=0.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-5)


@pytest.mark.slow
def test_log_loss_is_lower_than_that_of_cross_entropy():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.4, (y + rng.integers(1, 10, len(y))) % 10, y)
    params = {"max_epochs": 60, "batch_size": 64, "lr": 0.003, "random_state": 0}
    ce, penalised = (
        NoisyLabelClassifier(method, **method_params, **params).fit(X, noisy).predict_proba(X_test)
        for method, method_params in (("ce", {}), ("confidence_penalty", {"method__beta": 0.5}))
    )
    assert log_loss(y_test, penalised) < log_loss(y_test, ce) - 0.2
    # The accuracy on noisy labels changes little.
    scores = [accuracy_score(y_test, p.argmax(axis=1)) for p in (ce, penalised)]
    assert scores[1] > scores[0] - 0.05
