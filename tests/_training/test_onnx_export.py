"""onnxruntime computes the probabilities of the classifier from an exported graph."""

import json
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.networks import IMAGE_NETWORKS
from tests.factories import NormedMLP, mostly_slow, noisy_blobs, short, small_images

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}


def computed(path, X):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (inputs,), (outputs,) = session.get_inputs(), session.get_outputs()
    assert (inputs.name, outputs.name) == ("X", "probabilities")
    return session.run(None, {"X": X.astype(DTYPES[inputs.type])})[0]


def assert_exported(clf, X, folder, atol=1e-5):
    clf.to_onnx(folder / "clf.onnx")
    for n in (1, len(X)):
        proba = computed(folder / "clf.onnx", X[:n])
        expected = clf.predict_proba(X[:n])
        assert_allclose(proba, expected, atol=atol, rtol=0)
    return onnx.load(folder / "clf.onnx")


@pytest.mark.parametrize("method", mostly_slow(list(METHODS)))
def test_tables(method, table, tmp_path):
    X, y = table
    trusted = np.arange(len(y)) % 4 == 0 if METHODS[method]().uses_trusted else None
    assert_exported(short(method, warmup=1).fit(X, y, trusted=trusted), X, tmp_path)


@pytest.mark.parametrize(
    "params",
    [
        {"precision": "float64"},
        {"module__hidden": (8,), "module__bins": 3, "module__dropout": 0.5},
        {"module": NormedMLP},
        {"module": nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))},
        {"smoothing": -1.0},
        {"method": "bagging", "method__transition_matrix": np.eye(3) * 0.7 + 0.1},
        {"method": "co_teaching", "module": NormedMLP},
    ],
)
def test_settings(params, table, tmp_path):
    assert_exported(short(**params).fit(*table), table[0], tmp_path)


def test_mixed_precision_is_exported_in_single_precision(table, tmp_path):
    clf = short(precision="bf16-mixed").fit(*table)
    assert_exported(clf, table[0], tmp_path, atol=0.01)


@pytest.mark.parametrize("module", [None, NormedMLP])
def test_columns_that_single_precision_would_blur(module, table, tmp_path):
    X, y = table
    X = X.astype(float)
    X = np.column_stack([X, 1e9 + X[:, 0], X[:, 1] * 1e-60, np.ones(len(X))])
    clf = short(module=module).fit(X, y)
    assert clf.net_.columns_ is not None
    other = X + [0, 0, 0, 0, 0, 0, 7]
    assert_exported(clf, other, tmp_path)


def test_many_classes(tmp_path):
    X, y = noisy_blobs(400, n_classes=40)
    assert_exported(short("bagging").fit(X, y), X, tmp_path)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("method", ["ce", "co_teaching"])
def test_images(method, precision, tmp_path):
    X = np.random.default_rng(0).random((24, 3, 17, 13), dtype=np.float32)
    clf = short(method, precision=precision, max_epochs=1).fit(X, np.arange(24) % 3)
    assert_exported(clf, X, tmp_path)


def test_images_with_channels_last(tmp_path):
    X, y = small_images(24, 3)
    X = np.moveaxis(X, 1, -1)
    clf = short(max_epochs=1).fit(X, y)
    assert_exported(clf, X, tmp_path)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "cnn9" else pytest.mark.long)
        for name in IMAGE_NETWORKS
    ],
)
def test_networks_for_images(module, tmp_path):
    X = np.random.default_rng(0).random((8, 3, 32, 32), dtype=np.float32)
    clf = NoisyLabelClassifier("ce", module=module, max_epochs=1, random_state=0)
    assert_exported(clf.fit(X, np.arange(8) % 2), X, tmp_path)


@pytest.mark.parametrize("size", [1, 3, (2, 5), 4])
@pytest.mark.parametrize("shape", [(4, 8), (7, 5), (1, 1)])
def test_pooling_of_any_size(size, shape, tmp_path):
    X = np.random.default_rng(0).random((6, 1, *shape), dtype=np.float32)
    pooled = np.prod((size, size) if isinstance(size, int) else size)
    module = nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Flatten(), nn.Linear(int(pooled), 2))
    assert_exported(short(module=module, max_epochs=1).fit(X, [0, 1] * 3), X, tmp_path)


@pytest.mark.parametrize(
    "labels, expected",
    [
        ([3, 7, 9], [3, 7, 9]),
        (["a", "b", "c"], ["a", "b", "c"]),
        (np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[D]"), None),
    ],
)
def test_metadata(labels, expected, table, tmp_path):
    pd = pytest.importorskip("pandas")
    X, y = table
    clf = short().fit(pd.DataFrame(X, columns=list("pqrs")), np.asarray(labels)[y])
    clf.to_onnx(tmp_path / "clf.onnx")
    model = onnx.load(tmp_path / "clf.onnx")
    properties = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert properties["classes_"] == (expected or [str(label) for label in labels])
    assert properties["feature_names_in_"] == list("pqrs")
    assert model.producer_name == "sknoisy"


def test_the_classifier_is_unchanged(table, tmp_path):
    X, y = table
    clf, other = short("bagging").fit(X, y), short("bagging").fit(X, y)
    before = torch.get_rng_state()
    clf.to_onnx(tmp_path / "clf.onnx")
    assert_array_equal(torch.get_rng_state(), before)
    assert_array_equal(clf.predict_proba(X), other.predict_proba(X))
    clf.partial_fit(X, y)
    assert_array_equal(clf.predict_proba(X), other.partial_fit(X, y).predict_proba(X))


class Batchwise(nn.Linear):
    """A network whose steps depend on the number of samples, which a graph cannot repeat."""

    def forward(self, x):
        return super().forward(x) * (1.0 if len(x) > 2 else 5.0)


def test_a_graph_that_computes_something_else_is_refused(table, tmp_path):
    clf = short(module=lambda n_in, n_out: Batchwise(n_in, n_out)).fit(*table)
    with pytest.raises(RuntimeError, match="computes other probabilities than the classifier"):
        clf.to_onnx(tmp_path / "clf.onnx")
    assert not list(tmp_path.iterdir())


def test_a_classifier_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        short().to_onnx(tmp_path / "clf.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named(package, table, tmp_path, monkeypatch):
    clf = short().fit(*table)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"sknoisy\[onnx\]"):
        clf.to_onnx(tmp_path / "clf.onnx")
