"""Beliefs about labels against plain numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from sknoisy._training.records import LabelQuality
from sknoisy.functional import (
    gmm_clean_probability,
    knn_label_distribution,
    nearest_neighbors,
    select_small_loss,
)
from sknoisy.functional.gaussian_mixture import _binned, _two_normals

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


def test_quality_is_the_mean_of_the_squashed_margins():
    quality = LabelQuality(4, torch.device("cpu"))
    first, second = torch.tensor(rng.normal(size=(2, 3, 5)))
    y = torch.tensor([0, 1, 2])
    quality.add(first, y, torch.tensor([2, 0, 3]))
    quality.add(second[:1], y[:1], torch.tensor([2]))

    def believed(z, k):
        return expit(z[k] - max(z[j] for j in range(5) if j != k))

    first, second = first.numpy(), second.numpy()
    assert quality.unvisited().tolist() == [1]
    found = quality.numpy()
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[0], believed(first[1], 1), rtol=1e-5)
    np.testing.assert_allclose(
        found[2], (believed(first[0], 0) + believed(second[0], 0)) / 2, rtol=1e-5
    )


def test_quality_of_two_networks_is_their_mean():
    both, each = LabelQuality(3, torch.device("cpu")), []
    logits, y = torch.tensor(rng.normal(size=(2, 3, 4))), torch.tensor([0, 3, 1])
    both.add(logits, y, torch.arange(3))
    for one in logits:
        alone = LabelQuality(3, torch.device("cpu"))
        alone.add(one, y, torch.arange(3))
        each.append(alone.numpy())
    np.testing.assert_allclose(both.numpy(), np.mean(each, axis=0), rtol=1e-6)


def test_quality_of_networks_told_apart():
    apart = LabelQuality(4, torch.device("cpu"), 3)
    logits, y = torch.tensor(rng.normal(size=(2, 3, 2, 5))), torch.tensor([0, 4])
    apart.add(logits[0], y, torch.tensor([2, 0]), torch.arange(3))
    apart.add(logits[1, :2], y, torch.tensor([1, 2]), torch.tensor([0, 2]))
    for network, second in ((0, 0), (1, None), (2, 1)):
        alone = LabelQuality(4, torch.device("cpu"))
        alone.add(logits[0, network], y, torch.tensor([2, 0]))
        if second is not None:
            alone.add(logits[1, second], y, torch.tensor([1, 2]))
        np.testing.assert_array_equal(apart.of_member(network).numpy(), alone.numpy())
        assert torch.equal(apart.of_member(network).unvisited(), alone.unvisited())


@pytest.mark.parametrize("n", [500, 5000])
def test_lower_component_agrees_with_scikit_learn(n):
    """In full, and as a histogram."""
    values = np.concatenate([rng.normal(0.3, 0.1, 3 * n // 5), rng.normal(2.0, 0.4, 2 * n // 5)])
    scaled = ((values - values.min()) / np.ptp(values))[:, None]
    mixture = GaussianMixture(2, reg_covar=5e-4, max_iter=500, tol=1e-8, random_state=0).fit(scaled)
    lower = mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
    found = gmm_clean_probability(torch.tensor(values), torch.ones(n)).numpy()
    between = (scaled[:, 0] > mixture.means_.min()) & (scaled[:, 0] < mixture.means_.max())
    np.testing.assert_allclose(found[between], lower[between], atol=0.01)
    assert (found[scaled[:, 0] <= mixture.means_.min() - 0.01] == 1).all()


def test_lower_component_never_rises_with_the_value():
    values = torch.tensor(rng.gamma(1.0, size=400)).sort().values
    found = gmm_clean_probability(values, torch.ones(400))
    assert (found.diff() <= 1e-9).all()
    assert (found[0], found[-1]) == (1, 0)


@pytest.mark.parametrize("n", [60, 3000])
def test_lower_component_of_several_at_once_and_of_weights(n):
    values = torch.tensor(rng.gamma(1.0, size=(2, n)))
    weight = torch.tensor(np.arange(n) % 3 + 1)
    both = gmm_clean_probability(values, weight)
    for one, found in zip(values, both, strict=True):
        repeated = one.repeat_interleave(weight)
        alone = gmm_clean_probability(repeated, torch.ones(len(repeated)))
        np.testing.assert_allclose(alone, found.repeat_interleave(weight), atol=1e-3)


def test_the_lower_component_is_the_one_with_the_lower_mean():
    local = np.random.default_rng(0)
    for _ in range(40):
        values = local.standard_t(3, size=300)
        found = gmm_clean_probability(torch.tensor(values), torch.ones(300)).numpy()
        # Where long tails drive the components past each other, a step at the upper one came out.
        assert (np.diff(found[values.argsort()]) <= 1e-9).all()
        scaled = torch.tensor((values - values.min()) / np.ptp(values))[None]
        mean = _two_normals(*_binned(scaled, torch.ones(1, 300)), 100)[0, 0]
        assert mean[0] <= mean[1]


def test_what_has_no_weight_has_no_part_in_the_fit():
    values = torch.tensor(np.r_[rng.normal(0, 1, 50), rng.normal(6, 1, 50)])
    alone = gmm_clean_probability(values, torch.ones(100))
    beside = torch.cat([values, torch.tensor([-50.0, 2.0, 80.0])])
    found = gmm_clean_probability(beside, torch.cat([torch.ones(100), torch.zeros(3)]))
    np.testing.assert_allclose(found[:100], alone)
    np.testing.assert_array_equal(found[[100, 102]], [1, 0])


def test_lower_component_of_equal_values_is_all_of_them():
    assert (gmm_clean_probability(torch.full((5,), 3.0), torch.ones(5)) == 1).all()
    assert (gmm_clean_probability(torch.zeros(1), torch.ones(1)) == 1).all()


@pytest.mark.parametrize("n", [5, 3000])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_value_that_is_no_number_stops_nothing(n, odd):
    values = torch.tensor(np.r_[odd, rng.gamma(1.0, size=n)])
    assert gmm_clean_probability(values, torch.ones(n + 1)).shape == (n + 1,)


@pytest.mark.parametrize("chunk", [7, 4096])
def test_nearest_agrees_with_scikit_learn(chunk):
    base, queries = rng.normal(size=(200, 12)), rng.normal(size=(30, 12))
    _, expected = NearestNeighbors(n_neighbors=5).fit(base).kneighbors(queries)
    found = nearest_neighbors(torch.tensor(queries), torch.tensor(base), 5, chunk)
    np.testing.assert_array_equal(found, expected)


def test_neighbours_speak_of_a_row_without_its_own_label():
    features, target = rng.normal(size=(60, 4)), np.eye(3)[rng.integers(0, 3, 60)]
    found = knn_label_distribution(torch.tensor(features), torch.tensor(target), k=7).numpy()
    z = features - features.mean(axis=0)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    around = NearestNeighbors(n_neighbors=7).fit(z).kneighbors(return_distance=False)
    np.testing.assert_allclose(found, target[around].mean(axis=1))
    changed = target.copy()
    changed[5] = np.roll(target[5], 1)
    again = knn_label_distribution(torch.tensor(features), torch.tensor(changed), k=7).numpy()
    np.testing.assert_array_equal(again[5], found[5])


@pytest.mark.parametrize("k", [1, 3, 50])
def test_neighbours_among_equal_rows(k):
    target = torch.eye(2)[torch.tensor([0, 1, 0, 1, 0])]
    found = knn_label_distribution(torch.ones(5, 3), target, k)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(5))
    if k >= 4:
        torch.testing.assert_close(found, (target.sum(dim=0) - target) / 4)
