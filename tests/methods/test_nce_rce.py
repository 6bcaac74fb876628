import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from sknoisy.methods import NCERCE

Z = np.random.default_rng(0).normal(scale=3, size=(7, 3))
Y = np.array([0, 2, 1, 1, 0, 2, 2])
HARD = torch.tensor(np.concatenate([Z, 1e3 * Z, 0 * Z]))


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (10.0, 0.1)])
def test_equation(make_batch, alpha, beta):
    labels, log_p = np.eye(3)[Y], log_softmax(Z, axis=1)
    active = log_p[np.arange(7), Y] / log_p.sum(axis=1)
    passive = -(softmax(Z, axis=1) * np.log(labels.clip(1e-4, 1))).sum(axis=1)
    losses = NCERCE(alpha, beta).loss(torch.tensor(Z), make_batch(Y))
    np.testing.assert_allclose(losses, alpha * active + beta * passive)


def test_losses_of_all_classes_sum_to_a_constant():
    active = NCERCE(1.0, 0.0).class_losses(HARD).sum(dim=-1)
    passive = NCERCE(0.0, 1.0).class_losses(HARD).sum(dim=-1)
    np.testing.assert_allclose(active, 1)
    np.testing.assert_allclose(passive, -np.log(1e-4) * (3 - 1))


def test_symmetric_noise_only_scales_the_risk(make_batch):
    # Averaged over the noise, the target is smoothed.
    clean, noisy = (NCERCE().loss(torch.tensor(Z), make_batch(Y, rate=r)) for r in (0.0, 0.6))
    constant = (1 - np.log(1e-4) * 2) / 3
    np.testing.assert_allclose(noisy, 0.4 * clean + 0.6 * constant)


def test_active_part_alone_underfits(score_on_noisy_digits):
    # Ma et al. 2020, Section 3: robust, but not sufficient.
    both = score_on_noisy_digits(method="nce_rce", warmup=0)
    assert both > score_on_noisy_digits(method="nce_rce", warmup=0, method__beta=0.0) + 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_of_huge_logits_are_finite(dtype):
    z = torch.tensor([[1e4, -1e4, 0.0], [0.0, 0.0, 0.0]], dtype=dtype, requires_grad=True)
    NCERCE().class_losses(z).sum().backward()
    assert torch.isfinite(z.grad).all()


def test_beats_cross_entropy(score_on_noisy_digits, ce_score):
    assert score_on_noisy_digits(method="nce_rce") > ce_score + 0.1
