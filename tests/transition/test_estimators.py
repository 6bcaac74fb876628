"""Estimators of the transition matrix."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from scipy.stats import binomtest, norm
from sklearn.datasets import load_iris, make_blobs

from sknoisy.noise import corrupt_labels, pair, symmetric
from sknoisy.transition import (
    anchor_points,
    confident_joint,
    dual_t,
    estimate_transition,
    gold,
    hoc,
    most_confident,
    noise_rate,
)
from tests.transition.helpers import FROM_PROBA, MATRICES, noisy_problem

rng = np.random.default_rng(0)


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
@pytest.mark.parametrize("estimate", FROM_PROBA)
def test_estimate_is_near_the_true_matrix(estimate, T):
    y, p, _ = noisy_problem(T)
    # The others count predicted classes, which are often wrong where two are about as likely.
    tolerance = {confident_joint: 0.45, dual_t: 0.6}.get(estimate, 0.1)
    assert abs(estimate(p, y) - T).sum(axis=1).max() < tolerance


@pytest.mark.slow
@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
def test_hoc_estimates_the_matrix_from_neighbours(T):
    X, true = make_blobs(3000, centers=np.eye(3) * 8, random_state=0)
    y = corrupt_labels(true, T, random_state=0)
    assert abs(hoc(X, y) - T).sum(axis=1).max() < 0.12


def test_gold_averages_trusted_samples_or_falls_back_to_most_confident():
    T = pair(3, 0.6)
    y, p, true = noisy_problem(T, 600)
    trusted = (np.arange(600) < 60) & (true != 2)
    y = np.where(trusted, true, y)
    estimated = gold(p, y, trusted)
    for label in (0, 1):
        assert_allclose(estimated[label], p[trusted & (true == label)].mean(axis=0))
        assert abs(estimated[label] - T[label]).sum() < 0.15
    assert_array_equal(estimated[2], most_confident(p, y)[2])


@pytest.mark.parametrize(("min_samples", "z_score"), [(10, 2.0), (40, 4.0), (1000, 1.0)])
def test_most_confident_matches_a_loop(min_samples, z_score):
    """The bound is that of scipy; of samples with equal confidence all or none are counted."""
    y, p, _ = noisy_problem(symmetric(4, 0.3), 500, doubt=1.0)
    p = p.round(2) / p.round(2).sum(axis=1, keepdims=True)
    expected, ties = np.eye(4), 0
    for label in range(4):
        members = [i for i in range(500) if p[i].argmax() == label]
        members = sorted(members, key=lambda i: -p[i, label])
        bounds = {}
        for n in range(min(min_samples, len(members)), len(members) + 1):
            if n < len(members) and p[members[n], label] == p[members[n - 1], label]:
                ties += 1
                continue
            test = binomtest(int((y[members[:n]] == label).sum()), n)
            level = 2 * norm.cdf(z_score) - 1
            bounds[n] = test.proportion_ci(level, method="wilson").low
        chosen = members[: max(bounds, key=bounds.get)]
        expected[label] = np.eye(4)[y[chosen]].mean(axis=0)
    assert ties or min_samples == 1000
    assert_allclose(most_confident(p, y, min_samples=min_samples, z_score=z_score), expected)


def test_most_confident_does_not_depend_on_the_order_of_samples():
    true = rng.integers(3, size=900)
    p, y = np.where(np.eye(3)[true] > 0, 0.6, 0.2), corrupt_labels(true, 0.4, random_state=0)
    by_label = np.argsort(y)
    assert_allclose(most_confident(p[by_label], y[by_label]), most_confident(p, y))


def test_confident_joint_matches_a_loop():
    """Northcutt et al. 2021, Eq. 1 to 3."""
    y, p, _ = noisy_problem(pair(4, 0.3), 400, doubt=1.0)
    counts = np.zeros((4, 4))
    thresholds = [p[y == j, j].mean() for j in range(4)]
    for given, row in zip(y, p, strict=True):
        above = [j for j in range(4) if row[j] >= thresholds[j]]
        if above:
            counts[given, max(above, key=lambda j: row[j])] += 1
    joint = counts / counts.sum(axis=1, keepdims=True) * np.bincount(y)[:, None]
    assert_allclose(confident_joint(p, y), joint.T / joint.sum(axis=0)[:, None])


def test_dual_t_is_the_product_of_anchor_points_and_counts():
    y, p, _ = noisy_problem(pair(3, 0.3), 500)
    counts = pd.crosstab(p.argmax(axis=1), y, normalize="index").to_numpy()
    assert_allclose(dual_t(p, y, quantile=0.9), anchor_points(p, y, quantile=0.9) @ counts)


def test_anchor_points_do_not_change_their_input():
    y, p, _ = noisy_problem(symmetric(3, 0.2), 300)
    before = p.copy()
    matrix = anchor_points(p, y, quantile=0.5)
    assert_array_equal(p, before)
    for label in range(3):
        assert matrix[label, label] == pytest.approx(np.sort(p[:, label])[150])


@pytest.mark.parametrize("estimate", FROM_PROBA)
def test_labels_of_any_type_and_classes_missing_from_y(estimate):
    y, p, _ = noisy_problem(pair(3, 0.2), 300)
    names = np.array(["b", "c", "d"])[y]
    assert_array_equal(estimate(p, names), estimate(p, y))
    assert_array_equal(
        estimate(pd.DataFrame(p), pd.Series(names, index=range(5, 305))), estimate(p, y)
    )
    wide = np.column_stack([np.zeros(300), p])
    matrix = estimate(wide, names, classes=["a", "b", "c", "d"])
    assert matrix.shape == (4, 4)
    assert_allclose(matrix.sum(axis=1), 1)


def test_hoc_accepts_sparse_features():
    X, y = load_iris(return_X_y=True)
    matrix = estimate_transition(csr_matrix(X), y, method="hoc", max_iter=20)
    assert_allclose(matrix, hoc(X, y, max_iter=20))


@pytest.mark.parametrize(
    ("y", "p", "params", "message"),
    [
        ([0, 1], [[0.5, 0.6], [0.5, 0.5]], {}, r"row 0 with minimum 0.5 and sum 1.1"),
        ([0, 1], [[1.5, -0.5], [0.5, 0.5]], {}, "row 0 with minimum -0.5"),
        ([0, 1], [[0.5, np.nan], [0.5, 0.5]], {}, "proba contains NaN"),
        ([0, 1], np.full((2, 3), 1 / 3), {}, r"3 columns, but there are 2 classes: \[0, 1\]"),
        ([0, 1, 1], [[0.5, 0.5]] * 2, {}, "inconsistent numbers of samples"),
        ([0, np.nan], [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        ([0, pd.NA], [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        (["a", None], [[0.5, 0.5]] * 2, {}, "Input y contains None"),
        (pd.Series([0, None], dtype="Int64"), [[0.5, 0.5]] * 2, {}, "Input y contains NaN"),
        (
            ["a", "b"],
            [[0.5, 0.5]] * 2,
            {"classes": [0, 1]},
            r"all hold numbers or all strings\. Got",
        ),
        ([0, 1], [[0.5, 0.5]] * 2, {"classes": [1, 0]}, r"sorted and different. Got \[1, 0\]"),
        ([0, 5], [[0.5, 0.5]] * 2, {"classes": [0, 1]}, r"got \[5\] beside \[0, 1\]"),
    ],
)
@pytest.mark.parametrize("estimate", [*FROM_PROBA, noise_rate])
def test_invalid_data_raises(estimate, y, p, params, message):
    with pytest.raises(ValueError, match=message):
        estimate(p, y, **params)


@pytest.mark.parametrize(
    ("estimate", "params"),
    [
        (most_confident, {"min_samples": 0}),
        (most_confident, {"min_samples": 2.5}),
        (most_confident, {"z_score": -1}),
        (most_confident, {"z_score": np.nan}),
        (anchor_points, {"quantile": 97}),
        (anchor_points, {"quantile": -0.5}),
        (dual_t, {"quantile": -2}),
        (hoc, {"max_iter": 0}),
        (noise_rate, {"confidence_level": 95}),
        (noise_rate, {"confidence_level": 0}),
        (noise_rate, {"n_resamples": 0}),
        (noise_rate, {"min_rate": 2}),
    ],
)
def test_parameters_out_of_range_raise(estimate, params):
    y = np.arange(30) % 3
    (name, value) = next(iter(params.items()))
    message = f"'{name}' parameter of {estimate.__name__} must be .* Got {value} instead"
    with pytest.raises(ValueError, match=message):
        estimate(np.full((30, 3), 1 / 3), y, **params)


def test_named_columns_must_be_in_the_order_of_the_classes():
    y, p, _ = noisy_problem(pair(3, 0.2), 300)
    names = np.array(["b", "c", "d"])
    frame = pd.DataFrame(p, columns=names)
    assert_array_equal(most_confident(frame, names[y]), most_confident(p, y))
    message = r"must be the classes in their order, \['b', 'c', 'd'\]. Got \['d', 'c', 'b'\]"
    with pytest.raises(ValueError, match=message):
        most_confident(frame.iloc[:, ::-1], names[y])
    # Names that are not the classes are ignored.
    assert_array_equal(
        most_confident(frame.set_axis(["z", "y", "x"], axis=1), names[y]), most_confident(p, y)
    )
