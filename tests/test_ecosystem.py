"""The estimator in tools of scikit-learn."""

import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknoisy.methods import ELR, GCE, CoTeaching
from tests.factories import mostly_slow, short


def scores(search):
    return {
        key: np.asarray(values, dtype=float)
        for key, values in search.cv_results_.items()
        if "test_score" in key
    }


# ---- searches and scores -------------------------------------------------------------------------


@pytest.mark.parametrize("sparse", [True, False])
def test_pipeline_on_a_frame_with_string_columns(people, sparse):
    X, y = people
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=sparse), ["city"]),
        (StandardScaler(), ["age", "income"]),
        sparse_threshold=1.0 if sparse else 0.0,
    )
    pipeline = make_pipeline(columns, short(max_epochs=30)).fit(X, y)
    assert pipeline.score(X, y) > 0.9
    assert set(pipeline.predict(X)) == {"yes", "no"}


def test_pipeline_passes_column_names(people):
    X, y = people
    pipeline = make_pipeline(StandardScaler(), short()).set_output(transform="pandas")
    pipeline.fit(X[["age", "income"]], y)
    assert_array_equal(pipeline[-1].feature_names_in_, ["age", "income"])
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(X[["income", "age"]])


GRIDS = {
    "smoothing": {"smoothing": [-1.0, 0.0, 0.4], "lr": [0.01, 0.001]},
    "names of methods": {"method": ["ce", "gce", "elr", "co_teaching"], "smoothing": [0.0, -0.5]},
    "methods": {"method": [GCE(q=0.4), ELR(lam=1.0), CoTeaching(), ELR]},
    "parameters of methods": [
        {"method": ["gce"], "method__q": [0.2, 0.9]},
        {"method": [ELR()], "method__lam": [0.0, 6.0]},
    ],
    "networks": {"module__hidden": [(8,), (8, 8)], "optimizer": ["adam", "sgd", torch.optim.AdamW]},
}


@pytest.mark.slow
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_grid_search_in_processes_gives_the_same_scores(grid, table):
    serial, parallel = (
        GridSearchCV(
            short(max_epochs=4),
            grid,
            cv=2,
            n_jobs=n_jobs,
            scoring="neg_log_loss",
            error_score="raise",
        ).fit(*table)
        for n_jobs in (1, 2)
    )
    assert scores(serial).keys() == scores(parallel).keys()
    for key, values in scores(serial).items():
        assert_array_equal(values, scores(parallel)[key])
    assert len(np.unique(serial.cv_results_["mean_test_score"])) > 1
    assert_array_equal(serial.predict_proba(table[0]), parallel.predict_proba(table[0]))


def test_method_instance_is_not_changed_by_a_search(table):
    method = ELR()
    search = GridSearchCV(short(method), {"method__lam": [1.0, 2.0]}, cv=2).fit(*table)
    assert method.lam == "auto"
    assert search.best_estimator_.method_.lam == search.best_params_["method__lam"]


def test_halving_search_with_epochs_as_resource(table):
    search = HalvingGridSearchCV(
        short(),
        {"smoothing": [-1.0, 0.0, 0.4, 0.9]},
        resource="max_epochs",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(*table)
    assert search.n_resources_ == [2, 4, 8]
    assert search.best_estimator_.n_iter_ == 8


def test_randomized_search_of_numbers(table):
    space = {"smoothing": np.linspace(-4, 0.8, 50), "batch_size": [16, 64, -1]}
    search = RandomizedSearchCV(short(), space, n_iter=4, cv=2, random_state=0).fit(*table)
    assert search.best_score_ > 0.5
    assert search.best_estimator_.smoothing_ == search.best_params_["smoothing"]


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_training_fold_may_lack_a_class(table, method):
    X, y = table
    order = y.argsort(kind="stable")
    # Sorted by label, each fold has a class that the others lack.
    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        probs = cross_val_predict(
            short(max_epochs=3), X[order], y[order], cv=KFold(3), method=method
        )
    assert probs.shape == (len(X), 3)


@pytest.mark.parametrize("calibration", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_probabilities_can_be_calibrated(table, calibration, ensemble):
    if calibration == "temperature" and not hasattr(sklearn.calibration, "_TemperatureScaling"):
        pytest.skip("this scikit-learn has no temperature scaling")
    clf = CalibratedClassifierCV(short(), method=calibration, cv=2, ensemble=ensemble).fit(*table)
    assert clf.score(*table) > 0.7
    assert_allclose(clf.predict_proba(table[0]).sum(axis=1), 1, rtol=1e-5)


ENSEMBLES = {
    "bagging": BaggingClassifier(
        short(), n_estimators=3, max_features=0.75, n_jobs=2, random_state=0
    ),
    "stacking": StackingClassifier(
        [("a", short()), ("b", short("elr"))], final_estimator=LogisticRegression(), cv=2
    ),
    "voting": VotingClassifier([("a", short()), ("b", short("gce"))], voting="soft", n_jobs=2),
    "ada_boost": AdaBoostClassifier(short(max_epochs=3), n_estimators=3, random_state=0),
    "one_vs_rest": OneVsRestClassifier(short()),
    "one_vs_one": OneVsOneClassifier(short()),
}


# Those that train in processes are slow.
@pytest.mark.parametrize(
    "ensemble", mostly_slow(list(ENSEMBLES), fast=set(ENSEMBLES) - {"bagging", "voting"})
)
def test_ensembles_of_classifiers(table, ensemble):
    first, second = (clone(ENSEMBLES[ensemble]).fit(*table) for _ in range(2))
    assert first.score(*table) > 0.7
    assert_array_equal(first.predict(table[0]), second.predict(table[0]))


@pytest.mark.slow
def test_permutation_importance_of_an_unused_column_is_zero(table):
    X, y = table
    X = np.column_stack([X, np.zeros(len(X))])
    clf = short().fit(X, y)
    importance = permutation_importance(clf, X, y, n_repeats=3, n_jobs=2, random_state=0)
    assert importance.importances_mean[:-1].max() > 0.1
    assert importance.importances_mean[-1] == 0


def test_sample_weight_is_routed_through_pipeline_and_search(table):
    X, y = table
    weight = (y != 2).astype(float)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = short().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, clf),
            {"noisylabelclassifier__smoothing": [0.0]},
            scoring=get_scorer("accuracy").set_score_request(sample_weight=True),
            cv=2,
            error_score="raise",
        ).fit(X, y, sample_weight=weight)
        assert 2 not in search.predict(X)
        assert 2 in search.fit(X, y).predict(X)


# ---- stopping and callbacks ----------------------------------------------------------------------


def test_early_stopping_inside_a_search(table):
    X, y = table
    clf = short(early_stopping=True, n_iter_no_change=2, max_epochs=50)
    search = GridSearchCV(clf, {"smoothing": [-1.0, 0.0]}, cv=3, error_score="raise").fit(X, y)
    assert search.best_estimator_.n_iter_ < 50
    assert len(search.best_estimator_.label_quality_) == len(y)


class StopsAfter:
    """A callback of scikit-learn that records scores, and stops after some epochs."""

    def __init__(self, stop_after):
        self.stop_after, self.scores = stop_after, []

    def setup(self, estimator, context):
        self.scores.clear()

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        if context.task_name == "epoch":
            self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) >= self.stop_after


def test_callbacks_of_scikit_learn_can_stop_the_training(table):
    pytest.importorskip("sklearn.callback")
    X, y = table
    callback = StopsAfter(stop_after=3)
    clf = short(max_epochs=10).set_callbacks(callback).fit(X, y)
    assert clf.n_iter_ == 3
    assert callback.scores[-1] == clf.score(X, y)
    assert short(max_epochs=3).fit(X, y).score(X, y) == callback.scores[-1]
