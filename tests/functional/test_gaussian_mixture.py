"""The mixture of two normal distributions against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from sknoisy.functional import gmm_clean_probability
from sknoisy.functional.gaussian_mixture import _fit_two_normals, _to_numpy

rng = np.random.default_rng(0)


@pytest.mark.parametrize("n", [500, 5000])
def test_probabilities_agree_with_scikit_learn(n):
    """Both with all values and with a histogram."""
    values = np.concatenate([rng.normal(0.3, 0.1, 3 * n // 5), rng.normal(2.0, 0.4, 2 * n // 5)])
    scaled = ((values - values.min()) / np.ptp(values))[:, None]
    mixture = GaussianMixture(2, reg_covar=5e-4, max_iter=500, tol=1e-8, random_state=0).fit(scaled)
    lower = mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
    probs = gmm_clean_probability(torch.tensor(values), torch.ones(n)).numpy()
    between = (scaled[:, 0] > mixture.means_.min()) & (scaled[:, 0] < mixture.means_.max())
    np.testing.assert_allclose(probs[between], lower[between], atol=0.01)
    assert (probs[scaled[:, 0] <= mixture.means_.min() - 0.01] == 1).all()


def test_probabilities_never_increase_with_the_value():
    values = torch.tensor(rng.gamma(1.0, size=400)).sort().values
    probs = gmm_clean_probability(values, torch.ones(400))
    assert (probs.diff() <= 1e-9).all()
    assert (probs[0], probs[-1]) == (1, 0)


@pytest.mark.parametrize("n", [60, 3000])
def test_rows_are_fitted_independently_and_weights_count_as_repetitions(n):
    values = torch.tensor(rng.gamma(1.0, size=(2, n)))
    weight = torch.tensor(np.arange(n) % 3 + 1)
    both = gmm_clean_probability(values, weight)
    for row, row_probs in zip(values, both, strict=True):
        repeated = row.repeat_interleave(weight)
        single = gmm_clean_probability(repeated, torch.ones(len(repeated)))
        np.testing.assert_allclose(single, row_probs.repeat_interleave(weight), atol=1e-3)


def test_the_lower_component_is_the_one_with_the_lower_mean():
    generator = np.random.default_rng(0)
    for _ in range(40):
        values = generator.standard_t(3, size=300)
        probs = gmm_clean_probability(torch.tensor(values), torch.ones(300)).numpy()
        # Long tails move the components past each other, which must not swap them.
        assert (np.diff(probs[values.argsort()]) <= 1e-9).all()
        scaled = torch.tensor((values - values.min()) / np.ptp(values))[None]
        mean = _fit_two_normals(*_to_numpy(scaled, torch.ones(1, 300)), 100)[0, 0]
        assert mean[0] <= mean[1]


def test_values_without_weight_are_ignored_in_the_fit():
    values = torch.tensor(np.r_[rng.normal(0, 1, 50), rng.normal(6, 1, 50)])
    expected = gmm_clean_probability(values, torch.ones(100))
    more = torch.cat([values, torch.tensor([-50.0, 2.0, 80.0])])
    probs = gmm_clean_probability(more, torch.cat([torch.ones(100), torch.zeros(3)]))
    np.testing.assert_allclose(probs[:100], expected)
    np.testing.assert_array_equal(probs[[100, 102]], [1, 0])


def test_equal_values_all_have_probability_one():
    assert (gmm_clean_probability(torch.full((5,), 3.0), torch.ones(5)) == 1).all()
    assert (gmm_clean_probability(torch.zeros(1), torch.ones(1)) == 1).all()


@pytest.mark.parametrize("n", [5, 3000])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_inf_raise_no_error(n, value):
    values = torch.tensor(np.r_[value, rng.gamma(1.0, size=n)])
    assert gmm_clean_probability(values, torch.ones(n + 1)).shape == (n + 1,)
