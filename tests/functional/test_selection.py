"""Selected samples and their weights against plain numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sknoisy.functional import (
    normalize_weights,
    select_small_loss,
)

rng = np.random.default_rng(0)


def reference(losses, weight, fraction):
    """Fill the room with the smallest losses, one after another."""
    kept, room = np.zeros(len(losses)), fraction * weight.sum()
    for i in np.argsort(losses, kind="stable"):
        kept[i] = min(1.0, max(0.0, room / weight[i]))
        room -= weight[i]
    return kept


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0.01, 10)), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_small_loss_fills_the_room(rows, fraction):
    losses, weight = np.array(rows).T
    kept = select_small_loss(torch.tensor(losses), torch.tensor(weight), fraction).numpy()
    np.testing.assert_allclose(kept, reference(losses, weight, fraction), atol=1e-8)
    np.testing.assert_allclose((kept * weight).sum(), fraction * weight.sum(), atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fraction", [1.0, torch.tensor(1.0)])
def test_whole_fraction_keeps_all_in_full(dtype, fraction):
    # Also where the cumulated weights are rounded: at 1 nothing may be lost.
    losses = torch.tensor(rng.random((2, 128)), dtype=dtype)
    weight = torch.tensor(rng.random(128) * 3, dtype=dtype)
    assert (select_small_loss(losses, weight, fraction) == 1).all()


def test_nothing_is_kept_of_no_fraction():
    assert (select_small_loss(torch.rand(2, 9), torch.rand(9), 0.0) == 0).all()


def test_each_network_has_its_own_order():
    losses = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    kept = select_small_loss(losses, torch.ones(4), 0.5)
    assert kept.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]


def test_a_sample_of_weight_two_counts_as_the_sample_twice():
    losses, weight = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 1.0])
    kept = select_small_loss(losses, weight, 0.6)
    twice = select_small_loss(torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.ones(4), 0.6)
    torch.testing.assert_close(2 * kept[1], twice[1] + twice[2])
    torch.testing.assert_close(kept[[0, 2]], twice[[0, 3]])


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
