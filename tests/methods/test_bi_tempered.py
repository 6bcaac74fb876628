import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_iris

from sknoisy import NoisyLabelClassifier
from sknoisy.methods import GCE, BiTempered

X, y = load_iris(return_X_y=True)
Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
logits = torch.tensor(Z)
TEMPERATURES = pytest.mark.parametrize(("t1", "t2"), [(0.8, 1.2), (0.2, 4.0), (0.0, 2.0)])


def log_t(x, t):
    return (x ** (1 - t) - 1) / (1 - t)


def tempered_probabilities(z, t):
    def probabilities(shift):
        return (1 + (t - 1) * (shift - z)) ** (-1 / (t - 1))

    return probabilities(brentq(lambda s: probabilities(s).sum() - 1, z.max(), 1e4, xtol=1e-13))


@TEMPERATURES
@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_equation(make_batch, t1, t2, rate):
    # Amid et al. 2019, Eq. 8; terms of the label alone are left out for soft labels.
    batch = make_batch(Y, rate=rate)
    losses = BiTempered(t1, t2).loss(logits, batch)
    for z, target, loss in zip(Z, batch.target.numpy(), losses, strict=True):
        p = tempered_probabilities(z, t2)
        expected = -(target * log_t(p, t1)).sum() - (1 - (p ** (2 - t1)).sum()) / (2 - t1)
        assert float(loss) == pytest.approx(expected, rel=1e-8)


@TEMPERATURES
def test_gradient(make_batch, t1, t2):
    z = logits.clone().requires_grad_()
    BiTempered(t1, t2).loss(z, make_batch(Y)).sum().backward()
    for gradient, row, label in zip(z.grad, Z, Y, strict=True):
        p = tempered_probabilities(row, t2)
        d = (p - np.eye(3)[label]) * p ** (t2 - t1)
        np.testing.assert_allclose(gradient, d - p**t2 / (p**t2).sum() * d.sum(), rtol=1e-7)


def test_at_temperatures_of_one_it_is_cross_entropy():
    losses = BiTempered(1.0, 1.0).class_losses(logits)
    np.testing.assert_allclose(losses, -log_softmax(Z, axis=1), rtol=1e-9)
    params = {"max_epochs": 5, "warmup": 0, "precision": "float64", "random_state": 0}
    clf = NoisyLabelClassifier("bi_tempered", method__t1=1.0, method__t2=1.0, **params).fit(X, y)
    ce = NoisyLabelClassifier("ce", **params).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), ce.predict_proba(X), rtol=1e-6)


def test_with_the_usual_softmax_it_is_gce_and_a_term_of_the_prediction():
    difference = BiTempered(0.3, 1.0).class_losses(logits) - GCE(0.7).class_losses(logits)
    expected = ((softmax(Z, axis=1) ** 1.7).sum(axis=1) - 1) / 1.7
    np.testing.assert_allclose(difference, expected[:, None].repeat(3, axis=1))


@pytest.mark.parametrize(("n_classes", "t2"), [(2, 1.5), (10, 1.5), (100, 1.199), (1000, 1.079)])
def test_default_temperature_falls_with_the_number_of_classes(n_classes, t2):
    z = torch.linspace(-3, 3, n_classes, dtype=torch.float64)
    expected = BiTempered(0.2, t2).class_losses(z)
    torch.testing.assert_close(BiTempered().class_losses(z), expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("t1", [0.2, 0.8])
def test_loss_is_bounded(t1):
    losses = BiTempered(t1, 1.5).class_losses(torch.cat([logits, 1e8 * logits]))
    assert (losses >= -1e-9).all()
    assert losses.max() <= 1 / (1 - t1)
    assert losses.max() > 0.9 / (1 - t1)


@pytest.mark.parametrize(("t1", "t2"), [(0.8, 1.2), (1.0, 1.0), (0.2, 4.0)])
def test_loss_and_gradient_of_huge_logits_are_finite(t1, t2):
    z = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    losses = BiTempered(t1, t2).class_losses(z)
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(z.grad).all()


# With the default temperatures, labels are still memorised in so long a training.
@pytest.mark.parametrize(("params", "gain"), [({}, 0.02), ({"method__t2": 2.0}, 0.1)])
def test_beats_cross_entropy(score_on_noisy_digits, ce_score, params, gain):
    assert score_on_noisy_digits(method="bi_tempered", **params) > ce_score + gain
