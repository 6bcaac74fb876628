import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from sknoisy.methods import JAL, MAE, NCERCE

Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
logits = torch.tensor(Z)
HARD = torch.tensor(np.concatenate([Z, 1e3 * Z, 0 * Z]))


@pytest.mark.parametrize(("alpha", "beta", "scale"), [(1.0, 1.0, 30.0), (5.0, 0.5, 2.0)])
def test_equation(make_batch, alpha, beta, scale):
    log_p = log_softmax(Z, axis=1)
    active = log_p[np.arange(7), Y] / log_p.sum(axis=1)
    passive = ((scale * np.eye(3)[Y] - softmax(Z, axis=1)) ** 2).mean(axis=1)
    losses = JAL(alpha, beta, scale).loss(logits, make_batch(Y))
    np.testing.assert_allclose(losses, alpha * active + beta * passive)


def test_without_the_passive_part_it_is_normalised_cross_entropy():
    losses = JAL(1.0, 0.0).class_losses(HARD)
    torch.testing.assert_close(losses, NCERCE(1.0, 0.0).class_losses(HARD))
    np.testing.assert_allclose(losses.sum(dim=-1), 1)


def test_at_scale_one_the_passive_part_is_the_mean_squared_error():
    squared = ((np.eye(3) - softmax(Z, axis=1)[:, None]) ** 2).mean(axis=-1)
    np.testing.assert_allclose(JAL(0.0, 1.0, 1.0).class_losses(logits), squared)


def test_at_a_large_scale_the_passive_part_is_the_mean_absolute_error_and_a_constant():
    scale = 1e6
    passive = JAL(0.0, 1.0, scale).class_losses(logits)
    absolute = (passive - scale**2 / 3) * 3 / scale + 2
    torch.testing.assert_close(absolute, MAE().class_losses(logits), atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_of_huge_logits_are_finite(dtype):
    z = torch.tensor([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], dtype=dtype, requires_grad=True)
    JAL().class_losses(z).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="jal") > ce_score + 0.1
