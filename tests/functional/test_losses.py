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


def test_cross_entropy_of_each_class():
    np.testing.assert_allclose(class_cross_entropy(logits), -log_softmax(Z, axis=-1))


@pytest.mark.parametrize("shape", [(7, 5), (3, 7, 5), (2, 3, 7, 2), (3, 7, 20), (3, 0, 5)])
def test_log_softmax_is_that_of_torch(shape):
    """Class by class or row by row, with its slopes."""
    z = torch.tensor(rng.normal(scale=3, size=shape), requires_grad=True)
    weight = torch.tensor(rng.normal(size=shape))
    for found in (ours(z), torch.log_softmax(z, dim=-1)):
        np.testing.assert_allclose(found.detach(), log_softmax(z.detach().numpy(), axis=-1))
    mine, theirs = (
        torch.autograd.grad((one * weight).sum(), z)[0]
        for one in (ours(z), torch.log_softmax(z, dim=-1))
    )
    np.testing.assert_allclose(mine, theirs, atol=1e-14)


def test_cross_entropy_of_huge_logits_is_finite():
    losses = class_cross_entropy(torch.tensor([[1e30, -1e30, 0.0]]))
    assert torch.isfinite(losses).all()


def test_cross_entropy_is_that_of_torch():
    ours = expected_loss(class_cross_entropy(logits), one_hot(labels, 5, torch.float64))
    theirs = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(ours, theirs)


def test_margin_is_the_given_logit_less_the_largest_other():
    expected_margin = [Z[i, k] - max(Z[i, j] for j in range(5) if j != k) for i, k in enumerate(Y)]
    np.testing.assert_allclose(margin(logits, labels), expected_margin)
    before = logits.clone()
    margin(torch.stack([logits, 2 * logits]), labels)
    assert torch.equal(logits, before)


def test_margin_of_two_networks():
    two = margin(torch.stack([logits, 2 * logits]), labels)
    np.testing.assert_allclose(two[1], 2 * two[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_hot(dtype):
    found = one_hot(labels.view(7, 1), 5, dtype)
    assert found.dtype is dtype
    np.testing.assert_array_equal(found[:, 0], np.eye(5)[Y])


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
    at_once = vmap(grad(total))(networks, rates)
    for z, rate, found in zip(networks, rates, at_once, strict=True):
        torch.testing.assert_close(found, grad(total)(z, rate))
        alone = z.clone().requires_grad_()
        total(alone, float(rate)).backward()
        torch.testing.assert_close(found, alone.grad)


@pytest.mark.parametrize("class_losses", CLASS_LOSSES.values(), ids=CLASS_LOSSES)
def test_class_losses_have_free_leading_axes(class_losses):
    stacked = class_losses(torch.stack([logits, 2 * logits]))
    torch.testing.assert_close(stacked[1], class_losses(2 * logits))


def test_the_rest_runs_under_vmap_and_grad():
    networks = torch.stack([logits, -logits])
    weight = torch.rand(7, dtype=torch.float64)
    torch.testing.assert_close(
        vmap(lambda z: margin(z, labels))(networks), margin(networks, labels)
    )
    keep = torch.softmax(networks[..., 0], dim=-1)
    torch.testing.assert_close(
        vmap(lambda k: normalize_weights(weight, k))(keep), normalize_weights(weight, keep)
    )
    found = vmap(lambda y: one_hot(y, 5))(labels.view(7, 1))
    np.testing.assert_array_equal(found[:, 0], np.eye(5)[Y])
    assert grad(lambda z: margin(z, labels).sum())(logits).abs().sum() == 14
