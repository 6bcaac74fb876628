import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import Bootstrap

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
P, LABELS, MOST_LIKELY = softmax(Z, axis=1), np.eye(3)[Y], np.eye(3)[Z.argmax(axis=1)]


@pytest.mark.parametrize(
    ("kind", "beta", "used"),
    [("hard", "auto", 0.8), ("soft", "auto", 0.95), ("hard", 0.1, 0.1), ("soft", 0.4, 0.4)],
)
def test_equation(make_batch, kind, beta, used):
    prediction = MOST_LIKELY if kind == "hard" else P
    target = used * LABELS + (1 - used) * prediction
    losses = Bootstrap(kind, beta).loss(torch.tensor(Z), make_batch(Y))
    np.testing.assert_allclose(losses, -(target * log_softmax(Z, axis=1)).sum(axis=1))


def gradient(method, batch):
    z = torch.tensor(Z, requires_grad=True)
    method.loss(z, batch).sum().backward()
    return z.grad


def test_no_gradient_passes_through_hard_predictions(make_batch):
    result = gradient(Bootstrap("hard", 0.3), make_batch(Y))
    np.testing.assert_allclose(result, P - 0.3 * LABELS - 0.7 * MOST_LIKELY)


def test_soft_predictions_add_the_gradient_of_the_entropy(make_batch):
    result = gradient(Bootstrap("soft", 0.3), make_batch(Y))
    entropy = -(P * np.log(P)).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(result, 0.3 * (P - LABELS) - 0.7 * P * (np.log(P) + entropy))


def test_smoothing_applies_to_the_label_only(make_batch):
    losses = Bootstrap("hard", 0.5).loss(torch.tensor(Z), make_batch(Y, rate=-1.0))
    target = 0.5 * (2 * LABELS - 1 / 3) + 0.5 * MOST_LIKELY
    np.testing.assert_allclose(losses, -(target * log_softmax(Z, axis=1)).sum(axis=1))


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_with_all_weight_on_the_label_it_is_cross_entropy(kind):
    params = {"max_epochs": 5, "random_state": 0}
    clf = NoisyLabelClassifier("bootstrap", method__kind=kind, method__beta=1.0, **params)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.fit(X, y).predict_proba(X), ce.predict_proba(X), rtol=1e-5)


# A network that can memorise all labels does so even with the authors' beta of 0.8.
def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="bootstrap", method__beta=0.1) > ce_score + 0.1
