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
    """Select the smallest losses one after another until the weight is used up."""
    selected, left = np.zeros(len(losses)), fraction * weight.sum()
    for i in np.argsort(losses, kind="stable"):
        selected[i] = min(1.0, max(0.0, left / weight[i]))
        left -= weight[i]
    return selected


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(0.01, 10)), min_size=1, max_size=20),
    st.floats(0, 1),
)
def test_selection_has_the_requested_fraction_of_the_weight(rows, fraction):
    losses, weight = np.array(rows).T
    selected = select_small_loss(torch.tensor(losses), torch.tensor(weight), fraction).numpy()
    np.testing.assert_allclose(selected, reference(losses, weight, fraction), atol=1e-8)
    np.testing.assert_allclose((selected * weight).sum(), fraction * weight.sum(), atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fraction", [1.0, torch.tensor(1.0)])
def test_fraction_of_one_selects_all_samples(dtype, fraction):
    # Rounding of the cumulated weights must not deselect any.
    losses = torch.tensor(rng.random((2, 128)), dtype=dtype)
    weight = torch.tensor(rng.random(128) * 3, dtype=dtype)
    assert (select_small_loss(losses, weight, fraction) == 1).all()


def test_fraction_of_zero_selects_no_sample():
    assert (select_small_loss(torch.rand(2, 9), torch.rand(9), 0.0) == 0).all()


def test_each_network_selects_by_its_own_losses():
    losses = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    selected = select_small_loss(losses, torch.ones(4), 0.5)
    assert selected.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]


def test_a_sample_of_weight_two_counts_as_the_sample_twice():
    losses, weight = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 1.0])
    selected = select_small_loss(losses, weight, 0.6)
    twice = select_small_loss(torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.ones(4), 0.6)
    torch.testing.assert_close(2 * selected[1], twice[1] + twice[2])
    torch.testing.assert_close(selected[[0, 2]], twice[[0, 3]])


def test_normalized_weights_have_the_sum_of_the_given_ones():
    weight, selection = rng.random(7), rng.random((2, 7))
    normalized = normalize_weights(torch.tensor(weight), torch.tensor(selection))
    product = weight * selection
    expected = weight.sum() * product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(normalized, expected)
    torch.testing.assert_close(normalize_weights(torch.tensor(weight)), torch.tensor(weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_are_zero_if_no_sample_is_selected(dtype):
    assert (
        normalize_weights(torch.ones(3, dtype=dtype), torch.zeros(2, 3, dtype=dtype)) == 0
    ).all()
