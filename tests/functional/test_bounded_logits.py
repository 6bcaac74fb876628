"""Bounded logits against plain numpy."""

import numpy as np
import pytest
import torch
from torch.func import grad

from sknoisy.functional import (
    bound_logits,
    class_cross_entropy,
    expected_loss,
    one_hot,
    smooth_labels,
    squash_logits,
)

rng = np.random.default_rng(0)
Z = rng.normal(scale=3, size=(7, 5))
logits = torch.tensor(Z)


@pytest.mark.parametrize("k", [5, 20])
def test_each_network_can_have_its_own_bound(k):
    """An infinite bound changes nothing."""
    z, bounds = torch.tensor(rng.normal(scale=3, size=(3, 7, k))), [0.5, 4.0, torch.inf]
    bounded = bound_logits(z, torch.tensor(bounds).view(3, 1, 1))
    for network, bound in enumerate(bounds[:2]):
        expected = bound_logits(z[network], bound)
        np.testing.assert_allclose(bounded[network], expected, rtol=1e-12)
    assert torch.equal(bounded[2], z[2])


def test_negative_smoothing_has_a_lower_limit_only_on_bounded_logits():
    target = smooth_labels(one_hot(torch.tensor([0]), 3), -1.0)
    logits = torch.tensor([[1e6, -1e6, -1e6]])
    assert expected_loss(class_cross_entropy(logits), target).item() < -1e5
    assert (
        expected_loss(class_cross_entropy(bound_logits(logits, 4.0)), target).item()
        > -4 * (1 + 1 / 3) - 0.1
    )


@pytest.mark.parametrize("bound", [0.5, 4.0])
def test_norm_of_centred_logits_is_bounded(bound):
    centred = Z - Z.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    bounded = bound_logits(logits, bound)
    np.testing.assert_allclose(bounded, centred / np.sqrt(1 + (norm / bound) ** 2))
    assert (bounded.argsort(-1) == logits.argsort(-1)).all()
    assert (bounded.norm(dim=-1) < bound).all()
    torch.testing.assert_close(bound_logits(logits * 1e-6, bound), torch.tensor(centred * 1e-6))


def test_most_frequent_class_gets_the_largest_logit_at_very_negative_rates():
    # If each logit was bounded by itself, both would reach the bound.
    target = torch.tensor([[0.6, 0.4] + 8 * [0.0]], dtype=torch.float64)
    z = torch.zeros(1, 10, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([z], lr=0.1)
    for _ in range(500):
        optimizer.zero_grad()
        expected_loss(
            class_cross_entropy(bound_logits(z, 4.0)), smooth_labels(target, -16.0)
        ).sum().backward()
        optimizer.step()
    bounded = bound_logits(z, 4.0).detach()[0]
    assert bounded[0] > bounded[1] + 0.5
    assert (bounded[1] > bounded[2:] + 0.5).all()


@pytest.mark.parametrize("huge", [1e6, 1e18])
def test_huge_logits_reach_the_bound_with_a_finite_gradient(huge):
    logits = torch.tensor([-huge, huge])
    reached = torch.tensor([-1.0, 1.0]) * 8**0.5
    torch.testing.assert_close(bound_logits(logits, 4.0), reached)
    assert torch.isfinite(grad(lambda z: bound_logits(z, 4.0).sum())(logits)).all()


@pytest.mark.parametrize("bound", [0.5, 4.0])
def test_each_logit_is_squashed(bound):
    np.testing.assert_allclose(squash_logits(logits, bound), Z / np.sqrt(1 + (Z / bound) ** 2))
    assert (squash_logits(logits, bound).argsort(-1) == logits.argsort(-1)).all()
    torch.testing.assert_close(squash_logits(logits * 1e-6, bound), logits * 1e-6)


@pytest.mark.parametrize("huge", [1e6, 1e25])
def test_huge_logits_are_squashed_to_the_bound_with_a_finite_gradient(huge):
    logits = torch.tensor([-huge, huge])
    torch.testing.assert_close(squash_logits(logits, 4.0), torch.tensor([-4.0, 4.0]))
    assert torch.isfinite(grad(lambda z: squash_logits(z, 4.0).sum())(logits)).all()
