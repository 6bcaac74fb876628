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
from tests.metrics.helpers import (
    CLEAN_COUNTERPARTS,
    LABEL_METRICS,
    MATRICES,
    predictions,
)


@pytest.mark.parametrize("T", MATRICES, ids=["none", "symmetric", "pair", "asymmetric"])
@pytest.mark.parametrize("metric", CLEAN_COUNTERPARTS)
def test_expectation_over_the_noise_is_the_score_on_clean_labels(metric, T):
    """Every sample has every label, weighted by its probability: the exact expectation."""
    y, p = predictions()
    noisy, weight = np.tile(np.arange(3), 60), T[y].ravel()
    predicted = p.argmax(axis=1) if metric in LABEL_METRICS else p
    score = metric(noisy, predicted.repeat(3, axis=0), T, sample_weight=weight)
    assert score == pytest.approx(CLEAN_COUNTERPARTS[metric](y, predicted), rel=1e-9)


@pytest.mark.slow
def test_balanced_accuracy_is_plausible_or_refused():
    """With rare classes and heavy noise, the estimated frequency of a class may be almost 0."""
    local = np.random.default_rng(0)
    T, errors = symmetric(3, 0.4), symmetric(3, 0.15)
    scores = []
    for _ in range(400):
        y = local.choice(3, size=600, p=[0.9, 0.07, 0.03])
        seed = local.integers(2**31, size=2)
        noisy, predicted = (
            corrupt_labels(y, matrix, classes=[0, 1, 2], random_state=random_state)
            for matrix, random_state in zip((T, errors), seed, strict=True)
        )
        try:
            score = noise_corrected_balanced_accuracy(noisy, predicted, T, confidence_level=0.95)
            scores.append(score)
        except ValueError as error:
            assert "is not clearly above zero" in str(error)
    assert 50 < len(scores) < 200
    assert min(score.value for score in scores) > 0.2
    assert max(score.value for score in scores) < 1.3


def test_a_class_whose_frequency_cancels_to_zero_is_refused():
    noisy, predicted = [0] * 15 + [1] * 5, [0] * 10 + [1] * 10
    with pytest.raises(
        ValueError, match=r"frequency of class 1 .* not clearly above zero: .* error of"
    ):
        noise_corrected_balanced_accuracy(noisy, predicted, symmetric(2, 0.25))
    with pytest.raises(ValueError, match="frequency of class 2 among the clean labels is not"):
        noise_corrected_balanced_accuracy([0, 0, 1], [0, 0, 1], np.eye(3), classes=[0, 1, 2])


@pytest.mark.slow
@pytest.mark.parametrize("sharper", [1.0, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_interval_of_the_calibration_error_has_the_right_coverage(sharper, noise):
    local, T = np.random.default_rng(2), symmetric(3, noise)
    p = np.exp(1.5 * local.normal(size=(100_000, 3)))
    p /= p.sum(axis=1, keepdims=True)
    predicted = p**sharper / (p**sharper).sum(axis=1, keepdims=True)
    # The exact value: every sample has every label, weighted by its probability.
    true = noise_corrected_calibration_error(
        np.tile(np.arange(3), len(p)),
        predicted.repeat(3, axis=0),
        np.eye(3),
        sample_weight=p.ravel(),
    )
    scores = []
    for _ in range(200):
        rows = local.integers(len(p), size=500)
        exceeded = local.random((500, 1)) >= (p[rows] @ T).cumsum(axis=1)[:, :2]
        noisy, params = exceeded.sum(axis=1), {"classes": [0, 1, 2], "confidence_level": 0.95}
        scores.append(noise_corrected_calibration_error(noisy, predicted[rows], T, **params))
    assert np.mean([score.low <= true <= score.high for score in scores]) > 0.92
    assert all(score.low >= 0 for score in scores)
    if sharper == 4.0 and not noise:
        std = np.std([score.value for score in scores])
        assert np.mean([score.standard_error for score in scores]) == pytest.approx(std, rel=0.15)


@pytest.mark.parametrize("n_bins", [0, 2.5, "10"])
def test_bad_numbers_of_bins_are_refused(n_bins):
    with pytest.raises(ValueError, match=rf"'n_bins' parameter .*\[1, inf\). Got {n_bins!r}"):
        noise_corrected_calibration_error(*predictions(), np.eye(3), n_bins=n_bins)


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
@pytest.mark.parametrize("metric", CLEAN_COUNTERPARTS)
def test_bad_input_is_refused(metric, T, params, message):
    y, p = predictions()
    with pytest.raises(ValueError, match=message):
        metric(y, p.argmax(axis=1) if metric in LABEL_METRICS else p, T, **params)


@pytest.mark.parametrize("matrix", ["auto", [[1, 0], [0]], None, {}])
def test_a_transition_matrix_that_is_no_array_of_numbers_is_refused(matrix):
    message = "'transition_matrix' parameter must"
    for metric in LABEL_METRICS:
        with pytest.raises(ValueError, match=message):
            metric([0, 1], [0, 1], matrix)
    if matrix is not None:
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)


def test_data_frames_in_another_order_are_refused():
    labels, T = np.array(["b", "c", "d"]), pair(3, 0.3)
    codes = np.arange(30) % 3
    y, p = labels[codes], np.full((30, 3), 0.2) + 0.4 * np.eye(3)[codes]
    frame = pd.DataFrame(T, index=labels, columns=labels)
    for metric in CLEAN_COUNTERPARTS:
        predicted = y if metric in LABEL_METRICS else p
        assert metric(y, predicted, frame) == metric(y, predicted, T)
        with pytest.raises(ValueError, match="rows of 'transition_matrix' must be"):
            metric(y, predicted, frame.iloc[::-1])
    with pytest.raises(ValueError, match="columns of 'transition_matrix' must be"):
        make_noisy_scorer(
            "noise_corrected_accuracy", transition_matrix=frame.iloc[:, ::-1], classes=labels
        )
