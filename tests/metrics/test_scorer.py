"""Scorers for searches and cross-validation."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    PredefinedSplit,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import metrics
from sknoisy.metrics import (
    METRICS,
    make_noisy_scorer,
    peer_accuracy,
)
from sknoisy.noise import corrupt_labels, symmetric


@pytest.mark.parametrize("metric", METRICS)
def test_scorers_select_in_a_search_and_can_be_pickled(metric):
    X, true = load_iris(return_X_y=True)
    y, T = corrupt_labels(true, 0.4, random_state=1), symmetric(3, 0.4)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    scorer = make_noisy_scorer(metric, **params)
    clf = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 25]}
    search = GridSearchCV(clf, grid, scoring=pickle.loads(pickle.dumps(scorer)), cv=5)
    search.fit(X, y)
    if metric != "cores_score":
        # The CORES score favours the single neighbour, which predicts probabilities of 0 and 1.
        assert search.best_params_ == {"kneighborsclassifier__n_neighbors": 25}
    # The scorer equals the function, and accepts a fold without one of the classes.
    fitted = clf.fit(X, y)
    name = metric.removeprefix("neg_")
    function = getattr(metrics, name)
    predict = fitted.predict if "accuracy" in name else fitted.predict_proba
    sign = -1 if metric.startswith("neg_") else 1
    assert scorer(fitted, X, y) == pytest.approx(sign * function(y, predict(X), **params))
    if metric != "noise_corrected_balanced_accuracy":
        assert np.isfinite(scorer(fitted, X[y < 2], y[y < 2]))
    assert repr(scorer) == f"make_noisy_scorer({metric!r})"


@pytest.mark.parametrize("metric", METRICS)
def test_classes_of_a_scorer_may_be_absent_from_a_training_fold(metric):
    X, y = load_iris(return_X_y=True)
    T = symmetric(3, 0.2)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    clf = KNeighborsClassifier().fit(X[y > 0], y[y > 0])
    scorer = make_noisy_scorer(metric, classes=[0, 1, 2], **params)
    proba = np.c_[np.zeros(150), clf.predict_proba(X)]
    predicted = clf.predict(X) if "accuracy" in metric else proba
    function = getattr(metrics, metric.removeprefix("neg_"))
    expected = (-1 if metric.startswith("neg_") else 1) * function(y, predicted, **params)
    assert scorer(clf, X, y) == pytest.approx(expected)
    if params:
        message = r"has 2 classes, \[1, 2\], but the 'transition_matrix' has 3 rows.* 'classes'"
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer(metric, **params)(clf, X, y)
        with pytest.raises(ValueError, match=r"of shape \(2, 2\)"):
            make_noisy_scorer(metric, classes=[0, 1], **params)
    with pytest.raises(ValueError, match="classes must be sorted"):
        make_noisy_scorer(metric, classes=[2, 1, 0], **params)


def test_sample_weight_is_routed_to_a_scorer_in_a_search():
    X, y = load_iris(return_X_y=True)
    weight, folds = np.where(y == 2, 5.0, 1.0), KFold(3, shuffle=True, random_state=0)
    scorer = make_noisy_scorer("peer_accuracy")
    # From 1.9 on, scikit-learn asks multiple scorers whether they accept weights without routing.
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring={"peer": scorer}, refit=False)
    assert np.isfinite(search.fit(X, y, sample_weight=weight).cv_results_["mean_test_peer"]).all()
    expected = [
        peer_accuracy(
            y[test],
            LogisticRegression(C=0.1).fit(X[train], y[train]).predict(X[test]),
            sample_weight=weight[test],
        )
        for train, test in folds.split(X)
    ]
    with config_context(enable_metadata_routing=True):
        assert scorer.set_score_request(sample_weight=True) is scorer
        clf = LogisticRegression().set_fit_request(sample_weight=False)
        for scoring in (scorer, {"peer": pickle.loads(pickle.dumps(scorer))}):
            search = GridSearchCV(clf, {"C": [0.1]}, scoring=scoring, cv=folds, refit=False)
            results = search.fit(X, y, sample_weight=weight).cv_results_
            key = "peer" if isinstance(scoring, dict) else "score"
            assert_allclose([results[f"split{i}_test_{key}"][0] for i in range(3)], expected)
        other = make_noisy_scorer("peer_accuracy").set_score_request(sample_weight="of_score")
        params = {"scoring": other, "cv": folds}
        scores = cross_validate(clf.set_params(C=0.1), X, y, params={"of_score": weight}, **params)
        assert_allclose(scores["test_score"], expected)
        with pytest.raises(ValueError, match="sample_weight"):
            other = make_noisy_scorer("peer_accuracy")
            cross_validate(clf, X, y, scoring=other, cv=folds, params={"sample_weight": weight})
    with pytest.raises(RuntimeError, match="only available when metadata routing is enabled"):
        scorer.set_score_request(sample_weight=True)


@pytest.mark.parametrize("metric", ["cores_score", "neg_noise_corrected_log_loss"])
def test_the_error_about_a_class_absent_from_a_training_fold_gives_advice(metric):
    X, y = load_iris(return_X_y=True)
    params = {} if metric == "cores_score" else {"transition_matrix": np.eye(3)}
    scorer, folds = make_noisy_scorer(metric, **params), PredefinedSplit(y)
    message = "pass all classes as 'classes' to make_noisy_scorer"
    with pytest.raises(ValueError, match=message):
        cross_val_score(KNeighborsClassifier(), X, y, cv=folds, scoring=scorer, error_score="raise")
    # Test samples may also belong to a class that was not passed.
    incomplete = make_noisy_scorer("cores_score", classes=[0, 1])
    with pytest.raises(ValueError, match=rf"got \[2\] beside \[0, 1\]. .*{message}"):
        incomplete(KNeighborsClassifier().fit(X[y < 2], y[y < 2]), X, y)


def test_bad_parameters_of_make_noisy_scorer_are_refused():
    for matrix in (0.3, [0.3, 0.7], np.ones((2, 3)) / 3):
        with pytest.raises(ValueError, match="'transition_matrix' parameter must be a square"):
            make_noisy_scorer("noise_corrected_accuracy", transition_matrix=matrix)
    with pytest.raises(
        ValueError,
        match=r"'metric' parameter of make_noisy_scorer must be a str among .* 'accuracy'",
    ):
        make_noisy_scorer("accuracy")
    with pytest.raises(ValueError, match="needs a 'transition_matrix'"):
        make_noisy_scorer("noise_corrected_accuracy")
    with pytest.raises(ValueError, match="takes no 'transition_matrix'"):
        make_noisy_scorer("peer_accuracy", transition_matrix=np.eye(3))
    with pytest.raises(ValueError, match="condition number"):
        make_noisy_scorer("noise_corrected_accuracy", transition_matrix=np.full((2, 2), 0.5))
