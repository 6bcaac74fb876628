"""What all scores share: labels, weights and intervals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknoisy.metrics import (
    cores_score,
    make_noisy_scorer,
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_calibration_error,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.noise import corrupt_labels, pair
from tests.metrics.helpers import CLEAN, MATRICES, OF_LABELS, OF_PROBA, predictions

rng = np.random.default_rng(0)


@pytest.mark.parametrize("metric", [*OF_LABELS, *OF_PROBA[:2], peer_accuracy, cores_score])
def test_intervals_hold_what_they_should(metric):
    T = pair(3, 0.3)
    takes = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": T}
    reads_labels = metric in OF_LABELS or metric is peer_accuracy

    def score(n, seed, **params):
        y, p = predictions(n, seed)
        y = corrupt_labels(y, T, random_state=seed)
        return metric(y, p.argmax(axis=1) if reads_labels else p, **takes, **params)

    true = score(400_000, 10_000)
    found = [score(300, seed, confidence_level=0.9) for seed in range(300)]
    hits = np.mean([one.low <= true <= one.high for one in found])
    assert 0.86 < hits < 0.94
    values = np.array([one.value for one in found])
    assert np.mean([one.standard_error for one in found]) == pytest.approx(values.std(), rel=0.1)
    assert abs(values.mean() - true) < 4 * values.std() / np.sqrt(300)


def test_a_plain_number_unless_an_interval_is_asked_for():
    y, p = predictions()
    found = noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3), confidence_level=0.95)
    assert type(noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3))) is float
    right = y == p.argmax(axis=1)
    error = right.std() / np.sqrt(60)
    assert_allclose(
        found,
        (right.mean(), error, right.mean() - 1.96 * error, right.mean() + 1.96 * error),
        rtol=1e-4,
    )


@pytest.mark.parametrize("metric", [*CLEAN, peer_accuracy, cores_score])
def test_weights_are_repeated_samples(metric):
    # Of few samples some draws leave too little of a class, and the score is refused.
    y, p = predictions(400)
    params = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": MATRICES[2]}
    seen = p.argmax(axis=1) if metric in (*OF_LABELS, peer_accuracy) else p
    weight = rng.integers(0, 4, size=len(y))
    repeated = metric(y.repeat(weight), seen.repeat(weight, axis=0), **params)
    assert metric(y, seen, sample_weight=weight, **params) == pytest.approx(repeated, rel=1e-9)


def test_labels_of_any_type():
    y, p = predictions()
    names = np.array(["a", "b", "c"])
    for metric in OF_LABELS:
        plain = metric(y, p.argmax(axis=1), MATRICES[1])
        named = metric(pd.Series(names[y]), names[p.argmax(axis=1)], pd.DataFrame(MATRICES[1]))
        assert named == plain
    for metric in OF_PROBA:
        assert metric(names[y], pd.DataFrame(p), MATRICES[1]) == metric(y, p, MATRICES[1])
    # A class that neither has.
    kept = (y < 2) & (p.argmax(axis=1) < 2)
    found = noise_corrected_accuracy(y[kept], p[kept].argmax(axis=1), np.eye(3), classes=[0, 1, 2])
    assert found == pytest.approx((y == p.argmax(axis=1))[kept].mean())


@pytest.mark.parametrize("n", [3, 150, 1001])
def test_a_score_of_all_right_or_all_wrong_is_a_share_to_the_last_digit(n):
    y, trusted = np.arange(n) % 3, np.ones(n, bool)
    weight = np.random.default_rng(0).random(n)
    for said, share in ((y, 1.0), ((y + 1) % 3, 0.0)):
        for params in ({}, {"sample_weight": weight}):
            assert trusted_accuracy(y, said, trusted, **params) == share
            assert noise_corrected_accuracy(y, said, np.eye(3), **params) == share
            for level in (0.1, 0.9, 0.999):
                score = trusted_accuracy(y, said, trusted, confidence_level=level, **params)
                assert 0 <= score.low <= score.value == share <= score.high <= 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([0, 1, np.nan], "NaN"),
        (pd.Series([0, 1, pd.NA], dtype="Int64"), "NaN"),
        ([0, 1, pd.NA], "NaN"),
        (["a", "b", None], "None"),
        (np.array(["a", "b", np.nan], dtype=object), "NaN"),
    ],
    ids=str,
)
def test_missing_labels_are_refused(bad, message):
    good, p = ["a", "b", "b"] if "a" in list(bad)[:1] else [0, 1, 1], np.full((3, 2), 0.5)
    for metric in (*OF_LABELS, lambda y, said, _: peer_accuracy(y, said)):
        with pytest.raises(ValueError, match=f"Input y contains {message}"):
            metric(bad, good, np.eye(2))
        with pytest.raises(ValueError, match=f"Input y_pred contains {message}"):
            metric(good, bad, np.eye(2))
    for metric in (*OF_PROBA, lambda y, p, _: cores_score(y, p)):
        with pytest.raises(ValueError, match=f"Input y contains {message}"):
            metric(bad, p, np.eye(2))


def test_labels_of_two_types_are_refused():
    message = r"y and y_pred must all hold .* Got \['a', 'b'\] in y, \[0, 1\] in y_pred"
    for metric in (*OF_LABELS, lambda y, said, _: peer_accuracy(y, said)):
        with pytest.raises(ValueError, match=message):
            metric(["a", "b"], [0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"Got \['a', 0\] in y, "):
        noise_corrected_accuracy(np.array(["a", 0], dtype=object), [0, 0], np.eye(2))


def test_bad_parameters_are_refused():
    y, p = predictions()
    trusted = np.ones(60, bool)
    for level in (95, 0, 1.0, np.nan, "0.9"):
        for metric, args in [
            *((metric, (y, y, np.eye(3))) for metric in OF_LABELS),
            *((metric, (y, p, np.eye(3))) for metric in OF_PROBA),
            (peer_accuracy, (y, y)),
            (cores_score, (y, p)),
            (trusted_accuracy, (y, y, trusted)),
        ]:
            with pytest.raises(ValueError, match=f"'confidence_level' parameter .* Got {level!r}"):
                metric(*args, confidence_level=level)
    for beta in (-1, np.inf, np.nan, "2"):
        with pytest.raises(ValueError, match=rf"'beta' parameter .*\[0, inf\). Got {beta!r}"):
            cores_score(y, p, beta=beta)
    for n_bins in (0, 2.5, "10"):
        with pytest.raises(ValueError, match=rf"'n_bins' parameter .*\[1, inf\). Got {n_bins!r}"):
            noise_corrected_calibration_error(y, p, np.eye(3), n_bins=n_bins)
    for matrix in (0.3, [0.3, 0.7], np.ones((2, 3)) / 3):
        with pytest.raises(ValueError, match="'transition_matrix' parameter must be a square"):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)
    with pytest.raises(ValueError, match=r"'metric' parameter must be a str among .* 'accuracy'"):
        make_noisy_scorer("accuracy")
    with pytest.raises(ValueError, match="needs a 'transition_matrix'"):
        make_noisy_scorer("noise_corrected_accuracy")
    with pytest.raises(ValueError, match="takes no 'transition_matrix'"):
        make_noisy_scorer("peer_accuracy", transition_matrix=np.eye(3))
    with pytest.raises(ValueError, match="condition number"):
        make_noisy_scorer("noise_corrected_accuracy", transition_matrix=np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="share of class 2 in the right labels is not clearly"):
        noise_corrected_balanced_accuracy([0, 0, 1], [0, 0, 1], np.eye(3), classes=[0, 1, 2])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        peer_accuracy([0, 1], [0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cores_score(y[:5], p)
