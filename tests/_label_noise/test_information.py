"""Predictions that tell no more about labels than the class frequencies."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax

from sknoisy._label_noise.information import are_informative
from sknoisy.issues import find_label_issues

SEEDS = range(8)


def random_labels(k, n, rng):
    frequencies = np.arange(1, k + 1) ** 2.0
    return rng.choice(k, size=n, p=frequencies / frequencies.sum())


USELESS = {
    "uniform": lambda y, k, rng: np.full((len(y), k), 1 / k),
    "frequencies": lambda y, k, rng: np.tile(np.bincount(y, minlength=k) / len(y), (len(y), 1)),
    "random": lambda y, k, rng: rng.dirichlet(np.ones(k), len(y)),
    "random and confident": lambda y, k, rng: rng.dirichlet(np.full(k, 0.1), len(y)),
    "nearly uniform": lambda y, k, rng: softmax(0.05 * rng.normal(size=(len(y), k)), axis=1),
    "of other rows": lambda y, k, rng: np.where(np.eye(k)[rng.permutation(y)], 0.9, 0.1 / (k - 1)),
}


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("kind", USELESS)
def test_useless_predictions(kind, k):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        y = random_labels(k, 400, rng)
        assert not are_informative(y, USELESS[kind](y, k, rng))


@pytest.mark.parametrize("weight", [1.0, 0.1, 5.0])
@pytest.mark.parametrize("offset", [0.0, 3.5])
def test_informative_predictions(offset, weight):
    """Classes overlap, the second has 5 % of the labels, or predictions are not calibrated."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        log_odds = 1.5 * rng.normal(size=500) - offset
        y = (rng.random(500) < expit(log_odds)).astype(int)
        p = expit(weight * log_odds)
        assert are_informative(y, np.column_stack([1 - p, p]))


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("n", [6, 12, 20, 50])
def test_few_samples_with_a_good_model(n, k):
    true = np.arange(n) % k
    y = true.copy()
    y[0] = 1
    assert are_informative(y, np.where(np.eye(k)[true], 0.9, 0.1 / (k - 1)))


def test_noise_does_not_make_predictions_useless():
    rng = np.random.default_rng(0)
    true = rng.integers(10, size=1000)
    y = np.where(rng.random(1000) < 0.7, rng.integers(10, size=1000), true)
    assert are_informative(y, np.where(np.eye(10)[true], 0.9, 0.1 / 9))


def test_one_label_is_predicted_perfectly_by_its_frequency():
    assert are_informative(np.zeros(50, dtype=int), np.full((50, 3), 1 / 3))


@pytest.mark.parametrize("kind", USELESS)
def test_no_issues_are_returned_with_a_warning(kind):
    rng = np.random.default_rng(0)
    y = random_labels(3, 300, rng)
    p = USELESS[kind](y, 3, rng)
    series = pd.Series(np.array(list("abc"))[y])
    with pytest.warns(UserWarning, match=r"tell nothing about the labels.*'n_wrong' is unknown"):
        issues = find_label_issues(p, series)
    assert len(issues) == 0
    assert np.isnan(issues.attrs["n_wrong"])
    with pytest.warns(UserWarning, match="tell nothing"):
        table = find_label_issues(p, series, return_all=True).sort_index()
    assert (table["given"] == series).all() and (table["suggested"] == series).all()
    assert table[["quality", "confidence"]].isna().all(axis=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = find_label_issues(p, series, transition_matrix=np.eye(3), return_all=True)
    assert known["quality"].notna().all()
