"""Rows that are worth the next look."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues, next_to_check
from sknoisy.noise import pair
from tests.factories import noisy_digits

T = pair(3, 0.3)


def test_order_is_quality_minus_a_tenth_of_the_relative_entropy():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(3, 0.3), 200)
    y = rng.integers(0, 3, 200)
    y[:3] = range(3)
    every = find_label_issues(p, y, transition_matrix=T, return_all=True).sort_index()
    # Two classes are possible for a pair, so that confidence and quality give the entropy.
    clean = p.copy()
    for _ in range(8):
        clean *= (p / (clean @ T)) @ T.T
        clean /= clean.sum(axis=1, keepdims=True)
    joint = clean * T[:, y].T
    joint /= joint.sum(axis=1, keepdims=True)
    entropy = -np.where(joint > 0, joint * np.log(np.maximum(joint, 1e-300)), 0).sum(axis=1)
    worth = 1 - every["quality"].to_numpy() - 0.1 * entropy / np.log(3)
    rows = next_to_check(p, y, 200, transition_matrix=T)
    assert_array_equal(rows, np.argsort(-worth, kind="stable"))
    assert_array_equal(next_to_check(p, y, 5, transition_matrix=T), rows[:5])


def test_of_two_rows_that_are_alike_wrong_the_clear_one_comes_first():
    p = np.array([[0.02, 0.49, 0.49], [0.02, 0.98, 0.0], [0.9, 0.05, 0.05], [0.05, 0.9, 0.05]])
    rows = next_to_check(
        p,
        [0, 0, 0, 1],
        4,
        transition_matrix=np.full((3, 3), 0.1) + 0.7 * np.eye(3),
        classes=[0, 1, 2],
    )
    assert rows.tolist()[:2] == [1, 0]


def test_trusted_rows_need_no_check():
    p = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]])
    matrix = [[0.8, 0.2], [0.2, 0.8]]
    y = np.array([0, 0, 1])
    assert next_to_check(p, y, 3, transition_matrix=matrix).tolist() == [0, 1, 2]
    rows = next_to_check(p, y, 3, transition_matrix=matrix, trusted=[True, False, False])
    assert rows.tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"trusted must be a boolean mask of shape \(3,\)"):
        next_to_check(p, y, 3, transition_matrix=matrix, trusted=[True, False])


@pytest.mark.slow
def test_rows_trusted_in_fit_are_left_out_and_names_are_those_of_the_index():
    X, y = noisy_digits(400)
    series = pd.Series(y, index=[f"row {i}" for i in range(len(y))])
    clf = NoisyLabelClassifier(random_state=0).fit(X, series)
    first = next_to_check(clf, series, 20)
    assert first[0].startswith("row ")
    trusted = series.index.isin(first)
    clf = NoisyLabelClassifier(random_state=0).fit(X, series, trusted=trusted)
    assert not set(next_to_check(clf, series, 400)) & set(first)
    assert len(next_to_check(clf, series, 400)) == 380


def test_uninformative_predictions_have_no_rows():
    with pytest.warns(UserWarning, match="tell nothing about the labels"):
        rows = next_to_check(np.full((40, 2), 0.5), np.arange(40) % 2, 5)
    assert len(rows) == 0


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, "all", None])
def test_invalid_budgets_raise(budget):
    with pytest.raises(ValueError, match="'budget' parameter of next_to_check must"):
        next_to_check([[0.5, 0.5], [0.1, 0.9]], [0, 1], budget)


def test_errors_name_the_function():
    with pytest.raises(TypeError, match="next_to_check takes a fitted model or probabilities"):
        next_to_check(None, [0, 1], 1)
    with pytest.raises(ValueError, match="'transition_matrix' parameter of next_to_check"):
        next_to_check([[0.5, 0.5], [0.1, 0.9]], [0, 1], 1, transition_matrix="atuo")
