import numpy as np
import pytest
import torch

from sknoisy.functional import (
    logit_bound_for_rate,
    one_hot,
    smooth_labels,
    smoothing_rate_for_noise,
)


@pytest.mark.parametrize(("noise", "n_classes"), [(0.1, 2), (0.2, 10), (0.6, 10), (0.4, 3)])
def test_rate_of_theory_undoes_symmetric_noise_on_average(noise, n_classes):
    rate = smoothing_rate_for_noise(noise, n_classes)
    targets = smooth_labels(
        one_hot(torch.arange(n_classes), n_classes, torch.float64), rate
    ).numpy()
    T = np.full((n_classes, n_classes), noise / (n_classes - 1))
    np.fill_diagonal(T, 1 - noise)
    np.testing.assert_allclose(T @ targets, np.eye(n_classes), atol=1e-12)


def test_rate_falls_with_the_noise_and_stays_finite():
    rates = [smoothing_rate_for_noise(e, 4) for e in np.linspace(0, 1, 21)]
    assert rates[0] == 0.0
    assert (np.diff(rates) <= 0).all()
    assert rates[-1] == -256.0


def test_rate_falls_with_what_is_memorized():
    theory = smoothing_rate_for_noise(0.2, 4)
    assert smoothing_rate_for_noise(0.2, 4, memorized=0.1) == pytest.approx(10 * theory)
    for little in (-0.1, 0.0, 0.005):
        assert smoothing_rate_for_noise(0.2, 4, little) == theory
    assert smoothing_rate_for_noise(0.2, 4, 1e9) == -256.0
    assert smoothing_rate_for_noise(0.0, 4, 1.0) == 0.0


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ((1.5, 10), "noise_rate"),
        ((-0.5, 10), "noise_rate"),
        ((np.nan, 10), "noise_rate"),
        (("0.5", 10), "noise_rate"),
        ((0.5, 1), "n_classes"),
        ((0.5, 2.5), "n_classes"),
    ],
)
def test_what_is_no_rate_of_noise_is_refused(params, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of rate_for must be .* Got"):
        smoothing_rate_for_noise(*params)


@pytest.mark.parametrize("rate", [2, 1e-9, np.nan, "auto"])
def test_only_rates_that_are_not_positive_have_a_bound(rate):
    message = rf"'rate' parameter of bound_for must be .* in the range \(-inf, 0\]. Got {rate!r}"
    with pytest.raises(ValueError, match=message):
        logit_bound_for_rate(rate)


def test_bound_grows_as_the_rate_falls():
    np.testing.assert_allclose(logit_bound_for_rate(0.0), 5.0)
    np.testing.assert_allclose(logit_bound_for_rate(-3.0), 10.0)
