import numpy as np
import pytest
import torch
from scipy.special import entr, log_softmax, softmax

from sknoisy.functional import class_jensen_shannon, jensen_shannon_divergence

Z = np.random.default_rng(0).normal(scale=3, size=(2, 7, 3))
P, LOG_P = softmax(Z, axis=-1), torch.tensor(log_softmax(Z, axis=-1))


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_loss_of_each_class_is_the_scaled_divergence_of_its_label(weight):
    # Englesson and Azizpour 2021, Eq. 5; the entropy of a one-hot label is zero.
    losses = class_jensen_shannon(LOG_P, weight)
    scale = -1 / ((1 - weight) * np.log(1 - weight))
    for label in range(3):
        mixture = weight * np.eye(3)[label] + (1 - weight) * P
        divergence = entr(mixture).sum(axis=-1) - (1 - weight) * entr(P).sum(axis=-1)
        np.testing.assert_allclose(losses[..., label], scale * divergence)


def test_weights_of_several_networks_broadcast():
    weights = torch.tensor([0.2, 0.7], dtype=torch.float64).view(2, 1, 1)
    losses = class_jensen_shannon(LOG_P, weights)
    torch.testing.assert_close(losses[1], class_jensen_shannon(LOG_P[1], 0.7))


def test_divergence_of_predictions_is_the_entropy_of_their_mean_minus_their_mean_entropy():
    p, q = P
    expected = entr((p + q) / 2).sum(axis=-1) - (entr(p) + entr(q)).sum(axis=-1) / 2
    np.testing.assert_allclose(jensen_shannon_divergence(*LOG_P), expected, atol=1e-12)


def test_divergence_of_contradictory_predictions_is_the_log_of_two():
    log_p = torch.log_softmax(torch.tensor([[1e4, -1e4], [-1e4, 1e4]]), dim=-1).requires_grad_()
    divergence = jensen_shannon_divergence(*log_p)
    divergence.backward()
    assert float(divergence.detach()) == pytest.approx(np.log(2))
    assert torch.isfinite(log_p.grad).all()
