"""What all scores share: label checks, sample weights and confidence intervals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknoisy.metrics import (
    cores_score,
    noise_corrected_accuracy,
    peer_accuracy,
    trusted_accuracy,
)
from sknoisy.noise import corrupt_labels, pair
from tests.metrics.helpers import (
    CLEAN_COUNTERPARTS,
    LABEL_METRICS,
    MATRICES,
    PROBA_METRICS,
    predictions,
)

rng = np.random.default_rng(0)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [*LABEL_METRICS, *PROBA_METRICS[:2], peer_accuracy, cores_score])
def test_confidence_intervals_have_the_right_coverage(metric):
    T = pair(3, 0.3)
    matrix = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": T}
    needs_labels = metric in LABEL_METRICS or metric is peer_accuracy

    def score(n, seed, **params):
        y, p = predictions(n, seed)
        y = corrupt_labels(y, T, random_state=seed)
        return metric(y, p.argmax(axis=1) if needs_labels else p, **matrix, **params)

    true = score(400_000, 10_000)
    scores = [score(300, seed, confidence_level=0.9) for seed in range(300)]
    coverage = np.mean([score.low <= true <= score.high for score in scores])
    assert 0.86 < coverage < 0.94
    values = np.array([score.value for score in scores])
    errors = [score.standard_error for score in scores]
    assert np.mean(errors) == pytest.approx(values.std(), rel=0.1)
    assert abs(values.mean() - true) < 4 * values.std() / np.sqrt(300)


def test_a_score_is_a_float_without_confidence_level():
    y, p = predictions()
    score = noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3), confidence_level=0.95)
    assert type(noise_corrected_accuracy(y, p.argmax(axis=1), np.eye(3))) is float
    correct = y == p.argmax(axis=1)
    mean, error = correct.mean(), correct.std() / np.sqrt(60)
    assert_allclose(
        score,
        (mean, error, mean - 1.96 * error, mean + 1.96 * error),
        rtol=1e-4,
    )


@pytest.mark.parametrize("metric", [*CLEAN_COUNTERPARTS, peer_accuracy, cores_score])
def test_integer_weights_equal_repeated_samples(metric):
    # With fewer samples, some draws contain too few of a class, and the score is refused.
    y, p = predictions(400)
    params = {} if metric in (peer_accuracy, cores_score) else {"transition_matrix": MATRICES[2]}
    predicted = p.argmax(axis=1) if metric in (*LABEL_METRICS, peer_accuracy) else p
    weight = rng.integers(0, 4, size=len(y))
    repeated = metric(y.repeat(weight), predicted.repeat(weight, axis=0), **params)
    assert metric(y, predicted, sample_weight=weight, **params) == pytest.approx(repeated, rel=1e-9)


def test_labels_may_be_of_any_type():
    y, p = predictions()
    names = np.array(["a", "b", "c"])
    for metric in LABEL_METRICS:
        plain = metric(y, p.argmax(axis=1), MATRICES[1])
        named = metric(pd.Series(names[y]), names[p.argmax(axis=1)], pd.DataFrame(MATRICES[1]))
        assert named == plain
    for metric in PROBA_METRICS:
        assert metric(names[y], pd.DataFrame(p), MATRICES[1]) == metric(y, p, MATRICES[1])
    # A class that occurs neither among the labels nor among the predictions.
    kept = (y < 2) & (p.argmax(axis=1) < 2)
    score = noise_corrected_accuracy(y[kept], p[kept].argmax(axis=1), np.eye(3), classes=[0, 1, 2])
    assert score == pytest.approx((y == p.argmax(axis=1))[kept].mean())


@pytest.mark.parametrize("n", [3, 150, 1001])
def test_accuracies_of_0_and_1_are_exact(n):
    y, trusted = np.arange(n) % 3, np.ones(n, bool)
    weight = np.random.default_rng(0).random(n)
    for predicted, accuracy in ((y, 1.0), ((y + 1) % 3, 0.0)):
        for params in ({}, {"sample_weight": weight}):
            assert trusted_accuracy(y, predicted, trusted, **params) == accuracy
            assert noise_corrected_accuracy(y, predicted, np.eye(3), **params) == accuracy
            for level in (0.1, 0.9, 0.999):
                score = trusted_accuracy(y, predicted, trusted, confidence_level=level, **params)
                assert 0 <= score.low <= score.value == accuracy <= score.high <= 1


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
    for metric in (*LABEL_METRICS, lambda y, y_pred, _: peer_accuracy(y, y_pred)):
        with pytest.raises(ValueError, match=f"Input y_noisy contains {message}"):
            metric(bad, good, np.eye(2))
        with pytest.raises(ValueError, match=f"Input y_pred contains {message}"):
            metric(good, bad, np.eye(2))
    for metric in (*PROBA_METRICS, lambda y, p, _: cores_score(y, p)):
        with pytest.raises(ValueError, match=f"Input y_noisy contains {message}"):
            metric(bad, p, np.eye(2))


def test_mixed_types_of_labels_are_refused():
    message = r"y_noisy and y_pred must all hold .* Got \['a', 'b'\] in y_noisy, \[0, 1\] in y_pred"
    for metric in (*LABEL_METRICS, lambda y, y_pred, _: peer_accuracy(y, y_pred)):
        with pytest.raises(ValueError, match=message):
            metric(["a", "b"], [0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"Got \['a', 0\] in y_noisy, "):
        noise_corrected_accuracy(np.array(["a", 0], dtype=object), [0, 0], np.eye(2))


@pytest.mark.parametrize("level", [95, 0, 1.0, np.nan, "0.9"])
def test_bad_confidence_levels_are_refused(level):
    y, p = predictions()
    for metric, args in [
        *((metric, (y, y, np.eye(3))) for metric in LABEL_METRICS),
        *((metric, (y, p, np.eye(3))) for metric in PROBA_METRICS),
        (peer_accuracy, (y, y)),
        (cores_score, (y, p)),
        (trusted_accuracy, (y, y, np.ones(60, bool))),
    ]:
        with pytest.raises(ValueError, match=f"'confidence_level' parameter .* Got {level!r}"):
            metric(*args, confidence_level=level)


def test_inputs_of_different_lengths_are_refused():
    y, p = predictions()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        peer_accuracy([0, 1], [0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cores_score(y[:5], p)
    with pytest.raises(
        ValueError, match=r"y_noisy must contain at least one label. Got an empty array"
    ):
        peer_accuracy([], [])
