"""Loaded models predict the same, and training continues the same from them."""

import copy
import io
import json
import pickle
import zipfile

import cloudpickle
import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.exceptions import DeviceWarning
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier, classifier, load
from sknoisy.functional import cross_entropy
from sknoisy.methods import ELR, Method
from tests.factories import every_method, mostly_slow, short

skops_io = pytest.importorskip("skops.io")


def with_skops(clf, _):
    data = skops_io.dumps(clf)
    return skops_io.loads(data, trusted=skops_io.get_untrusted_types(data=data))


def with_save(clf, folder):
    clf.save(folder / "clf.sknoisy")
    return load(folder / "clf.sknoisy", module=clf.module if callable(clf.module) else None)


def with_joblib(clf, folder, compress=0, mmap_mode=None):
    joblib.dump(clf, folder / "clf.joblib", compress=compress)
    return joblib.load(folder / "clf.joblib", mmap_mode=mmap_mode)


WAYS = {
    "pickle": lambda clf, _: pickle.loads(pickle.dumps(clf)),
    "oldest pickle": lambda clf, _: pickle.loads(pickle.dumps(clf, protocol=2)),
    "cloudpickle": lambda clf, _: pickle.loads(cloudpickle.dumps(clf)),
    "joblib": with_joblib,
    "joblib, compressed": lambda clf, folder: with_joblib(clf, folder, compress=3),
    "joblib, mapped": lambda clf, folder: with_joblib(clf, folder, mmap_mode="r"),
    "deepcopy": lambda clf, _: copy.deepcopy(clf),
    "skops": with_skops,
    "save": with_save,
}
SETTINGS = {
    **{name: {"method": name, "warmup": 1} for name in METHODS},
    "smoothed": {"smoothing": -1.0, "optimizer": "sgd", "optimizer__momentum": 0.9},
    "dropout": {"module__dropout": 0.5, "lr_schedule": "cosine"},
    "instance": {"method": ELR(lam=1.0), "precision": "float64"},
}


def assert_equivalent(loaded, clf, X, y):
    """Both predict the same, also after one more epoch of training."""
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert_array_equal(loaded.label_quality_, clf.label_quality_)
    assert loaded.history_[:, "train_loss"] == clf.history_[:, "train_loss"]
    loaded.partial_fit(X, y)
    clf.partial_fit(X, y)
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert loaded.n_iter_ == clf.n_iter_


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("params", mostly_slow(SETTINGS))
def test_loaded_model_is_equivalent(way, params, table, tmp_path):
    X, y = table
    names = np.array(["a", "b", "c"])[y]
    clf = short(**params).fit(X, names)
    loaded = WAYS[way](clf, tmp_path)
    assert repr(loaded) == repr(clf)
    assert_array_equal(loaded.predict(X), clf.predict(X))
    assert_equivalent(loaded, clf, X, names)


@pytest.mark.parametrize("way", WAYS)
def test_loaded_model_of_images_is_equivalent(way, images, tmp_path):
    clf = short(module__widths=(8,)).fit(*images)
    assert_equivalent(WAYS[way](clf, tmp_path), clf, *images)


class ChannelsLast(nn.Module):
    """Convolutions whose weights lie in memory with the channels last."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.conv, self.out = nn.Conv2d(n_in, 4, 3), nn.Linear(4, n_out)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)).mean(dim=(2, 3)))


@pytest.mark.parametrize("module", [None, ChannelsLast])
@pytest.mark.parametrize("way", WAYS)
def test_loaded_weights_in_any_memory_format_are_equivalent(way, module, images, tmp_path):
    X, y = np.repeat(images[0], 3, axis=1), images[1]
    clf = short(module=module).fit(X, y)
    assert_equivalent(WAYS[way](clf, tmp_path), clf, X, y)


@pytest.mark.parametrize("way", WAYS)
def test_loaded_model_is_equivalent_after_early_stopping(way, table, tmp_path):
    clf = short(early_stopping=True, n_iter_no_change=1, max_epochs=20).fit(*table)
    loaded = WAYS[way](clf, tmp_path)
    clf.set_params(early_stopping=False)
    loaded.set_params(early_stopping=False)
    assert_equivalent(loaded, clf, *table)


@pytest.mark.parametrize("way", WAYS)
def test_loaded_unfitted_model_is_equivalent(way, table, tmp_path):
    clf = short(method="gce", method__q=0.5, optimizer__weight_decay=0.1)
    loaded = WAYS[way](clf, tmp_path)
    assert loaded.get_params() == clf.get_params()
    assert_array_equal(
        loaded.fit(*table).predict_proba(table[0]), clf.fit(*table).predict_proba(table[0])
    )


@pytest.mark.parametrize("way", [way for way in WAYS if way != "skops"])
def test_loaded_module_instance_is_equivalent(way, table, tmp_path):
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    start = copy.deepcopy(module.state_dict())
    clf = short(module=module).fit(*table)
    assert_equivalent(WAYS[way](clf, tmp_path), clf, *table)
    for name, value in module.state_dict().items():
        assert torch.equal(value, start[name]), "the user's module was trained"


def test_deep_copy_shares_no_state(table):
    X, y = table
    clf = short(method="elr").fit(X, y)
    before = clf.predict_proba(X), clf.method_.memory.clone()
    copy.deepcopy(clf).partial_fit(X, y)
    assert_array_equal(clf.predict_proba(X), before[0])
    assert torch.equal(clf.method_.memory, before[1])


def test_loading_does_not_change_the_random_state(table):
    stored = pickle.dumps(short(module__dropout=0.5).fit(*table))
    before = torch.get_rng_state()
    pickle.loads(stored)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("params", mostly_slow(SETTINGS))
def test_skops_file_contains_no_code(params, table):
    pipeline = make_pipeline(StandardScaler(), short(**params)).fit(*table)
    data = skops_io.dumps(pipeline)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert {name.rpartition(".")[2] for name in file.namelist()} == {"json", "npy"}
        for name in file.namelist():
            if name.endswith(".npy"):
                # Refuses an array of objects, which is a pickle in disguise.
                np.load(io.BytesIO(file.read(name)), allow_pickle=False)
        schema = json.loads(file.read("schema.json"))
    loaders = set(_values(schema, "__loader__"))
    assert loaders
    assert not loaders & {"BytesNode", "BytearrayNode", "MethodNode", "OperatorFuncNode"}
    # The estimator, its net and its method.
    trusted = skops_io.get_untrusted_types(data=data)
    assert len(trusted) == 3 and all(name.startswith("sknoisy.") for name in trusted)


def _values(node, key):
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _values(part, key)


@every_method
def test_model_trained_on_cuda_can_be_loaded_without_cuda(method, table, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    clf = short(method=method, warmup=1).fit(*table)
    expected = clf.predict_proba(table[0])
    monkeypatch.setitem(vars(clf.net_), "device", "cuda")
    monkeypatch.setitem(vars(clf.net_), "random_state_", {**clf.net_.random_state_, "cuda": [0]})
    stored = pickle.dumps(clf)
    with pytest.warns(DeviceWarning, match="cpu"):
        loaded = pickle.loads(stored)
    assert_array_equal(loaded.predict_proba(table[0]), expected)
    assert loaded.partial_fit(*table).n_iter_ == 5


@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
def test_model_trained_on_cuda_is_stored_without_tensors_on_cuda(method, table):
    clf = short(method=method, warmup=1, device="cuda").fit(*table)
    assert_equivalent(pickle.loads(pickle.dumps(clf)), clf, *table)
    assert not any(isinstance(v, torch.Tensor) for v in clf.net_.__getstate__().values())


@pytest.mark.gpu
def test_model_of_another_gpu_is_loaded_on_the_first(table, monkeypatch):
    clf = short(device="cuda").fit(*table)
    monkeypatch.setitem(vars(clf.net_), "device", "cuda:7")
    stored = pickle.dumps(clf)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    loaded = pickle.loads(stored)
    assert_array_equal(loaded.predict_proba(table[0]), clf.predict_proba(table[0]))


def test_training_continues_on_the_device_of_the_model(table, monkeypatch):
    """A model from a machine without CUDA, loaded where "auto" is CUDA."""
    clf = short().fit(*table)
    monkeypatch.setattr("sknoisy._training.build.find_device", lambda _: torch.device("meta"))
    assert clf.partial_fit(*table).n_iter_ == 5
    assert clf.set_params(precision="float64").partial_fit(*table).n_iter_ == 6


@pytest.mark.parametrize("optimizer, copies", [("sgd", 1), ("adam", 3)])
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"method": "co_teaching"}])
@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_weights_are_stored_once(optimizer, copies, params, dumps, table):
    clf = short(optimizer=optimizer, module__hidden=(256, 256), **params).fit(*table)
    n_bytes = sum(p.nbytes for p in clf.module_.parameters())
    # Adam keeps two averages of each weight's gradients.
    assert copies * n_bytes < len(dumps(clf)) < copies * n_bytes + 30_000


@pytest.mark.filterwarnings("ignore:.* of the samples are copies")
def test_training_set_is_not_stored(table):
    X, y = table
    few = short(method="ce").fit(X, y)
    many = short(method="ce").fit(X.repeat(50, axis=0), y.repeat(50))
    n_more = 49 * len(X)
    # One float32 for each row's label quality, and a few more batches of history.
    assert len(pickle.dumps(many)) - len(pickle.dumps(few)) < 4 * n_more + 40_000


@pytest.mark.filterwarnings("ignore:.* of the samples are copies")
def test_training_set_is_not_stored_by_a_method_that_stores_its_view(table):
    class Store(Method):
        def setup(self, net, y):
            self.nets = [net]

        def loss(self, logits, batch):
            return cross_entropy(logits, batch.target)

    X, y = (np.repeat(part, 100, axis=0) for part in table)
    clf = NoisyLabelClassifier(Store, max_epochs=1, module__hidden=(8,)).fit(X, y)
    assert len(cloudpickle.dumps(clf)) < X.nbytes
    with pytest.raises(RuntimeError, match="no training set outside of a training"):
        clf.method_.nets[0].n_rows


def test_loaded_model_can_be_cloned(table):
    clf = short(method=ELR(lam=2.0), method__beta=0.8, module__hidden=(8,)).fit(*table)
    loaded = clone(pickle.loads(pickle.dumps(clf)))
    assert not hasattr(loaded, "net_")
    assert_array_equal(loaded.fit(*table).predict_proba(table[0]), clf.predict_proba(table[0]))


# ---- on the screen ----------------------------------------------------------------------------


def test_repr_shows_what_differs_from_the_defaults():
    clf = NoisyLabelClassifier("elr", smoothing=-0.5, method__lam=2.0, optimizer__eps=1e-6)
    text = repr(clf)
    for part in ("method='elr'", "smoothing=-0.5", "method__lam=2.0", "optimizer__eps=1e-06"):
        assert part in text
    assert "max_epochs" not in text


def test_html_has_the_parameters_and_no_dead_links(table):
    """Links to a documentation site appear only if the package names one."""
    clf = NoisyLabelClassifier("elr", method__lam=2.0, max_epochs=1)
    for estimator in (clf, clf.fit(*table)):
        html = estimator._repr_html_()
        assert "sknoisy.NoisyLabelClassifier.html" not in html
        assert "method__lam" in html


def test_html_links_to_a_documentation_site_that_is_configured(monkeypatch):
    class Metadata:
        def get_all(self, name, default):
            return ["Source, https://example.org", "Documentation, https://docs.example.org/"]

    monkeypatch.setattr(classifier, "metadata", lambda package: Metadata())
    module, template = classifier._documentation_links()
    assert module == "sknoisy"
    assert template == "https://docs.example.org/generated/sknoisy.{estimator_name}.html"
