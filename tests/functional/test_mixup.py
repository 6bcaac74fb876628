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


def test_samples_are_mixed_along_the_given_axis():
    partner, values = np.array([2, 0, 1]), rng.normal(size=(2, 3, 4))
    mix = Mixture(torch.tensor(partner), torch.tensor(0.7, dtype=torch.float64))
    mixed = mix(torch.tensor(values), dim=1)
    np.testing.assert_allclose(mixed, 0.7 * values + 0.3 * values[:, partner])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 2, 37, 128])
def test_partners_of_equal_weights_are_a_permutation(n, dtype):
    weight = torch.full((n,), 1 / n, dtype=dtype)
    partners = [draw_mixture(weight, 1.0).partner.tolist() for _ in range(20)]
    assert all(sorted(partner) == list(range(n)) for partner in partners)
    assert n < 3 or len({tuple(partner) for partner in partners}) > 1


def test_partners_are_drawn_in_proportion_to_their_weights():
    weight = torch.tensor([0.5, 3.0, 0.0, 0.5])
    partners = torch.cat([draw_mixture(weight, 1.0).partner for _ in range(2000)])
    np.testing.assert_allclose(
        partners.bincount(minlength=4) / len(partners), weight / 4, atol=0.01
    )
    assert (partners != 2).all()


@pytest.mark.parametrize("alpha", [0.5, 1, 4.0])
def test_mixing_coefficient_is_the_larger_part_of_a_beta_distribution(alpha):
    weight = torch.ones(2)
    coefficients = np.array([draw_mixture(weight, alpha).coefficient for _ in range(1000)])
    # The larger of c and 1 - c is below s if c is between 1 - s and s.
    beta = stats.beta(alpha, alpha)
    assert stats.kstest(coefficients, lambda s: beta.cdf(s) - beta.cdf(1 - s)).pvalue > 0.01


def test_small_alpha_hardly_mixes():
    coefficients = [float(draw_mixture(torch.ones(2), 0.02).coefficient) for _ in range(200)]
    assert np.mean(coefficients) > 0.98


def test_samples_are_not_mixed_at_alpha_zero():
    values = torch.rand(5, 3)
    assert torch.equal(draw_mixture(torch.ones(5), 0)(values), values)


def test_dtype_does_not_change():
    for dtype in (torch.float32, torch.float64):
        assert (
            draw_mixture(torch.ones(4, dtype=dtype), 1.0)(torch.rand(4, dtype=dtype)).dtype == dtype
        )
