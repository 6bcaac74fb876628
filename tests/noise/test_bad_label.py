import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import scale

from sknoisy.noise import bad_label, corrupt_labels
from tests.factories import short, small_images

X, y = load_iris(return_X_y=True)


def test_the_least_probable_labels_are_given_where_they_are_the_least_probable():
    """Zhang et al. 2024, with out-of-fold probabilities; folds hardly matter."""
    p = cross_val_predict(LogisticRegression(), scale(X), y, cv=10, method="predict_proba")
    p[np.arange(150), y] = np.inf
    given = bad_label(X, y, 3, 0.4, random_state=0)
    assert set(np.unique(given)) == {0, 1}
    noisy = given.argmax(axis=1)
    changed = noisy != y
    assert changed.sum() == 60
    expected = np.argsort(p.min(axis=1))[:60]
    assert np.isin(np.flatnonzero(changed), expected).mean() > 0.9
    assert (noisy == p.argmin(axis=1))[changed].mean() > 0.95


def test_labels_of_a_lower_rate_are_changed_at_a_higher_rate_too():
    previous = y
    for rate, n_changed in ((0.1, 15), (0.29, 43), (0.5, 75)):
        noisy = bad_label(X, y, 3, rate, random_state=0).argmax(axis=1)
        assert (noisy != y).sum() == n_changed
        was_changed = previous != y
        assert_array_equal(noisy[was_changed], previous[was_changed])
        previous = noisy


def test_any_classifier_may_be_used():
    forest = RandomForestClassifier(20, random_state=0)
    noisy = bad_label(X, y, 3, 0.3, estimator=forest, random_state=0)
    assert_array_equal(noisy, bad_label(X, y, 3, 0.3, estimator=forest, random_state=0))
    assert not hasattr(forest, "classes_")
    images, labels = small_images()
    noisy = bad_label(images, labels, 2, 0.25, estimator=short(max_epochs=2), random_state=0)
    assert (noisy.argmax(axis=1) != labels).sum() == 12
    with pytest.raises(TypeError, match=r"'estimator' parameter .* Got RidgeClassifier"):
        bad_label(X, y, 3, 0.3, estimator=RidgeClassifier())


def test_equal_probabilities_are_ordered_at_random():
    even = DummyClassifier(strategy="uniform")
    noisy = bad_label(np.zeros((3000, 1)), np.zeros(3000, int), 3, 0.5, random_state=0)
    labels = np.arange(3000) % 3
    also = bad_label(np.zeros((3000, 1)), labels, 3, 0.5, estimator=even, random_state=0)
    assert_allclose(noisy.mean(axis=0), [0.5, 0.25, 0.25], atol=0.03)
    assert_allclose(also.mean(axis=0), [1 / 3] * 3, atol=0.03)


def test_a_class_with_few_samples_and_few_samples_are_possible():
    codes = np.r_[np.zeros(10, int), np.ones(10, int), 2]
    assert bad_label(np.arange(21.0)[:, None], codes, 4, 0.5, random_state=0).shape == (21, 4)
    assert bad_label([[0.0], [1.0]], [0, 1], 2, 0.5, random_state=0).shape == (2, 2)


def test_it_hits_the_clear_samples_and_misleads_more_than_symmetric_noise():
    X, y = load_digits(return_X_y=True)
    hard = corrupt_labels(y, 0.4, kind="bad_label", X=X, random_state=0)
    even = corrupt_labels(y, 0.4, exact=True, random_state=0)
    assert (hard != y).sum() == int(0.4 * len(y))
    scores = [
        RandomForestClassifier(50, min_samples_leaf=5, random_state=0).fit(X, noisy).score(X, y)
        for noisy in (even, hard)
    ]
    assert scores[1] < scores[0] - 0.2


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"codes": np.arange(150) % 3 - 1},
            ValueError,
            r"'codes' parameter .* -1 to 1",
        ),
        ({"rate": 0.7}, ValueError, "noise rate must be in the range"),
        ({"n_classes": 1}, ValueError, "'n_classes' parameter must be at least 2"),
        ({"X": X[:-1]}, ValueError, "inconsistent numbers of samples"),
        ({"random_state": "x"}, ValueError, "'random_state' parameter of bad_label"),
    ],
)
def test_invalid_arguments_raise(change, error, message):
    with pytest.raises(error, match=message):
        bad_label(**{"X": X, "codes": y, "n_classes": 3, "rate": 0.3, **change})


def test_columns_may_have_any_scale():
    points, codes = make_blobs(200, centers=3, random_state=0)
    noisy = bad_label(points, codes, 3, 0.3, random_state=0)
    assert_array_equal(bad_label(points * [1e6, 1e-6] + 5, codes, 3, 0.3, random_state=0), noisy)
