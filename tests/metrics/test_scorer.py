"""Scorers for searches."""

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
def test_scorers_choose_in_a_search_and_travel(metric):
    X, true = load_iris(return_X_y=True)
    y, T = corrupt_labels(true, 0.4, random_state=1), symmetric(3, 0.4)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    scorer = make_noisy_scorer(metric, **params)
    clf = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {"kneighborsclassifier__n_neighbors": [1, 25]}
    search = GridSearchCV(clf, grid, scoring=pickle.loads(pickle.dumps(scorer)), cv=5)
    search.fit(X, y)
    if metric != "cores_score":
        # That one likes a neighbour that is always sure.
        assert search.best_params_ == {"kneighborsclassifier__n_neighbors": 25}
    # By hand, and a fold without a class.
    fitted = clf.fit(X, y)
    name = metric.removeprefix("neg_")
    function = getattr(metrics, name)
    seen = fitted.predict if "accuracy" in name else fitted.predict_proba
    sign = -1 if metric.startswith("neg_") else 1
    assert scorer(fitted, X, y) == pytest.approx(sign * function(y, seen(X), **params))
    if metric != "noise_corrected_balanced_accuracy":
        assert np.isfinite(scorer(fitted, X[y < 2], y[y < 2]))
    assert repr(scorer) == f"make_noisy_scorer({metric!r})"


@pytest.mark.parametrize("metric", METRICS)
def test_a_scorer_knows_classes_that_a_training_fold_lacks(metric):
    X, y = load_iris(return_X_y=True)
    T = symmetric(3, 0.2)
    params = {"transition_matrix": T} if "noise_corrected" in metric else {}
    clf = KNeighborsClassifier().fit(X[y > 0], y[y > 0])
    scorer = make_noisy_scorer(metric, classes=[0, 1, 2], **params)
    wide = np.c_[np.zeros(150), clf.predict_proba(X)]
    seen = clf.predict(X) if "accuracy" in metric else wide
    function = getattr(metrics, metric.removeprefix("neg_"))
    expected = (-1 if metric.startswith("neg_") else 1) * function(y, seen, **params)
    assert scorer(clf, X, y) == pytest.approx(expected)
    if params:
        message = r"knows 2 classes, \[1, 2\], and the 'transition_matrix' has 3 rows.* 'classes'"
        with pytest.raises(ValueError, match=message):
            make_noisy_scorer(metric, **params)(clf, X, y)
        with pytest.raises(ValueError, match=r"of shape \(2, 2\)"):
            make_noisy_scorer(metric, classes=[0, 1], **params)
    with pytest.raises(ValueError, match="classes must be sorted"):
        make_noisy_scorer(metric, classes=[2, 1, 0], **params)


def test_sample_weight_reaches_a_scorer_in_a_search():
    X, y = load_iris(return_X_y=True)
    weight, folds = np.where(y == 2, 5.0, 1.0), KFold(3, shuffle=True, random_state=0)
    scorer = make_noisy_scorer("peer_accuracy")
    # Without routing scikit-learn asks several scorers whether they take weights, from 1.9 on.
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, scoring={"peer": scorer}, refit=False)
    assert np.isfinite(search.fit(X, y, sample_weight=weight).cv_results_["mean_test_peer"]).all()
    expected = [
        peer_accuracy(
            y[b],
            LogisticRegression(C=0.1).fit(X[a], y[a]).predict(X[b]),
            sample_weight=weight[b],
        )
        for a, b in folds.split(X)
    ]
    with config_context(enable_metadata_routing=True):
        assert scorer.set_score_request(sample_weight=True) is scorer
        clf = LogisticRegression().set_fit_request(sample_weight=False)
        for scoring in (scorer, {"peer": pickle.loads(pickle.dumps(scorer))}):
            search = GridSearchCV(clf, {"C": [0.1]}, scoring=scoring, cv=folds, refit=False)
            found = search.fit(X, y, sample_weight=weight).cv_results_
            key = "peer" if isinstance(scoring, dict) else "score"
            assert_allclose([found[f"split{i}_test_{key}"][0] for i in range(3)], expected)
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
def test_a_scorer_says_what_to_do_where_a_training_fold_lacks_a_class(metric):
    X, y = load_iris(return_X_y=True)
    params = {} if metric == "cores_score" else {"transition_matrix": np.eye(3)}
    scorer, folds = make_noisy_scorer(metric, **params), PredefinedSplit(y)
    message = "pass all of them as 'classes' to make_noisy_scorer"
    with pytest.raises(ValueError, match=message):
        cross_val_score(KNeighborsClassifier(), X, y, cv=folds, scoring=scorer, error_score="raise")
    # A test sample may be of a class that was not passed either.
    few = make_noisy_scorer("cores_score", classes=[0, 1])
    with pytest.raises(ValueError, match=rf"got \[2\] beside \[0, 1\]. .*{message}"):
        few(KNeighborsClassifier().fit(X[y < 2], y[y < 2]), X, y)
