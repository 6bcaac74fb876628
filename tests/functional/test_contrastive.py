import numpy as np
import torch
from scipy.special import rel_entr

from sknoisy.functional import contrastive_loss, neighborhood_divergence

rng = np.random.default_rng(0)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_contrastive_loss_equals_nt_xent_sample_by_sample():
    # Chen et al. 2020, Eq. 1.
    first, second = (unit(rng.normal(size=(6, 4))) for _ in range(2))
    views = np.concatenate([first, second])
    similarity = np.exp(views @ views.T / 0.2)
    losses = []
    for i in range(12):
        others = similarity[i].sum() - similarity[i, i]
        losses.append(-np.log(similarity[i, (i + 6) % 12] / others))
    result = contrastive_loss(torch.tensor(first), torch.tensor(second), temperature=0.2)
    np.testing.assert_allclose(result, (np.array(losses[:6]) + losses[6:]) / 2)


def neighborhoods(points, width):
    density = np.zeros((len(points), len(points)))
    for i, u in enumerate(points):
        for j, v in enumerate(points):
            density[i, j] = (i != j) * np.exp(-((u - v) ** 2).sum() / (2 * width**2))
    return density / density.sum(axis=1, keepdims=True)


def test_neighborhood_divergence_equals_its_definition():
    teacher, student = rng.normal(size=(6, 2)), rng.dirichlet(np.ones(3), size=6)
    expected = rel_entr(neighborhoods(teacher, 0.8), neighborhoods(student, 0.8)).sum(axis=1)
    result = neighborhood_divergence(torch.tensor(teacher), torch.tensor(student), width=0.8)
    np.testing.assert_allclose(result, expected)


def test_a_batch_of_one_sample_and_far_samples_give_finite_losses():
    for points in (torch.zeros(1, 2), torch.tensor([[0.0, 0.0], [0.0, 0.0], [1e4, 0.0]])):
        points.requires_grad_()
        losses = neighborhood_divergence(points.detach(), points) + contrastive_loss(points, points)
        losses.sum().backward()
        assert torch.isfinite(losses).all() and torch.isfinite(points.grad).all()
