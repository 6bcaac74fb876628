import numpy as np
import torch
from scipy.special import log_softmax

from sknoisy.functional import sharpen, temperature_log_losses

rng = np.random.default_rng(0)
P = rng.dirichlet(np.ones(3), size=7)
Y = np.array([0, 2, 1, 1, 0, 2, 2])


def test_sharpening_raises_to_a_power_and_normalises():
    powered = P ** (1 / 0.4)
    expected = powered / powered.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(sharpen(torch.tensor(P), 0.4), expected)
    np.testing.assert_allclose(sharpen(torch.tensor(P), 1.0), P)


def test_negative_entries_count_as_zero_when_sharpened():
    result = sharpen(torch.tensor([1.2, -0.2]), 1.0)
    torch.testing.assert_close(result, torch.tensor([1.0, 0.0]))


def test_log_losses_at_each_temperature():
    temperatures = np.array([0.5, 1.0, 8.0])
    expected = [-log_softmax(np.log(P) / t, axis=1)[np.arange(7), Y] for t in temperatures]
    result = temperature_log_losses(torch.tensor(P), torch.tensor(Y), torch.tensor(temperatures))
    np.testing.assert_allclose(result, expected)


def test_log_loss_of_a_probability_of_zero_is_finite():
    result = temperature_log_losses(torch.eye(2), torch.tensor([1, 1]), torch.tensor([1.0]))
    assert torch.isfinite(result).all()
