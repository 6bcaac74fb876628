"""The estimator in tools of scikit-learn, and all types of samples and labels."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
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
    cross_val_score,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skorch.helper import SliceDataset
from torch.utils.data import Dataset

from sknoisy.methods import ELR, GCE, CoTeaching, CrossEntropy
from tests.factories import mostly_slow, short


def scores(search):
    return {
        key: np.asarray(values, dtype=float)
        for key, values in search.cv_results_.items()
        if "test_score" in key
    }


# ---- searches and scores ----------------------------------------------------------------------


@pytest.fixture
def people():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, 90),
            "city": rng.choice(["Oslo", "Rome", "Lima"], 90),
            "income": rng.normal(30_000, 5_000, 90),
        }
    )
    return X, np.where((X["city"] == "Rome") | (X["age"] > 60), "yes", "no")


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
    assert method.lam == 3.0
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


# ---- labels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["no", "yes"],
        [False, True],
        [-1, 1],
        [5, 15],
        [0.0, 1.0],
        np.array([200, 255], dtype=np.uint8),
        np.array(["a", "b"], dtype=object),
        pd.Categorical(["low", "high"]),
    ],
    ids=repr,
)
def test_predictions_have_the_type_of_the_labels(images, names):
    X, codes = images
    y = names[codes] if isinstance(names, pd.Categorical) else np.array(names)[codes]
    clf = short(module__widths=(8,)).fit(X, y)
    assert_array_equal(clf.classes_, np.unique(np.asarray(y)))
    assert clf.predict(X).dtype == clf.classes_.dtype
    assert clf.score(X, np.asarray(y)) > 0.9


def test_index_of_a_series_of_labels_is_ignored(people):
    X, y = people
    X = X[["age", "income"]]
    expected = short().fit(X, y).predict_proba(X)
    shuffled_index = pd.Series(y, index=np.arange(len(y))[::-1], name="bought", dtype="str")
    assert_array_equal(short().fit(X, shuffled_index).predict_proba(X), expected)


# ---- samples ----------------------------------------------------------------------------------


def _memmap(X, folder):
    joblib.dump(X, folder / "X.joblib")
    return joblib.load(folder / "X.joblib", mmap_mode="r")


def _negative_strides(X):
    return X[::-1].copy()[::-1]


FORMS = {
    "list": lambda X, _: X.tolist(),
    "float64": lambda X, _: X.astype(np.float64),
    "columns first": lambda X, _: np.asfortranarray(X),
    "negative strides": lambda X, _: _negative_strides(X),
    "every second": lambda X, _: np.repeat(X, 2, axis=0)[::2],
    "read-only": lambda X, _: _read_only(X),
    "memmap": _memmap,
    "frame": lambda X, _: pd.DataFrame(X, columns=list("abcd")),
    "tensor": lambda X, _: torch.from_numpy(X),
    "csr": lambda X, _: sp.csr_array(X),
    "csc": lambda X, _: sp.csc_array(X),
    "csr matrix": lambda X, _: sp.csr_matrix(X),
    "coo": lambda X, _: sp.coo_array(X),
}


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.fixture
def sparse_table(table):
    X, y = table
    return np.where(np.abs(X) < 2, np.float32(0), X), y


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
def test_all_types_of_tables_give_the_same_results(form, params, sparse_table, tmp_path):
    X, y = sparse_table
    converted = FORMS[form](X, tmp_path)
    plain, clf = (short("elr", batch_size=32, **params) for _ in range(2))
    clf.fit(converted, y)
    assert_array_equal(clf.predict_proba(converted), plain.fit(X, y).predict_proba(X))
    assert_array_equal(clf.label_quality_, plain.label_quality_)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float16])
def test_all_types_of_numbers_give_the_same_results(dtype, table):
    X, y = table
    X = (X * 4).clip(0, 200).astype(dtype)
    plain, clf = short().fit(X.astype(np.float32), y), short().fit(X, y)
    assert_array_equal(clf.predict_proba(X), plain.predict_proba(X.astype(np.float32)))


def test_images_of_bytes_are_learned(images):
    X, y = images
    X = (X * 80).astype(np.uint8)
    clf = short(module__widths=(8,)).fit(X, y)
    assert clf.n_features_in_ == 1
    assert clf.score(X, y) > 0.9
    plain = short(module__widths=(8,)).fit(X.astype(np.float32), y)
    assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.uint8])
def test_table_is_not_copied(dtype):
    trained_on = []

    class RecordsRows(CrossEntropy):
        def setup(self, net, y):
            trained_on.append(net.data.rows.data)

    X = (np.arange(600) % 7).reshape(200, 3).astype(dtype)
    short(RecordsRows, max_epochs=1).fit(X, np.arange(200) % 2)
    assert np.shares_memory(trained_on[0].numpy(), X)


def test_samples_are_not_changed(table):
    X, y = table
    X_before, y_before, weight = X.copy(), y.copy(), np.arange(len(y), dtype=float)
    short("elr", class_weight="balanced").fit(X, y, sample_weight=weight).predict(X)
    assert_array_equal(X, X_before)
    assert_array_equal(y, y_before)
    assert_array_equal(weight, np.arange(len(y)))


class Items(Dataset):
    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
def test_torch_datasets_give_the_same_results(table, params):
    X, y = table
    names = np.array(["a", "b", "c"])[y]
    expected = short("elr", **params).fit(X, names)
    for clf in (
        short("elr", **params).fit(Items(X, names)),
        short("elr", **params).fit(Items(X, y), names),
        short("elr", **params).fit(SliceDataset(Items(X, y)), names),
    ):
        assert_array_equal(clf.predict_proba(Items(X, y)), expected.predict_proba(X))
        assert_array_equal(clf.predict(X), expected.predict(X))
        assert clf.score(Items(X, y), names) == expected.score(X, names)


def test_slice_datasets_can_be_searched(table):
    X, y = table
    search, sliced = (
        GridSearchCV(short(), {"smoothing": [0.0, -1.0]}, cv=KFold(2)) for _ in range(2)
    )
    search.fit(X, y)
    sliced.fit(SliceDataset(Items(X, y)), y)
    assert_array_equal(sliced.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])
    assert_array_equal(sliced.predict_proba(SliceDataset(Items(X, y))), search.predict_proba(X))


def test_slice_dataset_without_y_is_refused(table):
    with pytest.raises(ValueError, match="requires y to be passed"):
        short().fit(SliceDataset(Items(*table)))


def test_fit_on_a_dataset_forgets_column_names(table):
    X, y = table
    clf = short(max_epochs=1).fit(pd.DataFrame(X, columns=list("abcd")), y)
    clf.fit(Items(X[:, :2], y))
    assert clf.n_features_in_ == 2
    assert not hasattr(clf, "feature_names_in_")
    with pytest.raises(ValueError, match="expecting 2 features"):
        clf.predict(X)


@pytest.mark.slow
def test_large_tables_are_memory_mapped_by_joblib(table):
    X, y = table
    X = np.tile(X, (300, 2))
    y = np.tile(y, 300)
    assert X.nbytes > 2**20, "joblib maps only what is larger"
    clf = short(max_epochs=1, batch_size=1024)
    alone = cross_val_score(clf, X, y, cv=2, scoring="neg_log_loss", error_score="raise")
    mapped = cross_val_score(clf, X, y, cv=2, scoring="neg_log_loss", n_jobs=2, error_score="raise")
    assert_array_equal(mapped, alone)


SCRIPT = """
import warnings
import cloudpickle
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_validate
from torch import nn
from sknoisy import NoisyLabelClassifier
from sknoisy.methods import ClassLoss

warnings.simplefilter("error")

class Network(nn.Module):
    def __init__(self, n_in, n_out, width=8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, n_out))

    def forward(self, x):
        return self.layers(x)

class Loss(ClassLoss):
    def __init__(self, q=1.0):
        self.q = q

    def class_losses(self, logits):
        return -self.q * logits.log_softmax(-1)

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    clf = NoisyLabelClassifier(Loss, module=Network, max_epochs=3, random_state=0)
    one, two = (
        cross_validate(clf, X, y, cv=2, n_jobs=n, return_estimator=True, error_score="raise")
        for n in (1, 2)
    )
    for a, b in zip(one["estimator"], two["estimator"], strict=True):
        assert np.array_equal(a.predict_proba(X), b.predict_proba(X))
    grid = {"module__width": [4, 8], "method__q": [0.5, 1.0]}
    search = GridSearchCV(clf, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    BaggingClassifier(clf, n_estimators=2, n_jobs=2, random_state=0).fit(X, y).predict(X)
    with open("fitted.pkl", "wb") as file:
        cloudpickle.dump(search.best_estimator_, file)
    np.save("expected.npy", search.predict_proba(X))
"""


@pytest.mark.slow
def test_classes_defined_in_a_script_work_in_processes(tmp_path):
    (tmp_path / "notebook.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "notebook.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    X, y = load_iris(return_X_y=True)
    clf = pickle.loads((tmp_path / "fitted.pkl").read_bytes())
    assert_array_equal(clf.predict_proba(X), np.load(tmp_path / "expected.npy"))
    clf.partial_fit(X, y)


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
