"""Transition matrices against plain numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sknoisy.functional import (
    confident_counts,
    confident_transition,
    correct_predictions,
    counts_to_transition,
    ridge_class_scores,
)
from sknoisy.methods import EvaluationPass
from sknoisy.methods._transition import as_transition, estimate_transition_matrix

rng = np.random.default_rng(0)


def noisy_classes(matrix, n=600, spread=0.6):
    """Return three clusters, their true labels, and targets of noisy labels."""
    y = np.arange(n) % 3
    X = np.array([[0.0, 2.0], [2.0, 0.0], [-2.0, -2.0]])[y] + rng.normal(scale=spread, size=(n, 2))
    given = np.array([rng.choice(3, p=matrix[label]) for label in y])
    return torch.tensor(X), y, torch.tensor(np.eye(3)[given])


def evaluation_of(features, target, weight=None, trusted=None):
    weight = torch.ones(len(target), dtype=target.dtype) if weight is None else weight
    index = torch.arange(len(target))
    return EvaluationPass(
        index, target.argmax(1), target, weight, 3, lambda: (0 * target, features), trusted
    )


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


@pytest.mark.parametrize("trusted", [None, torch.arange(600) < 30])
def test_transition_matrix_is_recovered(trusted):
    truth = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    X, y, target = noisy_classes(truth)
    if trusted is not None:
        target[trusted] = torch.tensor(np.eye(3)[y[trusted]])
    estimate = estimate_transition_matrix(evaluation_of(X, target, trusted=trusted))
    np.testing.assert_allclose(estimate, truth, atol=0.08)


def test_trusted_samples_reveal_noise_rates_above_one_half():
    truth = np.array([[0.2, 0.8, 0.0], [0.0, 0.3, 0.7], [0.8, 0.0, 0.2]])
    X, y, target = noisy_classes(truth)
    trusted = torch.arange(600) < 30
    target[trusted] = torch.tensor(np.eye(3)[y[trusted]])
    np.testing.assert_allclose(
        estimate_transition_matrix(evaluation_of(X, target, trusted=trusted)), truth, atol=0.08
    )


@pytest.mark.parametrize("n_trusted", [None, 6])
def test_weights_count_as_repeated_rows(n_trusted):
    def transition(features, target, weight=None):
        trusted = None if n_trusted is None else torch.arange(len(target)) < n_trusted
        return estimate_transition_matrix(evaluation_of(features, target, weight, trusted))

    X, _, target = noisy_classes(np.full((3, 3), 0.2) + 0.4 * np.eye(3), n=90)
    times = torch.tensor(np.r_[np.ones(6, dtype=int), np.arange(84) % 3 + 1])
    rows = torch.repeat_interleave(torch.arange(90), times)
    weighted = transition(X, target, times.double())
    torch.testing.assert_close(transition(X[rows], target[rows]), weighted)


def test_a_class_without_samples_keeps_its_label():
    X, _, target = noisy_classes(np.eye(3))
    wider = torch.cat([target, torch.zeros(600, 1)], dim=1)
    np.testing.assert_allclose(
        estimate_transition_matrix(evaluation_of(X, wider)), np.eye(4), atol=0.02
    )
    all_trusted = torch.ones(600, dtype=torch.bool)
    estimate = estimate_transition_matrix(evaluation_of(X, wider, trusted=all_trusted))
    np.testing.assert_array_equal(estimate, np.eye(4))


def test_without_trusted_samples_the_diagonal_leads_by_a_margin():
    # Without information in the features all rows would be the label frequencies.
    target = torch.tensor(np.eye(3)[rng.choice(3, p=[0.7, 0.2, 0.1], size=300)])
    for lead in (0.1, 0.3):
        evaluation = evaluation_of(torch.tensor(rng.normal(size=(300, 2))), target)
        estimate = estimate_transition_matrix(evaluation, lead=lead).numpy()
        other = (estimate - np.eye(3)).max(axis=1)
        assert (estimate.diagonal() >= other + lead - 1e-9).all()
        np.testing.assert_allclose(estimate.sum(axis=1), 1)
        assert (estimate >= 0).all()


def test_transition_matrix_is_checked_and_copied():
    given = np.array([[0.9, 0.1], [0.3, 0.7004]])
    matrix = as_transition(given, 2)
    np.testing.assert_allclose(matrix.sum(dim=1), 1, rtol=1e-15)
    matrix.zero_()
    assert given[0, 0] == 0.9
    with pytest.raises(ValueError, match=r"row 1 with minimum 0\.3 and sum 1\.01"):
        as_transition([[1, 0], [0.3, 0.71]], 2)


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
