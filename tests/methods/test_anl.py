import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sknoisy.methods import ANL, NCERCE

Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
HARD = torch.tensor(np.concatenate([Z, 1e3 * Z, 0 * Z]))


@pytest.mark.parametrize(("alpha", "beta"), [(5.0, 5.0), (10.0, 1.0)])
def test_equation(make_batch, alpha, beta):
    # Ye et al. 2023: the normalised loss of the complement, log(p) - log(1e-7).
    Z = np.random.default_rng(1).normal(scale=9, size=(7, 3))
    log_p = log_softmax(Z, axis=1)
    assert (log_p < np.log(1e-7)).any()
    log_p = np.maximum(log_p, np.log(1e-7))
    active = log_p[np.arange(7), Y] / log_p.sum(axis=1)
    complement = log_p - np.log(1e-7)
    negative = 1 - complement[np.arange(7), Y] / complement.sum(axis=1)
    losses = ANL(alpha, beta).loss(torch.tensor(Z), make_batch(Y))
    np.testing.assert_allclose(losses, alpha * active + beta * negative)


def test_losses_of_all_classes_sum_to_a_constant():
    np.testing.assert_allclose(ANL(1.0, 0.0).class_losses(HARD).sum(dim=-1), 1)
    np.testing.assert_allclose(ANL(0.0, 1.0).class_losses(HARD).sum(dim=-1), 3 - 1)


def test_symmetric_noise_only_scales_the_risk(make_batch):
    # Averaged over the noise, the target is smoothed.
    logits = torch.tensor(Z)
    clean, noisy = (ANL(1.0, 1.0).loss(logits, make_batch(Y, rate=r)) for r in (0.0, 0.6))
    np.testing.assert_allclose(noisy, 0.4 * clean + 0.6)


def test_negative_part_is_between_zero_and_one():
    losses = ANL(0.0, 1.0).class_losses(HARD)
    assert ((losses >= 0) & (losses <= 1)).all()


def test_without_the_negative_part_it_is_normalised_cross_entropy():
    z = torch.tensor(Z)
    torch.testing.assert_close(ANL(1.0, 0.0).class_losses(z), NCERCE(1.0, 0.0).class_losses(z))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_of_huge_logits_are_finite(dtype):
    z = torch.tensor([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], dtype=dtype, requires_grad=True)
    ANL().class_losses(z).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="anl") > ce_score + 0.1
