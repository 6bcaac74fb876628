"""torch's settings of the user's program must not change a fit, and are restored after it."""

import contextlib

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV, find_label_issues
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy.noise import corrupt_labels
from sknoisy.transition import dual_t, hoc, noise_rate
from tests.factories import mostly_slow

X, y = make_blobs(150, n_features=6, centers=3, cluster_std=3, random_state=0)


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(before)


SETTINGS = {
    "no_grad": torch.no_grad,
    "inference mode": torch.inference_mode,
    "default dtype float64": lambda: default_dtype(torch.float64),
    "default dtype bfloat16": lambda: default_dtype(torch.bfloat16),
    "default device": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


@pytest.mark.parametrize("method", ["ce", "bagging", "elr_plus"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_fit_has_the_same_bits_under_any_setting(method, setting):
    clf = NoisyLabelClassifier(method, max_epochs=3, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    quality = clf.label_quality_
    with SETTINGS[setting]():
        clf.fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)
    np.testing.assert_array_equal(clf.label_quality_, quality)
    once_more = clf.partial_fit(X, y).predict_proba(X)
    with SETTINGS[setting]():
        clf.fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), once_more)


@pytest.mark.parametrize("setting", mostly_slow(list(SETTINGS), fast=("inference mode",)))
def test_noise_is_estimated_alike_under_any_setting(setting):
    noisy = corrupt_labels(y, 0.2, random_state=0)
    clf = NoisyLabelClassifier(max_epochs=5, random_state=0).fit(X, noisy)

    def estimates():
        vars(clf).pop("noise_report_", None)
        issues = find_label_issues(clf, noisy, return_all=True)
        rate = noise_rate(clf, noisy, random_state=0)
        return issues, rate, clf.transition_matrix_, dual_t(clf, noisy), hoc(X, noisy)

    expected = estimates()
    with SETTINGS[setting]():
        for value, right in zip(estimates(), expected, strict=True):
            np.testing.assert_array_equal(value, right)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_search_finds_the_same_under_any_setting(setting):
    clf = NoisyLabelClassifier("ce", max_epochs=2, random_state=0)
    expected = SmoothingSearchCV(clf, [-1, 0], cv=2).fit(X, y)
    with SETTINGS[setting]():
        search = SmoothingSearchCV(clf, [-1, 0], cv=2).fit(X, y)
        np.testing.assert_array_equal(search.predict_proba(X), expected.predict_proba(X))


def test_settings_are_restored_after_an_error():
    with default_dtype(torch.float64), torch.no_grad():
        with pytest.raises(ValueError, match="inside"), default_torch_settings():
            assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
            raise ValueError("inside")
        assert torch.get_default_dtype() == torch.float64 and not torch.is_grad_enabled()
