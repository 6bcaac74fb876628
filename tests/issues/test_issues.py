"""Samples that are probably mislabelled."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.metrics import issue_average_precision
from sknoisy.noise import asymmetric, corrupt_labels, pair

rng = np.random.default_rng(0)


def noisy_problem(T, n=300):
    """True labels, noisy labels and the Bayes-optimal predictions of the noisy labels."""
    posterior = rng.dirichlet(np.full(len(T), 0.1), size=n)
    true = (rng.random((n, 1)) > posterior.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return true, corrupt_labels(true, T, random_state=0), posterior @ T


@pytest.fixture(scope="module")
def digits():
    """True labels, noisy ones (.3 of every second class become the next) and a fit to them."""
    X, true = load_digits(return_X_y=True)
    T = asymmetric(10, 0.3, {i: i + 1 for i in range(0, 10, 2)})
    y = corrupt_labels(true, T, random_state=0)
    return X, true, y, NoisyLabelClassifier(max_epochs=30, random_state=0).fit(X, y)


def test_quality_is_the_probability_of_the_label_by_bayes_rule():
    T = pair(3, 0.4)
    _, y, p = noisy_problem(T)
    clean = p.copy()
    for _ in range(8):
        clean *= (p / (clean @ T)) @ T.T
        clean /= clean.sum(axis=1, keepdims=True)
    joint = clean * T[:, y].T
    joint /= joint.sum(axis=1, keepdims=True)
    issues = find_label_issues(p, y, transition_matrix=T)
    mislabelled = np.flatnonzero(joint.argmax(axis=1) != y)
    assert 50 < len(mislabelled) < 200
    order = mislabelled[np.argsort(joint[mislabelled, y[mislabelled]], kind="stable")]
    assert_array_equal(issues.index, order)
    assert_array_equal(issues["given"], y[order])
    assert_array_equal(issues["suggested"], joint.argmax(axis=1)[order])
    assert_allclose(issues["quality"], joint[order, y[order]])
    assert_allclose(issues["confidence"], joint.max(axis=1)[order])
    assert issues.attrs["n_wrong"] == pytest.approx((1 - joint[np.arange(300), y]).sum())


def test_expected_number_and_suggested_labels_are_near_the_truth():
    T = pair(4, 0.3)
    true, y, p = noisy_problem(T, 3000)
    issues = find_label_issues(p, y, transition_matrix=T)
    assert issues.attrs["n_wrong"] == pytest.approx((y != true).sum(), rel=0.1)
    assert (issues["suggested"] == true[issues.index]).mean() > 0.9
    # The quality is a calibrated probability.
    every = find_label_issues(p, y, transition_matrix=T, return_all=True)
    clean = y[every.index] == true[every.index]
    for part in np.array_split(np.arange(3000), 5):
        assert every["quality"].iloc[part].mean() == pytest.approx(clean[part].mean(), abs=0.07)
    estimated = find_label_issues(p, y)
    assert estimated.attrs["n_wrong"] == pytest.approx((y != true).sum(), rel=0.2)
    assert (y != true)[estimated.index].mean() > 0.9


def test_issues_from_one_fit(digits):
    _, true, y, clf = digits
    issues = find_label_issues(clf, y)
    mislabelled = y != true
    assert mislabelled[issues.index].mean() > 0.7
    assert (issues["suggested"] == true[issues.index]).mean() > 0.7
    assert issues["quality"].is_monotonic_increasing
    every = find_label_issues(clf, y, return_all=True).sort_index()
    p = clf.method_.out_of_bag.double().numpy()
    by_proba = find_label_issues(p, y, return_all=True).sort_index()
    assert_allclose(every["quality"], (by_proba["quality"] + clf.label_quality_) / 2, rtol=1e-6)
    assert_allclose(every["confidence"], by_proba["confidence"], rtol=1e-6)
    ranked = issue_average_precision(mislabelled, every["quality"])
    assert ranked > issue_average_precision(mislabelled, p[np.arange(len(y)), y])
    assert issues.attrs["n_wrong"] == pytest.approx(mislabelled.sum(), rel=0.2)


@pytest.mark.slow
def test_matrix_is_estimated_for_a_classifier_without_one(digits):
    X, _, y, _ = digits
    clf = NoisyLabelClassifier(max_epochs=30, random_state=0, method__transition_matrix=None)
    issues = find_label_issues(clf.fit(X, y), y)
    p = clf.method_.out_of_bag.double().numpy()
    expected = find_label_issues(p, y)
    assert len(issues) > 100
    assert_array_equal(issues.sort_index()["suggested"], expected.sort_index()["suggested"])


@pytest.mark.slow
def test_labels_of_any_type_and_the_index_of_a_series(digits):
    X, _, y, clf = digits
    names = np.array(list("abcdefghij"))
    series = pd.Series(names[y], index=[f"row {i}" for i in range(len(y))])
    named = NoisyLabelClassifier(max_epochs=30, random_state=0).fit(X, series)
    plain, issues = find_label_issues(clf, y), find_label_issues(named, series)
    assert_array_equal(issues.index, [f"row {i}" for i in plain.index])
    assert_array_equal(issues["given"], names[plain["given"]])
    assert_array_equal(issues["suggested"], names[plain["suggested"]])
    listed = find_label_issues(named, list(series))
    assert_array_equal(listed.index, plain.index)


@pytest.mark.slow
def test_index_is_that_of_x_if_y_has_none(digits):
    X, _, y, _ = digits
    frame = pd.DataFrame(X, index=[f"row {i}" for i in range(len(X))])
    clf = NoisyLabelClassifier(max_epochs=5, random_state=0)
    issues = find_label_issues(clf.fit(frame, y), list(y))
    plain = find_label_issues(clf.fit(X, y), y)
    assert_array_equal(issues.index, [f"row {i}" for i in plain.index])
    series = pd.Series(y, index=np.arange(len(y))[::-1])
    assert_array_equal(find_label_issues(clf.fit(frame, y), series).index, len(y) - 1 - plain.index)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The networks are undertrained")
def test_issues_from_a_pipeline(digits):
    X, _, y, _ = digits
    pipe = make_pipeline(StandardScaler(), NoisyLabelClassifier(max_epochs=3, random_state=0))
    issues = find_label_issues(pipe.fit(X, y), y)
    pd.testing.assert_frame_equal(issues, find_label_issues(pipe[-1], y))
    with pytest.raises(TypeError, match="LogisticRegression has no out-of-sample predictions"):
        find_label_issues(make_pipeline(StandardScaler(), LogisticRegression()), y)


@pytest.mark.slow
def test_samples_without_weight_are_omitted(digits):
    X, _, y, _ = digits
    weight = (np.arange(len(y)) % 3 > 0).astype(float)
    clf = NoisyLabelClassifier(max_epochs=5, random_state=0).fit(X, y, weight)
    issues = find_label_issues(clf, y)
    assert len(issues)
    assert (weight[issues.index] == 1).all()


def test_few_mislabelled_samples_among_many_clean_ones():
    y = np.arange(3000) % 3
    p = np.where(np.eye(3)[y], 0.9998, 0.0001)
    y[[5, 77, 1000]] = (y[[5, 77, 1000]] + 1) % 3
    with pytest.warns(UserWarning, match="has seen their labels"):
        issues = find_label_issues(p, y)
    assert set(issues.index) == {5, 77, 1000}


def test_clean_labels_have_no_issues():
    y = np.arange(60) % 3
    issues = find_label_issues(np.where(np.eye(3)[y], 0.98, 0.01), y)
    assert len(issues) == 0
    assert list(issues.columns) == ["given", "suggested", "quality", "confidence"]
    assert issues.attrs["n_wrong"] < 2


def test_model_decides_what_the_matrix_rules_out():
    issues = find_label_issues([[1.0, 0.0], [1.0, 0.0]], [0, 1], transition_matrix=np.eye(2))
    assert_array_equal(issues.index, [1])
    assert_array_equal(issues["quality"], [0])


def test_invalid_arguments_raise(digits):
    X, _, y, clf = digits
    with pytest.raises(NotFittedError):
        find_label_issues(NoisyLabelClassifier(), y)
    with pytest.raises(ValueError, match=r"fitted to 1797 samples. Got 5 labels"):
        find_label_issues(clf, y[:5])
    with pytest.raises(ValueError, match="CrossEntropy has no out-of-sample predictions"):
        find_label_issues(NoisyLabelClassifier("ce", max_epochs=1).fit(X, y), y)
    with pytest.raises(ValueError, match=r"must be 'auto' or an array of shape \(10, 10\)"):
        find_label_issues(clf, y, transition_matrix=np.eye(3))
    with pytest.raises(ValueError, match="2 columns, but there are 3 classes"):
        find_label_issues([[0.5, 0.5]] * 3, [0, 1, 2])
    with pytest.raises(ValueError, match=r"array-like or the str 'auto'. Got 'atuo' instead"):
        find_label_issues(clf, y, transition_matrix="atuo")
    with pytest.raises(ValueError, match=r"'classes' parameter .* must be None with a classifier"):
        find_label_issues(clf, y, classes=np.arange(10))


def test_encoded_labels_raise_for_a_classifier_of_strings():
    words = np.array(["no", "yes"])
    for dtype in (str, object):
        X, codes = rng.normal(size=(40, 2)), np.arange(40) % 2
        clf = NoisyLabelClassifier(max_epochs=1).fit(X, words[codes].astype(dtype))
        with pytest.raises(ValueError, match=r"\['no', 'yes'\]"):
            find_label_issues(clf, codes)


def test_frames_with_classes_in_another_order_raise():
    T = pair(3, 0.3)
    _, y, p = noisy_problem(T)
    labels = np.array(["b", "c", "d"])
    matrix = pd.DataFrame(T, index=labels, columns=labels)
    frame = pd.DataFrame(p, columns=labels)
    issues = find_label_issues(frame, labels[y], transition_matrix=matrix)
    assert_array_equal(issues.index, find_label_issues(p, y, transition_matrix=T).index)
    orders = r"\['b', 'c', 'd'\]. Got \['d', 'c', 'b'\]"
    with pytest.raises(ValueError, match=f"columns of proba must be .*{orders}"):
        find_label_issues(frame.iloc[:, ::-1], labels[y])
    for what, reordered in (
        ("columns", matrix.iloc[:, ::-1]),
        ("rows", matrix.iloc[::-1]),
        ("columns", matrix.iloc[::-1, ::-1]),
    ):
        with pytest.raises(ValueError, match=f"{what} of 'transition_matrix' must be .*{orders}"):
            find_label_issues(p, labels[y], transition_matrix=reordered)
    named = matrix.set_axis(["z", "y", "x"], axis=1)
    again = find_label_issues(p, labels[y], transition_matrix=named)
    pd.testing.assert_frame_equal(again, issues)
