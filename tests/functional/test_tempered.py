import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from sknoisy.functional import tempered_log_softmax

rng = np.random.default_rng(0)


def exp_t(x, t):
    return np.exp(x) if t == 1 else (1 + (1 - t) * x) ** (1 / (1 - t))


def excess(shift, z, t):
    return exp_t(z - shift, t).sum() - 1


@pytest.mark.parametrize("t", [1.0, 1.2, 1.5, 2.0, 4.0])
def test_probabilities_are_those_of_an_exact_root(t):
    # Amid et al. 2019, Eq. 4.
    Z = rng.normal(scale=4, size=(6, 5))
    log_p = tempered_log_softmax(torch.tensor(Z), t)
    for z, log_probs in zip(Z, log_p, strict=True):
        shift = brentq(excess, z.max(), z.max() + 1e3, args=(z, t), xtol=1e-13)
        np.testing.assert_allclose(log_probs.exp(), exp_t(z - shift, t), rtol=1e-10)


@pytest.mark.parametrize("t", [1.0, 1.2, 2.0, 4.0])
@pytest.mark.parametrize("n_classes", [2, 10, 1000])
@pytest.mark.parametrize("scale", [0.0, 0.1, 10.0, 1e4])
def test_probabilities_sum_to_one(t, n_classes, scale):
    Z = scale * rng.normal(size=(20, n_classes))
    for dtype, tolerance in ((torch.float64, 1e-14), (torch.float32, 2e-6)):
        p = tempered_log_softmax(torch.tensor(Z, dtype=dtype), t).exp()
        assert (p.sum(dim=-1) - 1).abs().max() <= tolerance


@pytest.mark.parametrize("t", [1.0, 1.3, 3.0])
def test_gradient_is_exact(t):
    z = torch.tensor(rng.normal(scale=2, size=(3, 4)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: tempered_log_softmax(z, t), (z,))


def test_at_temperature_one_it_is_log_softmax():
    z = torch.tensor(rng.normal(scale=5, size=(6, 5)))
    torch.testing.assert_close(tempered_log_softmax(z, 1.0), torch.log_softmax(z, dim=-1))


def test_temperatures_of_several_networks_broadcast():
    z = torch.tensor(rng.normal(scale=5, size=(2, 6, 5)))
    temperatures = torch.tensor([1.0, 2.0], dtype=torch.float64).view(2, 1, 1)
    log_p = tempered_log_softmax(z, temperatures)
    torch.testing.assert_close(log_p[0], torch.log_softmax(z[0], dim=-1))
    torch.testing.assert_close(log_p[1], tempered_log_softmax(z[1], 2.0))


@pytest.mark.parametrize("temperature", [0.5, np.nan, "a"])
def test_a_wrong_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match=r"'temperature' parameter of tempered_log_softmax must"):
        tempered_log_softmax(torch.zeros(2), temperature)
