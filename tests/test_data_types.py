"""Samples and labels of all types give the same results."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from skorch.helper import SliceDataset
from torch.utils.data import Dataset

from sknoisy.methods import CrossEntropy
from tests.factories import short

# ---- labels --------------------------------------------------------------------------------------


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


# ---- samples -------------------------------------------------------------------------------------


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


@pytest.mark.long
def test_large_tables_are_memory_mapped_by_joblib(table):
    _, y = table
    y = np.tile(y, 300)
    X = np.random.default_rng(0).normal(size=(len(y), 8))
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
