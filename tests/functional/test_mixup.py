"""Mixtures of the samples of a batch."""

import numpy as np
import pytest
import torch
from scipy import stats

from sknoisy.functional import Mixture, draw_mixture

rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_pairs_lie_along_the_axis_that_is_named():
    partner, values = np.array([2, 0, 1]), rng.normal(size=(2, 3, 4))
    mix = Mixture(torch.tensor(partner), torch.tensor(0.7, dtype=torch.float64))
    found = mix(torch.tensor(values), dim=1)
    np.testing.assert_allclose(found, 0.7 * values + 0.3 * values[:, partner])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 2, 37, 128])
def test_partners_of_equal_weights_are_a_permutation(n, dtype):
    weight = torch.full((n,), 1 / n, dtype=dtype)
    partners = [draw_mixture(weight, 1.0).partner.tolist() for _ in range(20)]
    assert all(sorted(found) == list(range(n)) for found in partners)
    assert n < 3 or len({tuple(found) for found in partners}) > 1


def test_partners_come_in_proportion_to_weight():
    weight = torch.tensor([0.5, 3.0, 0.0, 0.5])
    found = torch.cat([draw_mixture(weight, 1.0).partner for _ in range(2000)])
    np.testing.assert_allclose(found.bincount(minlength=4) / len(found), weight / 4, atol=0.01)
    assert (found != 2).all()


@pytest.mark.parametrize("alpha", [0.5, 1, 4.0])
def test_larger_share_of_a_beta_distribution_is_the_samples_own(alpha):
    weight = torch.ones(2)
    shares = np.array([draw_mixture(weight, alpha).coefficient for _ in range(1000)])
    # The larger of l and 1 - l is below s where l is between 1 - s and s.
    beta = stats.beta(alpha, alpha)
    assert stats.kstest(shares, lambda s: beta.cdf(s) - beta.cdf(1 - s)).pvalue > 0.01


def test_small_alpha_hardly_mixes():
    shares = [float(draw_mixture(torch.ones(2), 0.02).coefficient) for _ in range(200)]
    assert np.mean(shares) > 0.98


def test_without_alpha_samples_stay_as_they_are():
    values = torch.rand(5, 3)
    assert torch.equal(draw_mixture(torch.ones(5), 0)(values), values)


def test_dtype_stays():
    for dtype in (torch.float32, torch.float64):
        assert (
            draw_mixture(torch.ones(4, dtype=dtype), 1.0)(torch.rand(4, dtype=dtype)).dtype == dtype
        )
