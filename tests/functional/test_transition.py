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
    """Three clusters, their right labels, and labels changed by a matrix."""
    y = np.arange(n) % 3
    X = np.array([[0.0, 2.0], [2.0, 0.0], [-2.0, -2.0]])[y] + rng.normal(scale=spread, size=(n, 2))
    given = np.array([rng.choice(3, p=matrix[label]) for label in y])
    return torch.tensor(X), y, torch.tensor(np.eye(3)[given])


def scan_of(features, target, weight=None, trusted=None):
    weight = torch.ones(len(target), dtype=target.dtype) if weight is None else weight
    index = torch.arange(len(target))
    return EvaluationPass(
        index, target.argmax(1), target, weight, 3, lambda: (0 * target, features), trusted
    )


def test_class_scores_agree_with_scikit_learn():
    X, target = rng.normal(size=(50, 4)), np.eye(3)[rng.integers(3, size=50)]
    weight = rng.random(50) + 0.1
    centred = X - np.average(X, axis=0, weights=weight)
    mean_eigenvalue = (weight[:, None] * centred**2).sum() / 4
    model = Ridge(alpha=mean_eigenvalue).fit(X, target, sample_weight=weight)
    found = ridge_class_scores(torch.tensor(X), torch.tensor(target), torch.tensor(weight))
    np.testing.assert_allclose(found, model.predict(X))
    np.testing.assert_allclose(found.sum(dim=1), 1)


def test_class_scores_of_features_that_tell_nothing_are_the_shares_of_the_labels():
    target = torch.eye(3)[torch.tensor([0, 0, 1, 2])]
    found = ridge_class_scores(torch.ones(4, 2), target, torch.ones(4))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.25, 0.25]]).expand(4, 3))


def test_confident_transition_counts_as_the_paper_does():
    # Northcutt et al. 2021, Eq. 1 to 3, sample by sample.
    p, given = rng.dirichlet(np.ones(3), 200), rng.integers(3, size=200)
    threshold = [p[given == k, k].mean() for k in range(3)]
    joint = np.zeros((3, 3))
    for scores, label in zip(p, given, strict=True):
        passing = [k for k in range(3) if scores[k] >= threshold[k]]
        if passing:
            joint[label, max(passing, key=lambda k: scores[k])] += 1
    joint *= np.bincount(given)[:, None] / joint.sum(axis=1, keepdims=True)
    found = confident_transition(
        torch.tensor(p), torch.tensor(np.eye(3)[given]), torch.ones(200, dtype=torch.float64)
    )
    np.testing.assert_allclose(found, (joint / joint.sum(axis=0)).T)


@pytest.mark.parametrize("trusted", [None, torch.arange(600) < 30])
def test_transition_is_found_again(trusted):
    truth = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    X, y, target = noisy_classes(truth)
    if trusted is not None:
        target[trusted] = torch.tensor(np.eye(3)[y[trusted]])
    found = estimate_transition_matrix(scan_of(X, target, trusted=trusted))
    np.testing.assert_allclose(found, truth, atol=0.08)


def test_trusted_rows_show_labels_that_are_wrong_more_often_than_right():
    truth = np.array([[0.2, 0.8, 0.0], [0.0, 0.3, 0.7], [0.8, 0.0, 0.2]])
    X, y, target = noisy_classes(truth)
    trusted = torch.arange(600) < 30
    target[trusted] = torch.tensor(np.eye(3)[y[trusted]])
    np.testing.assert_allclose(
        estimate_transition_matrix(scan_of(X, target, trusted=trusted)), truth, atol=0.08
    )


@pytest.mark.parametrize("n_trusted", [None, 6])
def test_weights_count_rows_of_the_transition(n_trusted):
    def transition(features, target, weight=None):
        trusted = None if n_trusted is None else torch.arange(len(target)) < n_trusted
        return estimate_transition_matrix(scan_of(features, target, weight, trusted))

    X, _, target = noisy_classes(np.full((3, 3), 0.2) + 0.4 * np.eye(3), n=90)
    times = torch.tensor(np.r_[np.ones(6, dtype=int), np.arange(84) % 3 + 1])
    rows = torch.repeat_interleave(torch.arange(90), times)
    weighted = transition(X, target, times.double())
    torch.testing.assert_close(transition(X[rows], target[rows]), weighted)


def test_a_class_without_samples_keeps_its_label():
    X, _, target = noisy_classes(np.eye(3))
    wider = torch.cat([target, torch.zeros(600, 1)], dim=1)
    np.testing.assert_allclose(estimate_transition_matrix(scan_of(X, wider)), np.eye(4), atol=0.02)
    everyone = torch.ones(600, dtype=torch.bool)
    found = estimate_transition_matrix(scan_of(X, wider, trusted=everyone))
    np.testing.assert_array_equal(found, np.eye(4))


def test_without_trusted_rows_each_label_leads_its_row():
    # Features that tell nothing of the labels: rows would all be the shares of the labels.
    target = torch.tensor(np.eye(3)[rng.choice(3, p=[0.7, 0.2, 0.1], size=300)])
    for lead in (0.1, 0.3):
        scan = scan_of(torch.tensor(rng.normal(size=(300, 2))), target)
        found = estimate_transition_matrix(scan, lead=lead).numpy()
        other = (found - np.eye(3)).max(axis=1)
        assert (found.diagonal() >= other + lead - 1e-9).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert (found >= 0).all()


def test_transition_matrix_is_checked_and_copied():
    given = np.array([[0.9, 0.1], [0.3, 0.7004]])
    found = as_transition(given, 2)
    np.testing.assert_allclose(found.sum(dim=1), 1, rtol=1e-15)
    found.zero_()
    assert given[0, 0] == 0.9
    with pytest.raises(ValueError, match=r"row 1 with minimum 0\.3 and sum 1\.01"):
        as_transition([[1, 0], [0.3, 0.71]], 2)


def test_sure_counts_and_their_matrix():
    p, weight = rng.dirichlet(np.ones(4), 30), rng.random(30)
    counts = np.zeros((4, 4))
    for one, w in zip(p, weight, strict=True):
        second, first = np.sort(one)[-2:]
        counts[one.argmax()] += w * (first - second) * one
    found = confident_counts(torch.tensor(p), torch.tensor(weight))
    np.testing.assert_allclose(found, counts)
    np.testing.assert_allclose(counts_to_transition(found).sum(dim=1), 1)
    # A sample of weight two is the sample twice, one of a single class is sure.
    twice = confident_counts(torch.tensor(np.vstack([p, p])), torch.tensor(np.tile(weight / 2, 2)))
    np.testing.assert_allclose(found, twice)
    assert confident_counts(torch.ones(3, 1), torch.ones(3)) == 3


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_correction_is_the_inverse_where_that_is_a_distribution(k, seed):
    draw = np.random.default_rng(seed)
    T = 0.6 * np.eye(k) + 0.4 * draw.dirichlet(np.ones(k), k)
    true = draw.dirichlet(5 * np.ones(k), 8)
    found = correct_predictions(torch.tensor(true @ T), torch.tensor(T), n_iter=1000)
    np.testing.assert_allclose(found, true, atol=0.01)


@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_correction_raises_the_likelihood_and_stays_a_distribution(k, seed):
    draw = np.random.default_rng(seed)
    T, p = draw.dirichlet(np.ones(k), k), draw.dirichlet(np.ones(k), 8)

    def likelihood(n_iter):
        true = correct_predictions(torch.tensor(p), torch.tensor(T), n_iter).numpy()
        np.testing.assert_allclose(true.sum(axis=1), 1)
        assert (true >= 0).all()
        return (p * np.log(np.maximum(true @ T, 1e-300))).sum(axis=1)

    assert (likelihood(10) >= likelihood(3) - 1e-9).all()
    assert (likelihood(3) >= likelihood(0) - 1e-9).all()


def test_no_noise_and_symmetric_noise_leave_the_likeliest_class():
    p = torch.tensor(rng.dirichlet(np.ones(5), 50))
    torch.testing.assert_close(correct_predictions(p, torch.eye(5).double()), p)
    symmetric = torch.full((5, 5), 0.15).double() + 0.25 * torch.eye(5).double()
    assert torch.equal(correct_predictions(p, symmetric).argmax(dim=1), p.argmax(dim=1))


def test_correction_copes_with_labels_that_are_never_given():
    T = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert torch.isfinite(correct_predictions(torch.tensor([[0.0, 1.0], [0.5, 0.5]]), T)).all()
