"""Losses against plain numpy; all of them under vmap and grad."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch.func import grad, vmap

from sknoisy.functional import (
    bound_logits,
    class_cross_entropy,
    expected_loss,
    margin,
    normalize_weights,
    one_hot,
    smooth_labels,
)
from sknoisy.functional import log_softmax as ours
from sknoisy.methods import METHODS, ClassLoss

rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 5))
Y = rng.integers(5, size=7)
logits, labels = torch.tensor(Z), torch.tensor(Y)
RATES = [-8.0, -1.0, -0.3, 0.0, 0.4, 1.0]


def test_cross_entropy_of_each_class_agrees_with_scipy():
    np.testing.assert_allclose(class_cross_entropy(logits), -log_softmax(Z, axis=-1))


@pytest.mark.parametrize("shape", [(7, 5), (3, 7, 5), (2, 3, 7, 2), (3, 7, 20), (3, 0, 5)])
def test_log_softmax_agrees_with_torch(shape):
    """In both memory layouts, with gradients."""
    z = torch.tensor(rng.normal(scale=3, size=shape), requires_grad=True)
    weight = torch.tensor(rng.normal(size=shape))
    np.testing.assert_allclose(ours(z).detach(), log_softmax(z.detach().numpy(), axis=-1))
    gradient, expected = (
        torch.autograd.grad((log_probs * weight).sum(), z)[0]
        for log_probs in (ours(z), torch.log_softmax(z, dim=-1))
    )
    np.testing.assert_allclose(gradient, expected, atol=1e-14)


def test_cross_entropy_of_huge_logits_is_finite():
    losses = class_cross_entropy(torch.tensor([[1e30, -1e30, 0.0]]))
    assert torch.isfinite(losses).all()


def test_cross_entropy_agrees_with_torch():
    ours = expected_loss(class_cross_entropy(logits), one_hot(labels, 5, torch.float64))
    theirs = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(ours, theirs)


def test_margin_is_the_given_logit_minus_the_largest_other():
    expected_margin = [Z[i, k] - max(Z[i, j] for j in range(5) if j != k) for i, k in enumerate(Y)]
    np.testing.assert_allclose(margin(logits, labels), expected_margin)


def test_margin_leaves_its_input_unchanged():
    before = logits.clone()
    margin(logits, labels)
    assert torch.equal(logits, before)


def test_margin_of_two_networks():
    margins = margin(torch.stack([logits, 2 * logits]), labels)
    np.testing.assert_allclose(margins[1], 2 * margins[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_hot_encodes_labels_in_the_requested_dtype(dtype):
    target = one_hot(labels.view(7, 1), 5, dtype)
    assert target.dtype is dtype
    np.testing.assert_array_equal(target[:, 0], np.eye(5)[Y])


# ---- vmap and grad -------------------------------------------------------------------------------

CLASS_LOSSES = {
    name: kind().class_losses for name, kind in METHODS.items() if issubclass(kind, ClassLoss)
}


@pytest.mark.parametrize("class_losses", CLASS_LOSSES.values(), ids=CLASS_LOSSES)
def test_class_losses_and_rates_run_under_vmap_and_grad(class_losses):
    target = one_hot(labels, 5, torch.float64)

    def total(z, rate):
        return expected_loss(class_losses(bound_logits(z, 4.0)), smooth_labels(target, rate)).sum()

    networks = torch.stack([logits, -logits, 0 * logits])
    rates = torch.tensor([-2.0, 0.0, 0.6], dtype=torch.float64)
    gradients = vmap(grad(total))(networks, rates)
    for z, rate, gradient in zip(networks, rates, gradients, strict=True):
        torch.testing.assert_close(gradient, grad(total)(z, rate))
        leaf = z.clone().requires_grad_()
        total(leaf, float(rate)).backward()
        torch.testing.assert_close(gradient, leaf.grad)


@pytest.mark.parametrize("class_losses", CLASS_LOSSES.values(), ids=CLASS_LOSSES)
def test_class_losses_take_any_leading_axes(class_losses):
    stacked = class_losses(torch.stack([logits, 2 * logits]))
    torch.testing.assert_close(stacked[1], class_losses(2 * logits))


def test_other_functions_run_under_vmap_and_grad():
    networks = torch.stack([logits, -logits])
    weight = torch.rand(7, dtype=torch.float64)
    torch.testing.assert_close(
        vmap(lambda z: margin(z, labels))(networks), margin(networks, labels)
    )
    selection = torch.softmax(networks[..., 0], dim=-1)
    torch.testing.assert_close(
        vmap(lambda part: normalize_weights(weight, part))(selection),
        normalize_weights(weight, selection),
    )
    target = vmap(lambda y: one_hot(y, 5))(labels.view(7, 1))
    np.testing.assert_array_equal(target[:, 0], np.eye(5)[Y])
    assert grad(lambda z: margin(z, labels).sum())(logits).abs().sum() == 14
