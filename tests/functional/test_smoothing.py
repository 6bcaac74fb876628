"""Smoothed labels against torch, and the rates and bounds chosen for a noise rate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax
from torch.func import grad

from sknoisy.functional import (
    class_cross_entropy,
    expected_loss,
    logit_bound_for_rate,
    one_hot,
    smooth_labels,
    smoothing_rate_for_noise,
)

rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 5))
Y = rng.integers(5, size=7)
logits, labels = torch.tensor(Z), torch.tensor(Y)
RATES = [-8.0, -1.0, -0.3, 0.0, 0.4, 1.0]


@pytest.mark.parametrize("rate", [r for r in RATES if r >= 0])
def test_positive_smoothing_agrees_with_torch(rate):
    ours = expected_loss(
        class_cross_entropy(logits), smooth_labels(one_hot(labels, 5, torch.float64), rate)
    )
    theirs = torch.nn.functional.cross_entropy(
        logits, labels, reduction="none", label_smoothing=rate
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("rate", RATES)
def test_smoothing_is_cross_entropy_plus_rate_times_the_centred_logit(rate):
    ours = expected_loss(
        class_cross_entropy(logits), smooth_labels(one_hot(labels, 5, torch.float64), rate)
    )
    z_y = Z[np.arange(7), Y]
    ce = -log_softmax(Z, axis=-1)[np.arange(7), Y]
    np.testing.assert_allclose(ours, ce + rate * (z_y - Z.mean(axis=1)))


@given(st.floats(-100, 1), arrays(float, (3, 4), elements=st.floats(0, 1)))
def test_smoothed_targets_are_mixed_with_the_uniform_distribution(rate, target):
    smoothed = smooth_labels(torch.tensor(target), rate).numpy()
    np.testing.assert_allclose(
        smoothed.sum(axis=1), (1 - rate) * target.sum(axis=1) + rate, atol=1e-10
    )
    np.testing.assert_allclose(smoothed, (1 - rate) * target + rate / 4, atol=1e-12)


@pytest.mark.parametrize("rate", RATES)
def test_gradient_of_the_smoothed_loss_is_probability_minus_target(rate):
    target = smooth_labels(one_hot(labels, 5, torch.float64), rate)
    gradient = grad(lambda z: expected_loss(class_cross_entropy(z), target).sum())(logits)
    torch.testing.assert_close(gradient, torch.softmax(logits, -1) - target)


@pytest.mark.parametrize(("noise", "n_classes"), [(0.1, 2), (0.2, 10), (0.6, 10), (0.4, 3)])
def test_theoretical_rate_removes_symmetric_noise_in_expectation(noise, n_classes):
    rate = smoothing_rate_for_noise(noise, n_classes)
    targets = smooth_labels(
        one_hot(torch.arange(n_classes), n_classes, torch.float64), rate
    ).numpy()
    T = np.full((n_classes, n_classes), noise / (n_classes - 1))
    np.fill_diagonal(T, 1 - noise)
    np.testing.assert_allclose(T @ targets, np.eye(n_classes), atol=1e-12)


def test_rate_decreases_with_the_noise_rate_and_stays_finite():
    rates = [smoothing_rate_for_noise(e, 4) for e in np.linspace(0, 1, 21)]
    assert rates[0] == 0.0
    assert (np.diff(rates) <= 0).all()
    assert rates[-1] == -256.0


def test_rate_decreases_with_memorization():
    theoretical = smoothing_rate_for_noise(0.2, 4)
    assert smoothing_rate_for_noise(0.2, 4, memorized=0.1) == pytest.approx(10 * theoretical)
    for little in (-0.1, 0.0, 0.005):
        assert smoothing_rate_for_noise(0.2, 4, little) == theoretical
    assert smoothing_rate_for_noise(0.2, 4, 1e9) == -256.0
    assert smoothing_rate_for_noise(0.0, 4, 1.0) == 0.0


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ((1.5, 10), "noise_rate"),
        ((-0.5, 10), "noise_rate"),
        ((np.nan, 10), "noise_rate"),
        (("0.5", 10), "noise_rate"),
        ((0.5, 1), "n_classes"),
        ((0.5, 2.5), "n_classes"),
    ],
)
def test_invalid_noise_rates_and_class_numbers_are_refused(params, name):
    message = f"'{name}' parameter of smoothing_rate_for_noise must be .* Got"
    with pytest.raises(ValueError, match=message):
        smoothing_rate_for_noise(*params)


@pytest.mark.parametrize("rate", [2, 1e-9, np.nan, "auto"])
def test_positive_rates_are_refused_by_logit_bound(rate):
    message = rf"'rate' parameter of logit_bound_for_rate must be .* \(-inf, 0\]\. Got {rate!r}"
    with pytest.raises(ValueError, match=message):
        logit_bound_for_rate(rate)


def test_bound_increases_as_the_rate_decreases():
    np.testing.assert_allclose(logit_bound_for_rate(0.0), 5.0)
    np.testing.assert_allclose(logit_bound_for_rate(-3.0), 10.0)
