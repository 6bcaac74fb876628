"""The opinion pool: posterior, transition matrix, trusted samples and further judges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknoisy._label_noise.opinion_pool import (
    Samples,
    fit_opinion_pool,
    true_class_posterior,
)
from sknoisy.noise import corrupt_labels

T = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.2, 0.2, 0.6]])


def blobs(n=150, noise=0.3, seed=0):
    """Three round classes, their true codes and noisy labels."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.normal(size=(n, 2)) + 4 * np.array([[0, 0], [1, 0], [0, 1]])[y]
    return X.astype(np.float32), y, corrupt_labels(y, noise, random_state=seed)


def pool(X, given, trusted=None, weight=None, groups=None, **params):
    # These tests are about what is made of the opinions of trees.
    params = {"n_trees": 25, **params}
    labels = np.eye(3)[given] if given.ndim == 1 else given
    weight = np.ones(len(X)) if weight is None else weight
    groups = np.arange(len(X)) if groups is None else groups
    samples = Samples(X, labels, weight, groups, trusted)
    return fit_opinion_pool(samples, np.random.RandomState(0), **params)


def test_posterior_is_bayes_by_hand():
    true = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    posterior = true_class_posterior(true, np.eye(3)[[0, 1]], T)
    first = np.array([0.5 * 0.7, 0.3 * 0.0, 0.2 * 0.2])
    second = np.array([0.1 * 0.3, 0.1 * 1.0, 0.8 * 0.2])
    assert_allclose(posterior, [first / first.sum(), second / second.sum()])


def test_posterior_of_a_soft_label_is_a_mixture_of_likelihoods():
    true = np.array([[0.5, 0.3, 0.2]])
    joint = true * (0.4 * T[:, 0] + 0.6 * T[:, 1])
    posterior = true_class_posterior(true, np.array([[0.4, 0.6, 0.0]]), T)
    assert_allclose(posterior, joint / joint.sum())


def test_a_label_that_the_matrix_excludes_says_nothing():
    true = np.array([[0.5, 0.5, 0.0]])
    assert_array_equal(true_class_posterior(true, np.array([[0.0, 0.0, 1.0]]), T), true)


def test_noisy_labels_are_seen_through():
    X, y, given = blobs()
    fitted = pool(X, given)
    assert_allclose(fitted.transition.sum(axis=1), 1)
    assert_allclose(fitted.posterior.sum(axis=1), 1)
    assert_allclose(fitted.given.sum(axis=1), 1)
    assert np.mean(fitted.posterior.argmax(axis=1) == y) > 0.95
    assert np.mean(fitted.predict(X).argmax(axis=1) == y) > 0.95
    assert_allclose(fitted.transition, 0.55 * np.eye(3) + 0.15, atol=0.2)


def test_a_given_transition_matrix_is_used():
    X, _, given = blobs()
    assert_array_equal(pool(X, given, transition=T).transition, T)


def test_trusted_labels_are_their_posterior_and_improve_the_matrix():
    # Most labels of class 0 are wrong, which only trusted samples can tell.
    X, y, _ = blobs()
    given = np.where((y == 0) & (np.arange(len(y)) % 10 < 7), 1, y)
    trusted = np.arange(len(y)) % 5 == 0
    given[trusted] = y[trusted]
    fitted, without = pool(X, given, trusted), pool(X, given)
    assert_array_equal(fitted.posterior[trusted], np.eye(3)[y[trusted]])
    assert fitted.transition[0, 1] > without.transition[0, 1]


def test_trusted_samples_need_not_leave_others():
    X, y, _ = blobs()
    fitted = pool(X, y, np.ones(len(y), dtype=bool))
    assert_array_equal(fitted.posterior, np.eye(3)[y])


@pytest.mark.parametrize("unknown", [0, 40])
def test_further_opinions_are_heard(unknown):
    rng = np.random.default_rng(0)
    X, given = rng.normal(size=(120, 2)).astype(np.float32), rng.integers(3, size=120)
    knows_labels = 0.9 * np.eye(3)[given] + 0.1 / 3
    knows_labels[:unknown] = np.nan
    fitted = pool(X, given, opinions=[knows_labels])
    assert len(fitted.first.exponents) == 4
    assert fitted.first.exponents.argmax() == 0
    assert_array_equal(fitted.given.argmax(axis=1)[unknown:], given[unknown:])
    assert np.isfinite(fitted.given).all()
    n_guessed = np.count_nonzero(fitted.given.argmax(axis=1)[:unknown] == given[:unknown])
    assert n_guessed <= 0.6 * unknown


def test_rows_without_weight_do_not_count():
    X, _, given = blobs()
    weight = (np.arange(len(X)) % 4 > 0).astype(float)
    other = np.where(weight > 0, given, (given + 1) % 3)
    first, second = (pool(X, labels, weight=weight) for labels in (given, other))
    assert_allclose(first.predict(X), second.predict(X), atol=1e-9)


def test_copies_share_their_ignorance():
    # Random labels: a judge who had seen a copy's label would know them.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3)).astype(np.float32).repeat(3, axis=0)
    given = rng.integers(3, size=100).repeat(3)
    fitted = pool(X, given, groups=np.arange(100).repeat(3))
    assert np.mean(fitted.given.argmax(axis=1) == given) < 0.5


def test_further_opinions_alone_are_pooled_once_and_corrected():
    X, _, given = blobs()
    rng = np.random.default_rng(0)
    opinions = [0.9 * rng.dirichlet(np.ones(3), size=len(X)) + 0.1 / 3 for _ in range(2)]
    fitted = pool(X, given, opinions=opinions, transition=T, built_in=False)
    a = fitted.first.exponents
    product = opinions[0] ** a[0] * opinions[1] ** a[1]
    assert_allclose(fitted.given, product / product.sum(axis=1, keepdims=True))
    assert fitted.second is None
    assert_allclose(fitted.predict(X, opinions), fitted.true)
    assert_allclose(fitted.posterior, true_class_posterior(fitted.true, np.eye(3)[given], T))


def test_predictions_need_no_training_samples():
    X, _, given = blobs()
    fitted = pool(X, given)
    judges = [*fitted.first.judges, *fitted.second.judges]
    assert all(len(judge.oob) == 0 for judge in judges)
    assert fitted.predict(X[:5]).shape == (5, 3)
