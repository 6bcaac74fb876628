import numpy as np
import torch

from sknoisy.functional import (
    class_balance_penalty,
    class_frequencies,
    select_small_loss,
    select_small_loss_per_class,
)

rng = np.random.default_rng(0)


def test_penalty_is_the_divergence_of_the_uniform_from_the_mean_prediction():
    p, weight = rng.dirichlet(np.ones(4), size=(2, 7)), rng.random(7)
    result = class_balance_penalty(torch.tensor(p), torch.tensor(weight))
    for k in (0, 1):
        mean = np.average(p[k], axis=0, weights=weight)
        np.testing.assert_allclose(result[k], (0.25 * np.log(0.25 / mean)).sum())


def test_penalty_is_the_divergence_of_the_prior_from_the_mean_prediction():
    """A class of frequency zero has no part in it."""
    p, prior = rng.dirichlet(np.ones(4), size=(2, 7)), np.array([0.5, 0.3, 0.2, 0.0])
    result = class_balance_penalty(torch.tensor(p), torch.ones(7).double(), torch.tensor(prior))
    mean = p.mean(axis=1)[:, :3]
    np.testing.assert_allclose(result[:, 0], (prior[:3] * np.log(prior[:3] / mean)).sum(axis=1))


def test_gradient_of_the_penalty_is_finite_for_a_class_of_frequency_zero():
    """The gradient was not a number."""
    p = torch.tensor(rng.dirichlet(np.ones(4), size=7), requires_grad=True)
    prior = torch.tensor([0.5, 0.3, 0.2, 0.0]).double()
    class_balance_penalty(p, torch.ones(7).double(), prior).sum().backward()
    np.testing.assert_allclose(p.grad, (-prior / p.sum(dim=0)).detach().expand(7, -1))


def test_penalty_of_a_prediction_without_some_class_is_finite():
    assert torch.isfinite(class_balance_penalty(torch.eye(3)[:2], torch.ones(2))).all()


def test_frequencies_are_the_weighted_mean_of_the_labels():
    target, weight = rng.dirichlet(np.ones(4), size=7), rng.random(7)
    result = class_frequencies(torch.tensor(target), torch.tensor(weight))
    np.testing.assert_allclose(result, np.average(target, axis=0, weights=weight))


def test_each_class_keeps_the_fraction_that_it_would_keep_alone():
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 2, 0])
    losses, weight = torch.tensor(rng.random(8)), torch.tensor(rng.random(8))
    result = select_small_loss_per_class(losses, labels, weight, 0.4)
    for label in range(3):
        members = labels == label
        expected = select_small_loss(losses[members], weight[members], 0.4)
        assert torch.equal(result[members], expected)
