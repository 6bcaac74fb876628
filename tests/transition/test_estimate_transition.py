"""Estimates of the transition matrix from data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sknoisy import NoisyLabelClassifier
from sknoisy._training import training_set
from sknoisy.noise import corrupt_labels, pair
from sknoisy.search import _candidates, _proxy
from sknoisy.transition import (
    ESTIMATORS,
    anchor_points,
    confident_joint,
    estimate_transition,
    gold,
    hoc,
    noise_rate,
)
from tests.factories import Branching

rng = np.random.default_rng(0)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_estimate_from_data_is_near_the_true_matrix(method):
    X, true = make_blobs(600, centers=np.eye(3) * 6, random_state=0)
    T = pair(3, 0.3)
    trusted = rng.random(600) < 0.2
    y = np.where(trusted, true, corrupt_labels(true, T, random_state=0))
    params = {"trusted": trusted} if method == "gold" else {}
    matrix = estimate_transition(X, y, KNeighborsClassifier(25), method=method, **params)
    T = 0.8 * T + 0.2 * np.eye(3)
    assert abs(matrix - T).sum(axis=1).max() < 0.45
    assert_array_equal(matrix.argmax(axis=1), [0, 1, 2])


def test_parameters_are_passed_to_the_function_of_the_method():
    X, y = load_iris(return_X_y=True)
    matrix = estimate_transition(X, y, method="hoc", max_iter=5)
    assert_array_equal(matrix, hoc(X, y, max_iter=5))
    clf = KNeighborsClassifier(25)
    p = cross_val_predict(clf, X, y, cv=5, method="predict_proba")
    matrix = estimate_transition(X, y, clf, method="anchor_points", quantile=0.5)
    assert_array_equal(matrix, anchor_points(p, y, quantile=0.5))


@pytest.mark.slow
def test_without_an_estimator_the_default_classifier_is_fitted():
    X, true = make_blobs(600, centers=np.eye(3) * 6, random_state=0)
    y, T = corrupt_labels(true, 0.4, kind="pair", random_state=0), pair(3, 0.4)
    matrix, again = (estimate_transition(X, y, random_state=0) for _ in range(2))
    assert_array_equal(matrix, again)
    # Nearer to T than to the identity.
    assert abs(matrix - T).sum(axis=1).max() < 0.4


def test_estimator_is_cloned_and_predicts_out_of_fold():
    X = rng.normal(size=(200, 2))
    y = rng.integers(2, size=200)
    clf = KNeighborsClassifier(1)
    # Random labels: a model that has seen them would predict them, and no noise would be found.
    assert estimate_transition(X, y, clf).diagonal().max() < 0.85
    assert not hasattr(clf, "classes_")


def classifier(method="ce", **params):
    return NoisyLabelClassifier(method, **{"max_epochs": 10, "random_state": 0, **params})


CLASSIFIERS = {
    "loss": classifier(smoothing=-2.0),
    "pipeline": make_pipeline(StandardScaler(), classifier("gce")),
    "more than a loss": classifier("elr"),
    "auto": classifier(smoothing="auto"),
    "no stack": classifier(module=Branching),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("cv", [5, KFold(3, shuffle=True, random_state=0)], ids=["5", "splitter"])
def test_folds_trained_together_predict_the_same_as_alone(name, cv, monkeypatch):
    estimator = CLASSIFIERS[name]
    X, y = load_iris(return_X_y=True)
    y = np.array(["x", "y", "z"])[corrupt_labels(y, 0.3, random_state=0)]
    train, trained_together = _candidates.fit_folds, []

    def record(folds, *args):
        trained_together.append([len(fold.data) for fold in folds])
        train(folds, *args)

    monkeypatch.setattr(_candidates, "fit_folds", record)
    matrix = estimate_transition(X, y, estimator, method="confident_joint", cv=cv)
    if name in ("loss", "pipeline"):
        assert trained_together == [[120] * 5 if cv == 5 else [100] * 3]
    p = cross_val_predict(estimator, X, y, cv=cv, method="predict_proba")
    assert_allclose(matrix, confident_joint(p, y), atol=1e-3)


@pytest.mark.filterwarnings("ignore:.* of the samples are copies")
@pytest.mark.parametrize(
    "estimator", [KNeighborsClassifier(25), CLASSIFIERS["loss"]], ids=["knn", "ce"]
)
def test_groups_are_in_one_fold(estimator):
    X, y = load_iris(return_X_y=True)
    y = corrupt_labels(y, 0.3, random_state=0)
    # Each sample twice, with its label: a model that has seen the copy would predict it.
    X, y, groups = np.tile(X, (2, 1)), np.tile(y, 2), np.tile(np.arange(150), 2)
    params = {"method": "confident_joint", "cv": GroupKFold(3)}
    matrix = estimate_transition(X, y, estimator, groups=groups, **params)
    p = cross_val_predict(
        clone(estimator), X, y, groups=groups, cv=params["cv"], method="predict_proba"
    )
    assert_allclose(matrix, confident_joint(p, y), atol=1e-3)
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        estimate_transition(X, y, estimator, **params)
    with pytest.raises(ValueError, match="'groups' parameter of estimate_transition must be None"):
        estimate_transition(X, y, groups=groups, method="hoc")


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("name", ["none", "loss", "pipeline", "bagging"])
def test_groups_are_passed_to_the_fits(name, routing, monkeypatch):
    """Also where folds are trained together, and where they are not."""
    X, y = load_iris(return_X_y=True)
    groups, given = np.arange(150) // 5, []
    check = training_set.check_groups
    monkeypatch.setattr(
        training_set, "check_groups", lambda part, n: given.append(part) or check(part, n)
    )
    clf = {
        "none": None,
        "loss": CLASSIFIERS["loss"],
        "pipeline": CLASSIFIERS["pipeline"],
        "bagging": NoisyLabelClassifier(max_epochs=2, random_state=0),
    }[name]
    with config_context(enable_metadata_routing=routing):
        estimate_transition(X, y, clf, groups=groups, cv=GroupKFold(3))
    rows = [train for train, _ in GroupKFold(3).split(X, y, groups)]
    expected = [groups] if clf is None else [groups[train] for train in rows]
    assert len(given) == len(expected)
    for part, correct in zip(given, expected, strict=True):
        assert_array_equal(part, correct)


@pytest.mark.parametrize("routing", [False, True])
def test_folds_trained_together_may_lack_a_class(routing):
    X, y = load_iris(return_X_y=True)
    folds = PredefinedSplit(y)
    with (
        config_context(enable_metadata_routing=routing),
        pytest.warns(RuntimeWarning, match="class"),
    ):
        p = _proxy.proba_out_of_fold(CLASSIFIERS["loss"], X, y, folds)
    assert_array_equal(p[np.arange(150), y], 0)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_errors_of_folds_trained_together_are_raised():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="'lr' parameter"):
        estimate_transition(X, y, classifier(lr=-1.0))
    with pytest.raises(ValueError, match="only works for partitions"):
        estimate_transition(X, y, CLASSIFIERS["loss"], cv=ShuffleSplit(3, random_state=0))


def test_invalid_parameters_raise():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(
        ValueError, match=r"'method' parameter of estimate_transition must be .*'sure'"
    ):
        estimate_transition(X, y, LogisticRegression(), method="sure")
    with pytest.raises(ValueError, match=r"'trusted' parameter .* is required with method='gold'"):
        estimate_transition(X, y, LogisticRegression(), method="gold")
    with pytest.raises(ValueError, match="must be None otherwise"):
        estimate_transition(X, y, LogisticRegression(), trusted=y == 0)
    with pytest.raises(
        ValueError, match=r"'method' parameter of noise_rate must be a str among .* Got 'hoc'"
    ):
        noise_rate(np.eye(3)[y], y, method="hoc")
    with pytest.raises(ValueError, match="at least 3 samples"):
        hoc([[0.0], [1.0]], [0, 1])
    assert hoc(X[:3], [0, 1, 0]).shape == (2, 2)
    with pytest.raises(ValueError, match=r"'trusted' parameter of gold must .* Got None"):
        gold(np.full((150, 3), 1 / 3), y, None)
    with pytest.raises(TypeError, match="'most_confident' takes no parameter 'max_iter'"):
        estimate_transition(X, y, LogisticRegression(), max_iter=3)
    with pytest.raises(TypeError, match="'most_confident' takes no parameter 'clf_or_proba'"):
        estimate_transition(X, y, LogisticRegression(), clf_or_proba=np.eye(3)[y])
    with pytest.raises(TypeError, match="'hoc' takes no parameter 'features'"):
        estimate_transition(X, y, method="hoc", features=X)
    for estimator in ("knn", SVC(), make_pipeline(StandardScaler(), SVC())):
        with pytest.raises(
            TypeError, match=r"'estimator' parameter .* with predict_proba, or None"
        ):
            estimate_transition(X, y, estimator)
    with pytest.raises(ValueError, match="'max_iter' parameter of hoc"):
        estimate_transition(X, y, method="hoc", max_iter=0)
