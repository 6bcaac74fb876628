"""Transition matrices against plain numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sknoisy.functional import (
    confident_counts,
    confident_transition,
    correct_predictions,
    counts_to_transition,
    ridge_class_scores,
)

rng = np.random.default_rng(0)


def test_ridge_class_scores_agree_with_scikit_learn():
    X, target = rng.normal(size=(50, 4)), np.eye(3)[rng.integers(3, size=50)]
    weight = rng.random(50) + 0.1
    centred = X - np.average(X, axis=0, weights=weight)
    mean_eigenvalue = (weight[:, None] * centred**2).sum() / 4
    model = Ridge(alpha=mean_eigenvalue).fit(X, target, sample_weight=weight)
    scores = ridge_class_scores(torch.tensor(X), torch.tensor(target), torch.tensor(weight))
    np.testing.assert_allclose(scores, model.predict(X))
    np.testing.assert_allclose(scores.sum(dim=1), 1)


def test_ridge_class_scores_of_constant_features_are_the_label_frequencies():
    target = torch.eye(3)[torch.tensor([0, 0, 1, 2])]
    scores = ridge_class_scores(torch.ones(4, 2), target, torch.ones(4))
    torch.testing.assert_close(scores, torch.tensor([[0.5, 0.25, 0.25]]).expand(4, 3))


def test_confident_transition_agrees_with_the_equations_of_the_paper():
    # Northcutt et al. 2021, Eq. 1 to 3, computed sample by sample.
    p, given = rng.dirichlet(np.ones(3), 200), rng.integers(3, size=200)
    threshold = [p[given == k, k].mean() for k in range(3)]
    joint = np.zeros((3, 3))
    for scores, label in zip(p, given, strict=True):
        passing = [k for k in range(3) if scores[k] >= threshold[k]]
        if passing:
            joint[label, max(passing, key=lambda k: scores[k])] += 1
    joint *= np.bincount(given)[:, None] / joint.sum(axis=1, keepdims=True)
    estimate = confident_transition(
        torch.tensor(p), torch.tensor(np.eye(3)[given]), torch.ones(200, dtype=torch.float64)
    )
    np.testing.assert_allclose(estimate, (joint / joint.sum(axis=0)).T)


def test_confident_counts_weight_predictions_by_their_confidence():
    p, weight = rng.dirichlet(np.ones(4), 30), rng.random(30)
    counts = np.zeros((4, 4))
    for probs, w in zip(p, weight, strict=True):
        second, first = np.sort(probs)[-2:]
        counts[probs.argmax()] += w * (first - second) * probs
    confident = confident_counts(torch.tensor(p), torch.tensor(weight))
    np.testing.assert_allclose(confident, counts)
    np.testing.assert_allclose(counts_to_transition(confident).sum(dim=1), 1)
    # A sample of weight two counts as the sample twice; a single class has full confidence.
    twice = confident_counts(torch.tensor(np.vstack([p, p])), torch.tensor(np.tile(weight / 2, 2)))
    np.testing.assert_allclose(confident, twice)
    assert confident_counts(torch.ones(3, 1), torch.ones(3)) == 3


@pytest.mark.long
@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_correction_inverts_the_matrix_where_the_inverse_is_a_distribution(k, seed):
    draw = np.random.default_rng(seed)
    T = 0.6 * np.eye(k) + 0.4 * draw.dirichlet(np.ones(k), k)
    true = draw.dirichlet(5 * np.ones(k), 8)
    corrected = correct_predictions(torch.tensor(true @ T), torch.tensor(T), n_iter=1000)
    np.testing.assert_allclose(corrected, true, atol=0.01)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_correction_increases_the_likelihood_and_returns_distributions(k, seed):
    draw = np.random.default_rng(seed)
    T, p = draw.dirichlet(np.ones(k), k), draw.dirichlet(np.ones(k), 8)

    def likelihood(n_iter):
        true = correct_predictions(torch.tensor(p), torch.tensor(T), n_iter).numpy()
        np.testing.assert_allclose(true.sum(axis=1), 1)
        assert (true >= 0).all()
        return (p * np.log(np.maximum(true @ T, 1e-300))).sum(axis=1)

    assert (likelihood(10) >= likelihood(3) - 1e-9).all()
    assert (likelihood(3) >= likelihood(0) - 1e-9).all()


def test_no_noise_and_symmetric_noise_keep_the_most_likely_class():
    p = torch.tensor(rng.dirichlet(np.ones(5), 50))
    torch.testing.assert_close(correct_predictions(p, torch.eye(5).double()), p)
    symmetric = torch.full((5, 5), 0.15).double() + 0.25 * torch.eye(5).double()
    assert torch.equal(correct_predictions(p, symmetric).argmax(dim=1), p.argmax(dim=1))


def test_correction_is_finite_for_labels_that_are_never_given():
    T = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert torch.isfinite(correct_predictions(torch.tensor([[0.0, 1.0], [0.5, 0.5]]), T)).all()
