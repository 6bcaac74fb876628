"""The log pool: its gradient, its exponents and what it does to opinions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import check_grad

from sknoisy._label_noise import log_pool as module
from sknoisy._label_noise.log_pool import fit_exponents, log_pool

N, K, M = 40, 3, 3


def problem(seed=0, soft=False):
    rng = np.random.default_rng(seed)
    opinions = [rng.dirichlet(np.ones(K), size=N) for _ in range(M)]
    labels = rng.dirichlet(np.ones(K), size=N) if soft else np.eye(K)[rng.integers(K, size=N)]
    transition = 0.7 * np.eye(K) + 0.1
    return opinions, labels, rng.random(N), transition


def loss(exponents, opinions, labels, weight, transition):
    """The objective, in plain NumPy."""
    product = np.ones((N, K))
    for opinion, exponent in zip(opinions, exponents, strict=True):
        product *= np.clip(opinion, 1e-3, 1) ** exponent
    pooled = product / product.sum(axis=1, keepdims=True)
    log_given = np.log(pooled @ transition)
    distance = exponents - 1 / len(exponents)
    return -(weight / weight.sum()) @ (labels * log_given).sum(axis=1) + 1e-3 * distance @ distance


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("has_noise", [False, True])
def test_objective_and_its_gradient(soft, has_noise, monkeypatch):
    opinions, labels, weight, transition = problem(soft=soft)
    transition = transition if has_noise else np.eye(K)
    objectives, minimize = [], module.minimize
    monkeypatch.setattr(
        module, "minimize", lambda f, *args, **kw: objectives.append(f) or minimize(f, *args, **kw)
    )
    fit_exponents(opinions, labels, weight, transition)
    (objective,) = objectives
    for exponents in np.random.default_rng(1).random((4, M)) * 3:
        value = loss(exponents, opinions, labels, weight, transition)
        assert_allclose(objective(exponents)[0], value, rtol=1e-12)
        error = check_grad(lambda a: objective(a)[0], lambda a: objective(a)[1], exponents)
        assert error < 1e-6


@pytest.mark.parametrize("has_noise", [False, True])
def test_exponents_have_the_least_loss(has_noise):
    opinions, labels, weight, transition = problem()
    transition = transition if has_noise else np.eye(K)
    fitted = fit_exponents(opinions, labels, weight, transition)
    assert ((fitted >= 0) & (fitted <= 5)).all()
    best = loss(fitted, opinions, labels, weight, transition)
    for step in np.vstack([np.eye(M), -np.eye(M)]) * 0.02:
        moved = np.clip(fitted + step, 0, 5)
        assert loss(moved, opinions, labels, weight, transition) >= best - 1e-6


def test_a_judge_who_knows_gets_the_exponent():
    _, labels, weight, _ = problem()
    rng = np.random.default_rng(1)
    knows = 0.8 * labels + 0.2 / K
    guesses = rng.dirichlet(np.ones(K), size=N)
    good, bad = fit_exponents([knows, guesses], labels, weight, np.eye(K))
    assert good > 1 > 0.2 > bad


def test_pool_is_the_normalised_product_of_powers():
    p, q = np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([[0.8, 0.2], [0.9, 0.1]])
    product = p**0.5 * q**2
    expected = product / product.sum(axis=1, keepdims=True)
    assert_allclose(log_pool([p, q], np.array([0.5, 2])), expected)


def test_no_opinion_is_a_veto():
    certain, other = np.array([[1.0, 0.0]]), np.array([[0.001, 0.999]])
    pooled = log_pool([certain, other], np.array([1.0, 1.0]))
    assert (pooled > 1e-7).all()


def test_a_part_of_many_samples_is_fitted_in_whatever_order_they_are(monkeypatch):
    rng = np.random.default_rng(0)
    # Every second sample is of class 0, which the first opinion knows, and only that.
    true = np.where(np.arange(4000) % 2, rng.integers(1, K, size=4000), 0)
    good = np.where(np.eye(K)[true], 0.8, 0.1)
    first = np.where((true == 0)[:, None], good, 1 / K)
    labels, weight = np.eye(K)[true], np.ones(4000)
    expected = fit_exponents([first, good], labels, weight, np.eye(K))
    monkeypatch.setattr(module, "_MAX_PRODUCTS", 4000 * K * 2 / 2)
    assert_allclose(fit_exponents([first, good], labels, weight, np.eye(K)), expected, atol=0.1)
