"""Attributes that are computed from the trained net, in particular the noise report."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.methods import Method
from sknoisy.noise import corrupt_labels, pair
from sknoisy.search import SmoothingSearchCV
from sknoisy.transition import NoiseReport, most_confident, noise_rate

X, true = make_blobs(900, centers=np.eye(3) * 6, random_state=0)
y = corrupt_labels(true, 0.3, kind="pair", exact=True, random_state=0)
words = np.array(["ant", "bee", "cow"])
NAMES = ("noise_report_", "noise_rate_", "transition_matrix_")


def make(method="bagging", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 8, "random_state": 0, **params})


@pytest.fixture(scope="module")
def clf():
    return make().fit(X, y)


def test_the_default_reports_the_noise(clf):
    report = clf.noise_report_
    assert clf.noise_rate_ == report.rate == pytest.approx(0.3, abs=0.05)
    assert report.low <= report.rate <= report.high
    assert clf.transition_matrix_ is report.transition_matrix
    assert type(clf.transition_matrix_) is np.ndarray
    assert_allclose(clf.transition_matrix_, pair(3, 0.3), atol=0.1)
    assert_array_equal(clf.transition_matrix_, most_confident(clf, y))
    expected = noise_rate(clf, y, random_state=0, n_resamples=100)
    assert (report.rate, report.low, report.high) == tuple(expected)
    assert (report.evidence, report.n_samples, report.smoothing) == ("out-of-bag", 900, 0.0)
    assert clf.noise_report_ is report
    assert set(NAMES) <= set(dir(clf))


def test_classes_and_smoothing_are_those_of_the_classifier():
    fitted = make(smoothing=[-1.0, 0.0, 0.5]).fit(X, words[y])
    assert_array_equal(fitted.noise_report_.classes, words)
    assert_array_equal(fitted.noise_report_.smoothing, [-1.0, 0.0, 0.5])
    assert "Smoothing rates: -1, 0, 0.5." in str(fitted.noise_report_)


@pytest.mark.slow
@pytest.mark.parametrize("smoothing", [0.0, "auto"])
def test_a_given_matrix_is_kept_and_the_rate_is_estimated(smoothing):
    given = pair(3, 0.25)
    fitted = make(method__transition_matrix=given, smoothing=smoothing).fit(X, y)
    assert_array_equal(fitted.transition_matrix_, given)
    assert fitted.noise_rate_ == pytest.approx(0.3, abs=0.05)
    without = make(method__transition_matrix=None, smoothing=smoothing).fit(X, y)
    assert_allclose(without.transition_matrix_, pair(3, 0.3), atol=0.1)


def test_any_method_with_out_of_bag_predictions_has_a_report():
    class Prior(Method):
        """A method whose out-of-bag predictions are the labels' frequencies in true classes."""

        def setup(self, net, y):
            self.register_buffer("p", torch.from_numpy((pair(3, 0.3))[true]))

        def loss(self, logits, batch):
            return torch.nn.functional.cross_entropy(logits, batch.y, reduction="none")

        @property
        def oob_predictions(self):
            return self.p, None

    assert make(Prior, max_epochs=1).fit(X, y).noise_rate_ == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    "method", sorted(set(METHODS) - {"bagging", "distilled_pool", "meta_label_net"})
)
def test_other_methods_say_what_provides_it(method):
    fitted = make(method, max_epochs=1, smoothing=-0.5).fit(X[:90], y[:90])
    for name in NAMES:
        assert not hasattr(fitted, name)
        message = rf"{name} exists only with method='bagging'.*smoothing='auto' .*'{method}'.*-0\.5"
        with pytest.raises(AttributeError, match=message):
            getattr(fitted, name)


def test_before_fit_the_error_says_so():
    for name in NAMES:
        assert not hasattr(make(), name)
        with pytest.raises(NotFittedError):
            getattr(make(), name)


@pytest.mark.slow
def test_each_fit_has_its_own_report():
    fitted = make(warm_start=True).fit(X, y)
    assert fitted.noise_rate_ == pytest.approx(0.3, abs=0.05)
    fitted.fit(X, true)
    assert fitted.noise_rate_ < 0.15
    fitted.set_params(warm_start=False).fit(X, true)
    assert fitted.noise_rate_ == 0
    fitted.partial_fit(X[:600], y[:600])
    assert fitted.noise_report_.n_samples == 600
    fitted.set_params(method="ce").fit(X, y)
    assert not hasattr(fitted, "noise_report_")
    assert not hasattr(clone(fitted), "noise_report_")


def test_a_failed_fit_keeps_the_report(clf):
    before = clf.noise_report_
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, y[:5])
    assert clf.noise_report_ is before


@pytest.mark.parametrize("used", [False, True])
def test_the_report_survives_pickling(used):
    fitted = make().fit(X, y)
    if used:
        assert fitted.noise_rate_ > 0
    back = pickle.loads(pickle.dumps(fitted))
    assert str(back.noise_report_) == str(fitted.noise_report_)
    assert_array_equal(back.transition_matrix_, fitted.transition_matrix_)


def test_the_report_survives_skops():
    skops_io = pytest.importorskip("skops.io")
    for used in (False, True):
        fitted = make(max_epochs=2).fit(X, words[y])
        if used:
            assert fitted.noise_rate_ > 0
        data = skops_io.dumps(fitted)
        back = skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))
        assert str(back.noise_report_) == str(fitted.noise_report_)


def test_samples_without_weight_or_decision_are_left_out():
    weight = np.where(np.arange(900) % 3, 1.0, 0.0)
    assert make(max_epochs=2).fit(X, y, weight).noise_report_.n_samples == 600
    soft = np.eye(3)[y]
    soft[::9] = 1 / 3
    assert make(max_epochs=2).fit(X, soft).noise_report_.n_samples == 800


@pytest.mark.parametrize("smoothing", [0.0, "auto"])
def test_the_rate_is_that_of_the_samples_that_are_not_trusted(smoothing):
    """Trusted samples are clean, so they made the noise rate of the others look lower."""
    trusted = np.arange(900) < 300
    given = np.where(trusted, true, y)
    fitted = make(smoothing=smoothing).fit(X, given, trusted=trusted)
    assert fitted.noise_rate_ == pytest.approx(np.mean((given != true)[~trusted]), abs=0.05)
    report = fitted.noise_report_
    assert (report.n_samples, report.n_trusted) == (600, 300)
    assert "600 samples besides 300 trusted ones, compared with" in str(report)


def test_samples_that_are_all_trusted_are_compared():
    report = make().fit(X, true, trusted=np.ones(900, dtype=bool)).noise_report_
    assert (report.rate, report.n_samples, report.n_trusted) == (0, 900, 0)


@pytest.mark.filterwarnings("ignore:.* of the samples are copies")
@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(225), 8)], ids=["equal", "groups"])
def test_copies_and_groups_count_once_in_the_interval(groups):
    names = np.repeat(np.arange(900), 2) if groups is None else groups
    rows = np.repeat(np.arange(900), 2)
    fitted = make(max_epochs=3).fit(X[rows], y[rows], groups=groups)
    p = fitted.method_.oob_predictions[0].double().numpy()
    report = fitted.noise_report_
    expected, independent = (
        NoiseReport.from_predictions(y[rows], p, "out-of-bag", labels_only=True, groups=numbers)
        for numbers in (names, None)
    )
    assert (report.low, report.high) == (expected.low, expected.high)
    assert (report.low, report.high) != (independent.low, independent.high)


def test_models_that_contain_the_classifier_pass_it_on():
    assert make_pipeline(make(max_epochs=2)).fit(X, y)[-1].noise_rate_ > 0.1
    search = SmoothingSearchCV(make("ce"), smoothing=[-1.0, 0.0], cv=2).fit(X, y)
    with pytest.raises(AttributeError, match="noise_rate_ exists only with"):
        search.best_estimator_.noise_rate_


def test_no_report_during_warmup():
    fitted = make(warmup=2).partial_fit(X, y, classes=[0, 1, 2])
    for n_rows in (900, 50):
        assert not hasattr(fitted.partial_fit(X[:n_rows], y[:n_rows]), "noise_rate_")
        fitted = make(warmup=2).partial_fit(X, y, classes=[0, 1, 2])


def test_one_row():
    fitted = make().partial_fit(X[:1], y[:1], classes=[0, 1, 2])
    assert fitted.noise_rate_ == 0
    assert fitted.transition_matrix_.shape == (3, 3)
