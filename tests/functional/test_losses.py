"""Losses against plain numpy; all of them under vmap and grad."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
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
    squash_logits,
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


@pytest.mark.parametrize("k", [5, 20])
def test_bounds_of_several_networks(k):
    """Each has its own, and none where it is infinite."""
    z, bounds = torch.tensor(rng.normal(scale=3, size=(3, 7, k))), [0.5, 4.0, torch.inf]
    found = bound_logits(z, torch.tensor(bounds).view(3, 1, 1))
    for one, own, bound in zip(found[:2], z, bounds, strict=False):
        np.testing.assert_allclose(one, bound_logits(own, bound), rtol=1e-12)
    assert torch.equal(found[2], z[2])


def test_cross_entropy_of_huge_logits_is_finite():
    losses = class_cross_entropy(torch.tensor([[1e30, -1e30, 0.0]]))
    assert torch.isfinite(losses).all()


def test_cross_entropy_is_that_of_torch():
    ours = expected_loss(class_cross_entropy(logits), one_hot(labels, 5, torch.float64))
    theirs = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("rate", [r for r in RATES if r >= 0])
def test_positive_smoothing_is_that_of_torch(rate):
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
def test_smoothed_targets_keep_their_sum_and_order(rate, target):
    smoothed = smooth_labels(torch.tensor(target), rate).numpy()
    np.testing.assert_allclose(
        smoothed.sum(axis=1), (1 - rate) * target.sum(axis=1) + rate, atol=1e-10
    )
    np.testing.assert_allclose(smoothed, (1 - rate) * target + rate / 4, atol=1e-12)


@pytest.mark.parametrize("rate", RATES)
def test_gradient_of_the_smoothed_loss_is_probability_less_target(rate):
    target = smooth_labels(one_hot(labels, 5, torch.float64), rate)
    found = grad(lambda z: expected_loss(class_cross_entropy(z), target).sum())(logits)
    torch.testing.assert_close(found, torch.softmax(logits, -1) - target)


def test_negative_smoothing_has_no_lower_limit_but_on_bounded_logits():
    target = smooth_labels(one_hot(torch.tensor([0]), 3), -1.0)
    far = torch.tensor([[1e6, -1e6, -1e6]])
    assert expected_loss(class_cross_entropy(far), target).item() < -1e5
    assert (
        expected_loss(class_cross_entropy(bound_logits(far, 4.0)), target).item()
        > -4 * (1 + 1 / 3) - 0.1
    )


@pytest.mark.parametrize("bound", [0.5, 4.0])
def test_bound(bound):
    centred = Z - Z.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    found = bound_logits(logits, bound)
    np.testing.assert_allclose(found, centred / np.sqrt(1 + (length / bound) ** 2))
    assert (found.argsort(-1) == logits.argsort(-1)).all()
    assert (found.norm(dim=-1) < bound).all()
    torch.testing.assert_close(bound_logits(logits * 1e-6, bound), torch.tensor(centred * 1e-6))


def test_class_with_most_labels_leads_on_bounded_logits_however_negative_the_rate():
    # Bounding each logit by itself would leave both at the limit.
    shares = torch.tensor([[0.6, 0.4] + 8 * [0.0]], dtype=torch.float64)
    z = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([z], lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        expected_loss(
            class_cross_entropy(bound_logits(z, 4.0)), smooth_labels(shares, -16.0)
        ).sum().backward()
        optimizer.step()
    found = bound_logits(z, 4.0).detach()[0]
    assert found[0] > found[1] + 0.5
    assert (found[1] > found[2:] + 0.5).all()


@pytest.mark.parametrize("bound", [0.5, 4.0])
def test_squash(bound):
    np.testing.assert_allclose(squash_logits(logits, bound), Z / np.sqrt(1 + (Z / bound) ** 2))
    assert (squash_logits(logits, bound).argsort(-1) == logits.argsort(-1)).all()
    torch.testing.assert_close(squash_logits(logits * 1e-6, bound), logits * 1e-6)


@pytest.mark.parametrize("huge", [1e6, 1e25])
def test_huge_logits_are_squashed_to_the_bound_and_their_gradient_is_finite(huge):
    far = torch.tensor([-huge, huge])
    torch.testing.assert_close(squash_logits(far, 4.0), torch.tensor([-4.0, 4.0]))
    assert torch.isfinite(grad(lambda z: squash_logits(z, 4.0).sum())(far)).all()


@pytest.mark.parametrize("huge", [1e6, 1e18])
def test_bound_of_huge_logits_is_reached_and_their_gradient_finite(huge):
    far = torch.tensor([-huge, huge])
    reached = torch.tensor([-1.0, 1.0]) * 8**0.5
    torch.testing.assert_close(bound_logits(far, 4.0), reached)
    assert torch.isfinite(grad(lambda z: bound_logits(z, 4.0).sum())(far)).all()


def test_margin_is_the_given_logit_less_the_largest_other():
    expected_margin = [Z[i, k] - max(Z[i, j] for j in range(5) if j != k) for i, k in enumerate(Y)]
    np.testing.assert_allclose(margin(logits, labels), expected_margin)
    before = logits.clone()
    margin(torch.stack([logits, 2 * logits]), labels)
    assert torch.equal(logits, before)


def test_margin_of_two_networks():
    two = margin(torch.stack([logits, 2 * logits]), labels)
    np.testing.assert_allclose(two[1], 2 * two[0])


def test_shares():
    weight, keep = rng.random(7), rng.random((2, 7))
    found = normalize_weights(torch.tensor(weight), torch.tensor(keep))
    kept = weight * keep
    np.testing.assert_allclose(found, weight.sum() * kept / kept.sum(axis=1, keepdims=True))
    torch.testing.assert_close(normalize_weights(torch.tensor(weight)), torch.tensor(weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shares_where_nothing_is_kept_are_zero(dtype):
    assert (
        normalize_weights(torch.ones(3, dtype=dtype), torch.zeros(2, 3, dtype=dtype)) == 0
    ).all()


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
