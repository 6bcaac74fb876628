"""SmoothingSearchCV is a search of scikit-learn like any other."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning, NotFittedError, UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy._training.net import SkorchNet
from sknoisy.plots import SmoothingCurveDisplay
from tests.search.helpers import (
    RATES,
    WEIGHT,
    Normalised,
    X,
    assert_equivalent,
    double,
    y,
)


def test_refused_rate_does_not_affect_the_others():
    rates = [np.zeros(9), 0.1]
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        search = SmoothingSearchCV(double(), rates, cv=3, error_score=-1.0).fit(X, y)
    alone = GridSearchCV(double(), {"smoothing": [0.1]}, cv=3).fit(X, y)
    assert search.cv_results_["mean_test_score"].tolist() == [
        -1.0,
        alone.cv_results_["mean_test_score"][0],
    ]


def test_folds_can_train_and_score_the_same_rows():
    everything = np.arange(len(y))
    search = SmoothingSearchCV(double(), RATES, cv=[(everything, everything)] * 2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_fit_time"]).all()


@pytest.mark.slow
def test_earlier_steps_of_a_pipeline_are_fitted_per_fold():
    pipeline = make_pipeline(StandardScaler(), PCA(20, random_state=0), double())
    search = assert_equivalent(pipeline, "noisylabelclassifier__")
    assert set(search.best_params_) == {"noisylabelclassifier__smoothing"}
    assert search.best_estimator_[-1].smoothing == search.best_params_.popitem()[1]
    nested = make_pipeline(StandardScaler(), make_pipeline(PCA(20, random_state=0), double()))
    assert_equivalent(nested, "pipeline__noisylabelclassifier__")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight")
def test_weights_give_the_same_results():
    assert_equivalent(double(), fit={"sample_weight": WEIGHT})
    pipeline = make_pipeline(StandardScaler(), double())
    fit = {"noisylabelclassifier__sample_weight": WEIGHT}
    assert_equivalent(pipeline, "noisylabelclassifier__", fit=fit)


def test_scores_are_weighted_as_in_a_grid_search():
    ours = SmoothingSearchCV(double(), RATES, cv=3).fit(X, y, sample_weight=WEIGHT)
    theirs = GridSearchCV(double(), {"smoothing": RATES}, cv=3).fit(X, y, sample_weight=WEIGHT)
    for key in ("mean_test_score", "std_test_score"):
        assert_allclose(ours.cv_results_[key], theirs.cv_results_[key])
    assert ours.scorer_(ours, X, y) == ours.score(X, y) == theirs.score(X, y)


@pytest.mark.slow
def test_scorers_that_are_functions_get_weights():
    def scoring(estimator, X, y, sample_weight=None):
        return estimator.score(X, y, sample_weight=sample_weight)

    ours = SmoothingSearchCV(double(), RATES, cv=3, scoring=scoring)
    theirs = GridSearchCV(double(), {"smoothing": RATES}, cv=3, scoring=scoring)
    results = [search.fit(X, y, sample_weight=WEIGHT).cv_results_ for search in (ours, theirs)]
    assert_allclose(*(result["mean_test_score"] for result in results))


@pytest.mark.skipif(
    not hasattr(GridSearchCV, "_check_scorers_accept_sample_weight"),
    reason="scikit-learn before 1.9 does not warn",
)
def test_warnings_about_a_scorer_name_it():
    def scoring_without_weights(estimator, X, y):
        return estimator.score(X, y)

    search = SmoothingSearchCV(double(), [0.0], cv=2, scoring=scoring_without_weights)
    with pytest.warns(UserWarning, match="scoring_without_weights.* does not support"):
        search.fit(X, y, sample_weight=WEIGHT)


@pytest.mark.slow
def test_weights_and_groups_are_routed():
    with config_context(enable_metadata_routing=True):
        clf = double().set_fit_request(sample_weight=True)
        groups = np.arange(len(y)) % 5
        fit = {"sample_weight": WEIGHT, "groups": groups}
        assert_equivalent(clf, fit=fit, cv=GroupKFold(3))
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), clf)
        assert_equivalent(pipeline, "noisylabelclassifier__", fit=fit, cv=GroupKFold(3))
        weighted = (
            double().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        )
        ours = SmoothingSearchCV(weighted, RATES, cv=3).fit(X, y, sample_weight=WEIGHT)
        theirs = GridSearchCV(weighted, {"smoothing": RATES}, cv=3).fit(X, y, sample_weight=WEIGHT)
        for key in ("mean_test_score", "std_test_score"):
            assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])


def test_metadata_requests_are_those_of_a_grid_search():
    with config_context(enable_metadata_routing=True):
        classifiers = [double(), double().set_fit_request(sample_weight=True)]
        for clf in classifiers:
            for search in (
                SmoothingSearchCV(clf, RATES, cv=3),
                GridSearchCV(clf, {"smoothing": RATES}, cv=3),
            ):
                with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
                    search.fit(X, y, sample_weight=WEIGHT)
        clf = double().set_fit_request(sample_weight="w").set_score_request(sample_weight="v")
        both = {"w": WEIGHT, "v": WEIGHT[::-1]}
        ours = SmoothingSearchCV(clf, RATES, cv=3).fit(X, y, **both)
        theirs = GridSearchCV(clf, {"smoothing": RATES}, cv=3).fit(X, y, **both)
        for key in ("mean_test_score", "std_test_score"):
            assert_allclose(ours.cv_results_[key], theirs.cv_results_[key])


@pytest.mark.slow
def test_several_scorers_and_train_scores():
    params = {"scoring": ["accuracy", "neg_log_loss"], "refit": "accuracy"}
    params |= {"cv": KFold(3), "return_train_score": True}
    ours = SmoothingSearchCV(double(), RATES, **params).fit(X, y)
    theirs = GridSearchCV(double(), {"smoothing": RATES}, **params).fit(X, y)
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    assert ours.multimetric_
    for key, values in theirs.cv_results_.items():
        if "time" not in key and "param" not in key:
            assert_allclose(ours.cv_results_[key], values, atol=1e-8)
    assert ours.scorer_.keys() == {"accuracy", "neg_log_loss"}
    assert ours.score(X, y) == theirs.score(X, y)


def test_several_scorers_share_the_predictions(monkeypatch):
    n_rows, log_probabilities = [], SkorchNet.log_probabilities

    def recording(net, rows):
        n_rows.append(len(rows))
        return log_probabilities(net, rows)

    monkeypatch.setattr(SkorchNet, "log_probabilities", recording)
    scoring = ["accuracy", "balanced_accuracy", "f1_macro"]
    SmoothingSearchCV(double(), RATES, cv=3, scoring=scoring, refit=False).fit(X, y)
    assert len(n_rows) == 3 * len(RATES)


def test_scorers_get_the_pipeline_with_the_fitted_classifier():
    types = set()

    def scoring(estimator, X, y):
        types.add((type(estimator), type(estimator[-1]), estimator[-1].net_.history[-1, "epoch"]))
        return 0.0

    pipeline = make_pipeline(StandardScaler(), double())
    SmoothingSearchCV(pipeline, RATES, cv=2, scoring=scoring).fit(X, y)
    assert types == {(type(pipeline), NoisyLabelClassifier, 4)}


@pytest.mark.slow
def test_frames_sparse_rows_and_string_labels():
    names = np.array(list("abcdefghij"))[y]
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    search = assert_equivalent(double(), X=frame, y=names)
    assert_array_equal(search.feature_names_in_, frame.columns)
    assert_array_equal(search.classes_, np.unique(names))
    assert_equivalent(double(), X=csr_array(X))


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator", [double(), double(module=Normalised)], ids=["mlp", "batch norm"]
)
def test_threads_give_the_same_results_and_keep_the_random_state(estimator):
    serial, parallel = (
        SmoothingSearchCV(estimator, RATES, cv=4, n_jobs=n).fit(X, y) for n in (None, 2)
    )
    for key, values in serial.cv_results_.items():
        if "time" not in key:
            assert_array_equal(parallel.cv_results_[key], values)
    before = torch.get_rng_state()
    SmoothingSearchCV(estimator, RATES, cv=2, refit=False).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)


def test_search_without_refit_cannot_predict():
    search = SmoothingSearchCV(double(), RATES, cv=2, refit=False).fit(X, y)
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError):
        search.predict(X)
    with pytest.raises(NotFittedError):
        SmoothingSearchCV(double()).predict(X)


def test_search_can_be_cloned_pickled_and_plotted():
    search = SmoothingSearchCV(double(), RATES, cv=2)
    assert clone(search).get_params()["smoothing"] == RATES
    search.fit(X, y)
    loaded = pickle.loads(pickle.dumps(search))
    assert_array_equal(loaded.predict(X), search.predict(X))
    assert loaded.score(X, y) == search.score(X, y)
    pytest.importorskip("matplotlib").use("Agg")
    shown = SmoothingCurveDisplay.from_estimator(search)
    assert_array_equal(shown.line_.get_xdata(), RATES)
    assert "SmoothingSearchCV" in search._repr_html_()


class RecordsTasks:
    """A callback of scikit-learn that records the tasks of a search."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, **_):
        self.tasks.append(context.task_name)


def test_callbacks_of_scikit_learn_are_notified():
    pytest.importorskip("sklearn.callback")
    callback = RecordsTasks()
    SmoothingSearchCV(double(max_epochs=1), RATES, cv=2).set_callbacks(callback).fit(X, y)
    assert callback.tasks.count("candidate-split-evaluation") == 2 * len(RATES)
    assert callback.tasks.count("refit-with-best-params") == 1


def test_fit_time_is_divided_by_the_number_of_candidates():
    search = SmoothingSearchCV(double(), RATES, cv=2).fit(X, y)
    times = search.cv_results_["mean_fit_time"]
    assert times.shape == (4,)
    assert (times == times[0]).all()
    assert times[0] > 0


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_candidate_that_diverges_does_not_affect_the_others():
    clf = double(optimizer="sgd", lr=40.0, logit_bound=None, max_epochs=6)
    rates = [-64.0, 1.0]
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search = SmoothingSearchCV(clf, rates, cv=2, refit=False).fit(X, y)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        expected = GridSearchCV(clf, {"smoothing": rates}, cv=2, refit=False).fit(X, y)
    assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), [True, False])
    assert_array_equal(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    with pytest.raises(FloatingPointError, match=r"training loss is .* in epoch .* lr=40"):
        SmoothingSearchCV(clf, rates, cv=2, error_score="raise").fit(X, y)


def test_rate_out_of_range_does_not_affect_the_others():
    with pytest.warns(FitFailedWarning, match="The 'smoothing' parameter.*Got 2 instead"):
        search = SmoothingSearchCV(double(), [0, 2], cv=2, error_score=-1.0).fit(X, y)
    assert search.cv_results_["mean_test_score"][1] == -1
    assert search.best_params_ == {"smoothing": 0}


def test_failed_refit_keeps_the_earlier_results():
    search = SmoothingSearchCV(double(), RATES, cv=2).fit(X, y)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="NaN"):
        search.fit(np.full_like(X, np.nan), y)
    assert vars(search) == before


def test_scorers_and_users_never_get_the_proxy():
    """The search gives scikit-learn a proxy, which must not reach anybody else."""
    scored = []

    def scorer(estimator, X, y):
        scored.append(estimator)
        return estimator.score(X, y)

    for scoring in (scorer, {"mine": scorer, "accuracy": "accuracy"}):
        refit = "mine" if isinstance(scoring, dict) else True
        search = SmoothingSearchCV(
            double(max_epochs=1), [0, -1], cv=2, scoring=scoring, refit=refit
        )
        assert type(search.fit(X, y).best_estimator_) is NoisyLabelClassifier
    assert {type(estimator) for estimator in scored} == {NoisyLabelClassifier}
    assert len(scored) == 2 * 2 * 2
