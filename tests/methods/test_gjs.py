import numpy as np
import pytest
import torch
from scipy.special import entr, softmax
from sklearn.datasets import load_iris
from torch import nn

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GJS, JS
from tests.views import linear_view

X, y = load_iris(return_X_y=True)
rng = np.random.default_rng(0)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def step(set_up, make_batch, x, view, weight, label_weight, rate=0.0):
    net = linear_view(weight, np.zeros((7, 2)), Y, augment=lambda _: torch.tensor(view))
    batch = make_batch(Y, rate=rate).replace(x=torch.tensor(x))
    return set_up(GJS(label_weight), Y, net=net).training_step(net, batch)


@pytest.mark.parametrize("label_weight", [0.1, 0.5, 0.9])
def test_equation(set_up, make_batch, label_weight):
    # Englesson and Azizpour 2021, Eq. 6, for three distributions.
    x, view = rng.normal(size=(2, 7, 2))
    weight = rng.normal(size=(2, 3))
    result = step(set_up, make_batch, x, view, weight, label_weight)
    p, q = softmax(x @ weight, axis=1), softmax(view @ weight, axis=1)
    rest = (1 - label_weight) / 2
    mixture = label_weight * np.eye(3)[Y] + rest * (p + q)
    divergence = entr(mixture).sum(axis=1) - rest * (entr(p) + entr(q)).sum(axis=1)
    scale = -1 / ((1 - label_weight) * np.log(1 - label_weight))
    np.testing.assert_allclose(result.losses.detach(), scale * divergence)


@pytest.mark.parametrize("rate", [0.0, 0.3, -1.0])
def test_with_two_equal_views_it_is_the_loss_of_one_view(set_up, make_batch, rate):
    x, weight = rng.normal(size=(7, 2)), rng.normal(size=(2, 3))
    result = step(set_up, make_batch, x, x, weight, 0.4, rate)
    expected = JS(0.4).loss(torch.tensor(x @ weight), make_batch(Y, rate=rate))
    torch.testing.assert_close(result.losses.detach(), expected)
    torch.testing.assert_close(result.logits.detach(), torch.tensor(x @ weight))


def test_training_with_equal_views_equals_that_with_one_view():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    gjs = NoisyLabelClassifier("gjs", augment=nn.Identity(), **params).fit(X, y)
    js = NoisyLabelClassifier("js", **params).fit(X, y)
    np.testing.assert_allclose(gjs.predict_proba(X), js.predict_proba(X), rtol=1e-6)


def test_training_at_a_small_weight_of_the_label_equals_that_on_cross_entropy():
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    gjs = NoisyLabelClassifier(
        "gjs", method__label_weight=1e-7, augment=nn.Identity(), **params
    ).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(gjs.predict_proba(X), ce.predict_proba(X), rtol=1e-4)


def test_views_that_are_predicted_differently_have_a_loss(set_up, make_batch):
    x, weight = rng.normal(size=(7, 2)), 1e3 * rng.normal(size=(2, 3))
    result = step(set_up, make_batch, x, -x, weight, 0.5)
    result.losses.sum().backward()
    assert (result.losses > 0.5).all() and torch.isfinite(result.losses).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="gjs") > ce_score + 0.1
