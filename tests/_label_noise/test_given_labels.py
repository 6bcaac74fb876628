"""Likelihood of given labels."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime
from scipy.special import log_softmax, softmax

from sknoisy._label_noise import posterior
from sknoisy._label_noise.given_labels import (
    GivenLabels,
    evaluate,
    loss_and_gradient,
    maximise,
    n_parameters,
    unpack,
)
from sknoisy.functional import correct_predictions

# Above 32 classes all pairs have one rate.
N_CLASSES = [2, 3, 40]


def problem(k, n=200):
    rng = np.random.default_rng(k)
    true, log_flips = rng.integers(k, size=n), rng.normal(size=(k, k)) - 5 - np.log(k)
    np.fill_diagonal(log_flips, -np.inf)
    log_p = log_softmax(4 * np.eye(k)[true] + rng.normal(size=(n, k)), axis=1)
    codes = np.where(rng.random(n) < 0.2, rng.integers(k, size=n), true)
    theta = 0.3 * rng.normal(size=n_parameters(k))
    theta[1] = 0.4
    return GivenLabels(log_p, codes, log_flips), theta


@pytest.mark.parametrize("k", N_CLASSES)
def test_posterior_is_that_of_the_documented_model(k):
    labels, theta = problem(k)
    at, (log_s, d, flip, bias, pair_flip) = evaluate(labels, unpack(theta, k)), unpack(theta, k)
    true = softmax(np.exp(log_s) * labels.log_p + bias, axis=1)
    odds = np.exp(labels.log_flips + flip + pair_flip) * np.exp(d * labels.log_p)[:, None, :]
    odds += np.eye(k)
    given = (odds / odds.sum(axis=2, keepdims=True))[np.arange(200), :, labels.codes]
    joint = true * given
    assert_allclose(at.true, true)
    assert_allclose(at.posterior, joint / joint.sum(axis=1, keepdims=True))
    assert at.log_likelihood == pytest.approx(np.log(joint.sum(axis=1)).sum())


@pytest.mark.parametrize("k", N_CLASSES)
def test_gradient(k):
    labels, theta = problem(k)
    numeric = approx_fprime(theta, lambda at: loss_and_gradient(labels, at)[0], 1e-6)
    assert_allclose(loss_and_gradient(labels, theta)[1], numeric, atol=1e-6)


@pytest.mark.parametrize("k", N_CLASSES)
def test_maximum_is_stationary_and_within_the_limits(k):
    labels, theta = problem(k)
    best, loss = maximise(labels, theta, (-1.5, 3.0), (0.0, 1.5))
    assert loss == pytest.approx(loss_and_gradient(labels, best)[0])
    assert loss < loss_and_gradient(labels, theta)[0]
    gradient, (s, d) = loss_and_gradient(labels, best)[1], best[:2]
    inside = np.r_[-1.5 < s < 3.0, 0.0 < d < 1.5, np.ones(len(best) - 2, dtype=bool)]
    assert abs(gradient[inside]).max() < 1e-3
    pinned, _ = maximise(labels, theta, (0.3, 0.3), (0.0, 0.0))
    assert_allclose(pinned[:2], [0.3, 0.0])


@pytest.mark.parametrize("k", [2, 5])
def test_predictions_are_corrected_as_in_training(k):
    rng = np.random.default_rng(k)
    for p in (rng.dirichlet(np.full(k, 0.1), 100), np.eye(k)[rng.integers(k, size=50)]):
        for transition in (
            np.eye(k),
            0.7 * np.eye(k) + 0.3 * np.roll(np.eye(k), 1, axis=1),
            rng.dirichlet(np.ones(k), k),
            np.eye(k)[[0] * k],
        ):
            arrays = map(torch.from_numpy, (p, transition))
            expected = correct_predictions(*arrays, posterior._N_ITER).numpy()
            floor = posterior._MIN_RELATIVE_P / k
            log_p = posterior._corrected_log_p(p, transition)
            assert_allclose(log_p, np.log(np.maximum(expected, floor)), atol=1e-12)


def test_few_evaluations_of_the_likelihood_are_enough(monkeypatch):
    """In units of their standard errors, parameters converge at a similar rate."""
    labels, theta = problem(10, n=2000)
    calls = []

    def counted(*args):
        calls.append(args)
        return loss_and_gradient(*args)

    monkeypatch.setattr("sknoisy._label_noise.given_labels.loss_and_gradient", counted)
    maximise(labels, np.zeros_like(theta), (-1.5, 3.0), (0.0, 0.0))
    assert len(calls) < 50
