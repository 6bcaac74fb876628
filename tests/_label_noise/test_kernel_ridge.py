"""Kernel ridge regression: closed-form predictions of left-out groups against refits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknoisy._label_noise import kernel_ridge
from sknoisy._label_noise.kernel_ridge import KernelFeatures

N, K, WIDTH = 24, 3, 0.7


def gaussian(a, b):
    squares = ((a[:, None] - b) ** 2).sum(axis=2)
    return np.exp(-squares / (2 * WIDTH**2 * a.shape[1]))


def as_distributions(values):
    values = np.maximum(values, 1e-3)
    return values / values.sum(axis=1, keepdims=True)


def refitted(X, centres, target, weight, penalty, kept):
    """Predict X after a fit to some rows; the intercept is that of all rows."""
    mean = weight @ target / weight.sum()
    w = np.where(kept, weight / weight[weight > 0].mean(), 0)
    features = gaussian(X, centres)
    gram = features.T @ (w[:, None] * features) + penalty * gaussian(centres, centres)
    coefficients = np.linalg.solve(gram, features.T @ (w[:, None] * (target - mean)))
    return features @ coefficients + mean


def problem(seed=0):
    rng = np.random.default_rng(seed)
    target = rng.dirichlet(np.ones(K), size=N)
    return rng.normal(size=(N, 2)), target, rng.integers(1, 4, size=N).astype(float)


@pytest.mark.parametrize("penalty", [0.1, 3.0])
@pytest.mark.parametrize(
    ("groups", "n_centres"),
    [
        (np.arange(N), 300),
        (np.arange(N) // 2, 300),
        (np.arange(N) % 4, 300),
        (np.arange(N) % 4, 5),
        (np.minimum(np.arange(N), 12), 5),
        (np.where(np.arange(N) < 10, np.arange(N), 10 + np.arange(N) % 3), 6),
    ],
    ids=["single rows", "pairs", "quarters", "few centres", "one large group", "several sizes"],
)
@pytest.mark.parametrize("without_weight", [0, 3])
def test_left_out_predictions_are_those_of_refits(
    penalty, groups, n_centres, without_weight, monkeypatch
):
    monkeypatch.setattr(kernel_ridge, "_N_CENTRES", n_centres)
    monkeypatch.setattr(kernel_ridge, "_WIDTHS", (WIDTH,))
    monkeypatch.setattr(kernel_ridge, "_PENALTIES", (penalty,))
    X, target, weight = problem()
    weight[:without_weight] = 0
    features = KernelFeatures(X, weight, groups, np.random.RandomState(0))
    fitted = features.fit(target)
    for group in np.unique(groups):
        inside = groups == group
        expected = refitted(X, features.centres, target, weight, penalty, ~inside)
        assert_allclose(fitted.oob[inside], as_distributions(expected[inside]), rtol=2e-4)
    everything = refitted(X, features.centres, target, weight, penalty, np.ones(N, dtype=bool))
    assert_allclose(fitted.predict(X), as_distributions(everything), rtol=1e-5)


def test_width_and_penalty_have_the_least_loss_on_left_out_rows(monkeypatch):
    X, target, weight = problem()
    rng, losses = np.random.RandomState, {}
    chosen = KernelFeatures(X, weight, np.arange(N), rng(0)).fit(target)
    for width in kernel_ridge._WIDTHS:
        for penalty in kernel_ridge._PENALTIES:
            with monkeypatch.context() as patch:
                patch.setattr(kernel_ridge, "_WIDTHS", (width,))
                patch.setattr(kernel_ridge, "_PENALTIES", (penalty,))
                oob = KernelFeatures(X, weight, np.arange(N), rng(0)).fit(target).oob
            losses[width, penalty] = -weight @ (target * np.log(oob)).sum(axis=1)
    best = min(losses, key=losses.get)
    assert chosen.width == best[0]
    assert_allclose(-weight @ (target * np.log(chosen.oob)).sum(axis=1), losses[best])


def test_centres_have_a_weight_and_are_at_most_300():
    X = np.random.default_rng(0).normal(size=(700, 2))
    weight = (np.arange(700) % 2).astype(float)
    centres = KernelFeatures(X, weight, np.arange(700), np.random.RandomState(0)).centres
    assert len(centres) == 300
    weighted = {tuple(row) for row in X[weight > 0]}
    assert {tuple(row) for row in centres} <= weighted


@pytest.mark.parametrize("groups", [np.arange(N), np.arange(N) // 2], ids=["rows", "pairs"])
def test_parts_of_the_kernel_make_no_difference(groups, monkeypatch):
    X, target, weight = problem()
    whole = KernelFeatures(X, weight, groups, np.random.RandomState(0)).fit(target)
    monkeypatch.setattr(kernel_ridge, "_CHUNK", 5)
    in_parts = KernelFeatures(X, weight, groups, np.random.RandomState(0)).fit(target)
    assert in_parts.width == whole.width
    assert_allclose(in_parts.oob, whole.oob, rtol=1e-8)
    assert_allclose(in_parts.predict(X), whole.predict(X), rtol=1e-8)
