"""Transition matrices as methods take and estimate them."""

import numpy as np
import pytest
import torch

from sknoisy.methods import EvaluationPass
from sknoisy.methods._transition import as_transition, estimate_transition_matrix
from sknoisy.transition import dual_t, hoc

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
    outputs = 0 * target, features
    return EvaluationPass(
        index, target.argmax(1), weight, 3, lambda rows: target, lambda rows: outputs, trusted
    )


@pytest.mark.parametrize("trusted", [None, torch.arange(600) < 30])
def test_transition_matrix_is_recovered(trusted):
    truth = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
    X, y, target = noisy_classes(truth)
    if trusted is not None:
        target[trusted] = torch.tensor(np.eye(3)[y[trusted]])
    estimate = estimate_transition_matrix(evaluation_of(X, target, trusted=trusted))
    np.testing.assert_allclose(estimate, truth, atol=0.08)


@pytest.mark.parametrize("trusted", [None, torch.arange(600) < 30])
def test_dual_t_and_hoc_are_those_of_the_public_module(trusted):
    X, y, target = noisy_classes(np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]]))
    logits = torch.tensor(np.eye(3)[y] + rng.normal(scale=0.2, size=(600, 3)))
    index, weight, noisy = torch.arange(600), torch.ones(600), target.argmax(1)
    rows = torch.ones(600, dtype=torch.bool) if trusted is None else ~trusted
    evaluation = EvaluationPass(
        index, noisy, weight, 3, lambda rows: target, lambda rows: (logits, X), trusted
    )
    p = torch.softmax(logits, dim=1)
    for estimate, expected in {
        "dual_t": dual_t(p[rows].numpy(), noisy[rows].numpy()),
        "hoc": hoc(X[rows].numpy(), noisy[rows].numpy(), max_iter=301),
    }.items():
        transition = estimate_transition_matrix(evaluation, estimate, lead=0.0)
        np.testing.assert_allclose(transition, expected)
        leading = estimate_transition_matrix(evaluation, estimate, lead=0.9)
        other = (leading - torch.eye(3)).amax(dim=1)
        torch.testing.assert_close(leading.diagonal() - other, torch.full_like(other, 0.9))


@pytest.mark.parametrize("trusted", [None, torch.arange(2) < 2])
def test_hoc_of_too_few_samples_is_the_identity(trusted):
    target = torch.eye(3)[:2]
    evaluation = evaluation_of(torch.zeros(2, 2), target, trusted=trusted)
    assert torch.equal(estimate_transition_matrix(evaluation, "hoc"), torch.eye(3))


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
