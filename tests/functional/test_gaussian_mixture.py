"""The mixture of two normal distributions against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from sknoisy.functional import gmm_clean_probability
from sknoisy.functional.gaussian_mixture import _fit_two_normals, _to_numpy

rng = np.random.default_rng(0)


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
        mean = _fit_two_normals(*_to_numpy(scaled, torch.ones(1, 300)), 100)[0, 0]
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
