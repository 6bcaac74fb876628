"""Prediction sets that contain the true label, calibrated on noisy labels."""

import numpy as np
import pytest

from sknoisy.metrics import conformal_threshold
from sknoisy.noise import asymmetric, corrupt_labels, pair, symmetric


def problem(n, k, rng, sharpness=1.5):
    """True labels and probabilities of a model that is over-confident."""
    posterior = rng.dirichlet(np.full(k, 0.4), size=n)
    y = (rng.random((n, 1)) > posterior.cumsum(axis=1)[:, :-1]).sum(axis=1)
    proba = posterior**sharpness + 1e-6
    return y, proba / proba.sum(axis=1, keepdims=True)


def covered(proba, y, threshold):
    return float((proba[np.arange(len(y)), y] >= threshold).mean())


@pytest.mark.parametrize("n", [10, 99, 1000])
def test_without_noise_it_is_split_conformal_prediction(n):
    y, proba = problem(n, 3, np.random.default_rng(0))
    scores = np.sort(1 - proba[np.arange(n), y])
    rank = int(np.ceil((n + 1) * 0.9))
    threshold = conformal_threshold(y, proba, np.eye(3), classes=range(3))
    if rank > n:
        assert threshold == 0
    else:
        assert threshold == pytest.approx(1 - scores[rank - 1])


def test_estimate_is_the_sum_over_classes():
    rng = np.random.default_rng(0)
    y, proba = problem(300, 3, rng)
    proba = proba.round(2)
    proba /= proba.sum(axis=1, keepdims=True)
    T = pair(3, 0.3)
    noisy = corrupt_labels(y, T, random_state=0)
    weight = np.linalg.inv(T)[noisy]
    candidates = np.unique(proba)
    estimates = [(weight * (proba >= t)).sum(axis=1).mean() for t in candidates]
    enough = np.array(estimates) >= 0.8 * (1 + 1 / 300) - 1e-12
    # The largest threshold such that it and all smaller ones are enough.
    expected = candidates[np.flatnonzero(~enough)[0] - 1]
    assert conformal_threshold(noisy, proba, T, coverage=0.8) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "T",
    [symmetric(4, 0.3), pair(4, 0.3), asymmetric(4, 0.4, {0: 1, 2: 3}), symmetric(10, 0.4)],
    ids=["symmetric", "pair", "asymmetric", "ten classes"],
)
@pytest.mark.parametrize("n", [300, 2000])
def test_sets_contain_the_true_label_as_often_as_asked(T, n):
    rng, k = np.random.default_rng(1), len(T)
    y_new, proba_new = problem(20_000, k, rng)
    mean, as_if_clean = [], []
    for i in range(150):
        y, proba = problem(n, k, rng)
        noisy = corrupt_labels(y, T, random_state=i)
        threshold = conformal_threshold(noisy, proba, T, classes=range(k))
        mean.append(covered(proba_new, y_new, threshold))
        naive = conformal_threshold(noisy, proba, np.eye(k), classes=range(k))
        as_if_clean.append(covered(proba_new, y_new, naive))
    # The error of the mean over calibrations and the new samples is about .003.
    assert 0.893 <= np.mean(mean) <= (0.94 if n == 300 else 0.92)
    assert np.mean(as_if_clean) > np.mean(mean) + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("T", [symmetric(4, 0.3), pair(4, 0.3)], ids=["symmetric", "pair"])
def test_confidence_level_holds_for_each_calibration(T):
    rng = np.random.default_rng(2)
    y_new, proba_new = problem(20_000, 4, rng)
    enough, plain = [], []
    for i in range(200):
        y, proba = problem(1000, 4, rng)
        noisy = corrupt_labels(y, T, random_state=i)
        safe = conformal_threshold(noisy, proba, T, confidence_level=0.9)
        enough.append(covered(proba_new, y_new, safe) >= 0.9)
        plain.append(covered(proba_new, y_new, conformal_threshold(noisy, proba, T)) >= 0.9)
    # Two standard errors of a fraction of .9 in 200 draws are .042.
    assert np.mean(enough) >= 0.858
    assert np.mean(plain) < np.mean(enough)


def test_classes_of_equal_probability_enter_together():
    proba = np.full((50, 2), 0.5)
    assert conformal_threshold(np.arange(50) % 2, proba, symmetric(2, 0.2)) == 0.5


def test_thresholds_of_data_frames_and_strings():
    pd = pytest.importorskip("pandas")
    y, proba = problem(200, 2, np.random.default_rng(0))
    names = np.array(["no", "yes"])
    threshold = conformal_threshold(names[y], pd.DataFrame(proba, columns=names), np.eye(2))
    assert threshold == conformal_threshold(y, proba, np.eye(2))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"coverage": 1.0}, "'coverage' parameter of conformal_threshold must be a float"),
        ({"coverage": 90}, "'coverage' parameter of conformal_threshold must be a float"),
        ({"confidence_level": 0.0}, "'confidence_level' parameter of conformal_threshold"),
        ({"transition_matrix": np.full((2, 2), 0.5)}, "must be invertible"),
    ],
)
def test_invalid_arguments_raise(params, message):
    arguments = {"transition_matrix": np.eye(2)} | params
    with pytest.raises(ValueError, match=message):
        conformal_threshold([0, 1], [[0.5, 0.5], [0.2, 0.8]], **arguments)


@pytest.mark.ecosystem
def test_without_noise_sets_are_those_of_mapie():
    classification = pytest.importorskip("mapie.classification")
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    X, y = load_digits(return_X_y=True)
    clf = LogisticRegression(C=0.001, max_iter=300).fit(X[:600], y[:600])
    peer = classification.SplitConformalClassifier(
        clf, confidence_level=0.9, conformity_score="lac", prefit=True
    ).conformalize(X[600:1200], y[600:1200])
    sets = peer.predict_set(X[1200:])[1][:, :, 0]
    threshold = conformal_threshold(y[600:1200], clf.predict_proba(X[600:1200]), np.eye(10))
    np.testing.assert_array_equal(sets, clf.predict_proba(X[1200:]) >= threshold)
