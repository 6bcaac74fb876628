"""Scores corrected by the transition matrix."""

import numpy as np
import pandas as pd
import pytest

from sknoisy.metrics import (
    make_noisy_scorer,
    noise_corrected_balanced_accuracy,
    noise_corrected_calibration_error,
)
from sknoisy.noise import corrupt_labels, pair, symmetric
from tests.metrics.helpers import CLEAN, MATRICES, OF_LABELS, OF_PROBA, predictions


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
@pytest.mark.parametrize("metric", CLEAN)
def test_over_all_labels_there_might_be_it_is_the_score_on_right_ones(metric, T):
    """Each sample with each label, weighted by its probability: the expectation, exactly."""
    y, p = predictions()
    given, weight = np.tile(np.arange(3), 60), T[y].ravel()
    seen = p.argmax(axis=1) if metric in OF_LABELS else p
    found = metric(given, seen.repeat(3, axis=0), T, sample_weight=weight)
    assert found == pytest.approx(CLEAN[metric](y, seen), rel=1e-9)


def test_balanced_accuracy_is_near_what_it_can_be_or_refused():
    """Rare classes and much noise: the share that divides may come out as next to nothing."""
    local = np.random.default_rng(0)
    T, turn = symmetric(3, 0.4), symmetric(3, 0.15)
    found = []
    for _ in range(400):
        y = local.choice(3, size=600, p=[0.9, 0.07, 0.03])
        seed = local.integers(2**31, size=2)
        noisy, said = (
            corrupt_labels(y, matrix, classes=[0, 1, 2], random_state=one)
            for matrix, one in zip((T, turn), seed, strict=True)
        )
        try:
            found.append(noise_corrected_balanced_accuracy(noisy, said, T, confidence_level=0.95))
        except ValueError as refusal:
            assert "is not clearly above zero" in str(refusal)
    assert 50 < len(found) < 200
    assert 0.2 < min(one.value for one in found) and max(one.value for one in found) < 1.3
    # A share of which all but a rounding error cancels.
    noisy, said = [0] * 15 + [1] * 5, [0] * 10 + [1] * 10
    with pytest.raises(
        ValueError, match=r"share of class 1 .* not clearly above zero: .* error of"
    ):
        noise_corrected_balanced_accuracy(noisy, said, symmetric(2, 0.25))


@pytest.mark.parametrize("sharper", [1.0, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_interval_of_the_calibration_error_holds_it(sharper, noise):
    local, T = np.random.default_rng(2), symmetric(3, noise)
    p = np.exp(1.5 * local.normal(size=(100_000, 3)))
    p /= p.sum(axis=1, keepdims=True)
    said = p**sharper / (p**sharper).sum(axis=1, keepdims=True)
    # Each label with its probability.
    true = noise_corrected_calibration_error(
        np.tile(np.arange(3), len(p)), said.repeat(3, axis=0), np.eye(3), sample_weight=p.ravel()
    )
    found = []
    for _ in range(200):
        rows = local.integers(len(p), size=500)
        drawn = local.random((500, 1)) >= (p[rows] @ T).cumsum(axis=1)[:, :2]
        found.append(
            noise_corrected_calibration_error(
                drawn.sum(axis=1), said[rows], T, classes=[0, 1, 2], confidence_level=0.95
            )
        )
    assert np.mean([one.low <= true <= one.high for one in found]) > 0.92
    assert all(one.low >= 0 for one in found)
    if sharper == 4.0 and not noise:
        values = [one.value for one in found]
        assert np.mean([one.standard_error for one in found]) == pytest.approx(
            np.std(values), rel=0.15
        )


@pytest.mark.parametrize(
    ("T", "params", "message"),
    [
        (np.eye(2), {}, r"of shape \(3, 3\).* Got one of shape \(2, 2\)"),
        (0.9 * np.eye(3), {}, "row 0 with minimum 0 and sum 0.9"),
        ([[1, 0, 0], [0, 1, 0], [0.5, 1, -0.5]], {}, "row 2 with minimum -0.5"),
        (np.full((3, 3), 1 / 3), {}, "condition number"),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1]], {}, "condition number inf"),
        (np.eye(3), {"classes": [2, 1, 0]}, "classes must be sorted"),
        (
            np.eye(3),
            {"classes": [0, 1]},
            r"got \[2\] beside \[0, 1\]|3 columns, but",
        ),
        (np.eye(3), {"sample_weight": np.zeros(60)}, "at least one non-zero"),
        (np.eye(3), {"sample_weight": -np.ones(60)}, "Negative values in data"),
    ],
)
@pytest.mark.parametrize("metric", CLEAN)
def test_bad_input_is_refused(metric, T, params, message):
    y, p = predictions()
    with pytest.raises(ValueError, match=message):
        metric(y, p.argmax(axis=1) if metric in OF_LABELS else p, T, **params)


@pytest.mark.parametrize("matrix", ["auto", [[1, 0], [0]], None, {}])
def test_a_matrix_that_is_no_array_of_numbers_is_named(matrix):
    message = "'transition_matrix' parameter must"
    for metric in OF_LABELS:
        with pytest.raises(ValueError, match=message):
            metric([0, 1], [0, 1], matrix)
    if matrix is not None:
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)


def test_frames_in_another_order_are_refused():
    labels, T = np.array(["b", "c", "d"]), pair(3, 0.3)
    codes = np.arange(30) % 3
    y, p = labels[codes], np.full((30, 3), 0.2) + 0.4 * np.eye(3)[codes]
    frame = pd.DataFrame(T, index=labels, columns=labels)
    for metric, said in (*((each, y) for each in OF_LABELS), *((each, p) for each in OF_PROBA)):
        assert metric(y, said, frame) == metric(y, said, T)
        with pytest.raises(ValueError, match="rows of 'transition_matrix' must be"):
            metric(y, said, frame.iloc[::-1])
    with pytest.raises(ValueError, match="columns of 'transition_matrix' must be"):
        make_noisy_scorer(
            "noise_corrected_accuracy", transition_matrix=frame.iloc[:, ::-1], classes=labels
        )
