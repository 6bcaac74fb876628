"""A saved classifier comes back with every attribute; what cannot be stored is named."""

import pickle
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import EpochTimer
from skorch.exceptions import DeviceWarning
from torch import nn

from sknoisy import NoisyLabelClassifier, find_label_issues, load
from sknoisy.functional import RandAugment, cross_entropy
from sknoisy.methods import ELR, MAE, Method
from sknoisy.recipes import Steps
from tests.factories import NormedMLP, short


def saved(clf, folder, **given):
    clf.save(folder / "clf.sknoisy")
    return load(folder / "clf.sknoisy", **given)


def assert_same(a, b):
    """Both are of the same type and equal to the bit, through containers and records."""
    assert type(a) is type(b)
    if is_dataclass(a) and not isinstance(a, type):
        a, b = ({f.name: getattr(x, f.name) for f in fields(x)} for x in (a, b))
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, np.ndarray):
        assert_array_equal(a, b)
        assert a.dtype == b.dtype and a.flags.writeable
    elif isinstance(a, nn.Module):
        assert_same(a.state_dict(), b.state_dict())
        assert repr(a) == repr(b)
    elif isinstance(a, torch.Tensor):
        assert_array_equal(a, b)
    elif isinstance(a, pd.Index):
        pd.testing.assert_index_equal(a, b, exact=True)
    elif isinstance(a, np.random.RandomState):
        assert_same(a.get_state(), b.get_state())
    else:
        assert a == b or (a != a and b != b)


LABELS = {
    "int": np.array([3, 7, 9]),
    "negative": np.array([-5, 5, 15]),
    "text": np.array(["a", "bc", "ü"]),
    "objects": np.array(["a", "bc", "ü"], dtype=object),
    "bool": np.array([False, True]),
    "float": np.array([0.0, 1.0, 2.0]),
    "dates": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="M8[D]"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_every_attribute_comes_back_as_from_a_pickle(labels, table, tmp_path):
    X, y = table
    clf = short("bagging").fit(X, labels[y % len(labels)])
    clf.noise_report_.rate  # computed when it is first used
    both = pickle.loads(pickle.dumps(clf)), saved(clf, tmp_path)
    for estimator in both:
        for name in ("_lock", "callbacks_", "optimizer_", "virtual_params_"):
            del vars(estimator.net_)[name]
    states = [dict(sorted(vars(estimator.__dict__.pop("net_")).items())) for estimator in both]
    assert_same(*states)
    assert_same(*(dict(sorted(vars(estimator).items())) for estimator in both))


PARAMS = {
    "per class": {"smoothing": np.array([0.1, -0.1, 0.0])},
    "list": {"smoothing": [0.1, -0.1, 0.0]},
    "class weights": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    "views": {"augment": RandAugment(first=RandAugment(1))},
    "schedule": {"lr_schedule": Steps((0.5,), (0.1,))},
    "class of the optimizer": {"optimizer": torch.optim.Adamax, "optimizer__eps": 1e-7},
    "memory": {"optimizer": "lbfgs", "batch_size": -1, "max_epochs": 1},
    "class of the method": {"method": ELR, "method__lam": 1.0},
    "method": {"method": ELR(lam=1.0)},
    "matrix": {"method": "forward", "method__transition_matrix": np.eye(3) * 0.7 + 0.1},
    "generator": {"random_state": np.random.RandomState(3)},
    "device": {"device": torch.device("cpu")},
    "no callbacks": {"callbacks": "disable"},
    "empty callbacks": {"callbacks": []},
    "callback left out": {"callbacks__epoch_timer": None},
    "NumPy": {"lr": np.float64(0.01), "batch_size": np.int64(16)},
    "sizes": {"module__hidden": (8, 8), "module__bins": 2},
    "float64": {"precision": "float64"},
    "mixed": {"precision": "bf16-mixed"},
}


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
@pytest.mark.parametrize("fitted", [False, True])
def test_parameters_come_back(params, fitted, table, tmp_path):
    X, y = table
    if "augment" in params:
        X = np.tile(X[:, :, None, None], (1, 1, 4, 4))[:, :1]
    clf = short(**params)
    if fitted:
        clf.fit(X, y)
    loaded = saved(clf, tmp_path)
    expected, actual = clf.get_params(deep=False), loaded.get_params(deep=False)
    for name in ("method",):
        assert repr(actual.pop(name)) == repr(expected.pop(name))
    assert_same(actual, expected)
    classes = np.unique(y)
    assert_array_equal(
        loaded.partial_fit(X, y, classes=classes).predict_proba(X),
        clf.partial_fit(X, y, classes=classes).predict_proba(X),
    )


def test_row_and_column_names_come_back(table, tmp_path):
    X, y = table
    names = [f"row {i}" for i in range(len(X))]
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"], index=names)
    clf = short("bagging").fit(frame, y)
    loaded = saved(clf, tmp_path)
    assert_array_equal(loaded.feature_names_in_, frame.columns)
    assert_array_equal(loaded.predict_proba(frame), clf.predict_proba(frame))
    assert_array_equal(find_label_issues(loaded, y), find_label_issues(clf, y))


def test_images_and_channels_last_come_back(images, tmp_path):
    X, y = np.moveaxis(images[0].repeat(3, axis=1), 1, -1), images[1]
    clf = short(module__widths=(4,), image_size=6).fit(X, y)
    assert_array_equal(saved(clf, tmp_path).predict_proba(X), clf.predict_proba(X))


@pytest.mark.skipif(not hasattr(sklearn, "config_context"), reason="no metadata routing")
def test_metadata_requests_come_back(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        clf = short().set_fit_request(sample_weight=True, trusted="mask")
        clf.set_score_request(sample_weight=False)
        loaded = saved(clf, tmp_path)
        assert str(loaded.get_metadata_routing()) == str(clf.get_metadata_routing())


def test_column_transform_comes_back(table, tmp_path):
    X, y = table
    X = np.hstack([X.astype(float), 1e9 + X[:, :1], np.ones((len(X), 1))])
    clf = short().fit(X, y)
    assert clf.net_.columns_ is not None
    assert_array_equal(saved(clf, tmp_path).predict_proba(X), clf.predict_proba(X))


# ---- the user's own code ------------------------------------------------------------------------


class Squares(Method):
    """A method with parameters, and with state in buffers and attributes."""

    per_sample = True

    def __init__(self, factor=1.0):
        self.factor = factor

    def setup(self, net, y):
        self.register_buffer("seen", torch.zeros(len(y)))
        self.bias = nn.Parameter(torch.zeros(()))
        self.counts = {"batches": 0, 3: [0.5]}

    def loss(self, logits, batch):
        self.seen[batch.index] += 1
        self.counts["batches"] += 1
        return self.factor * cross_entropy(logits + self.bias, batch.target)


class WithHead(Squares):
    def setup(self, net, y):
        super().setup(net, y)
        self.head = nn.Linear(2, 2)


def frozen_start():
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    network[0].requires_grad_(False)
    return network


@pytest.mark.parametrize("method", ["ce", "co_teaching"])
@pytest.mark.parametrize(
    "module", [NormedMLP, frozen_start, frozen_start(), lambda n_out: frozen_start()]
)
def test_a_network_of_ones_own_is_passed_to_load(module, method, table, tmp_path):
    X, y = table
    clf = short(method, module=module).fit(X, y)
    with pytest.raises(TypeError, match=r"The 'module' parameter of load must be given.*code of "):
        saved(clf, tmp_path)
    loaded = saved(clf, tmp_path, module=module)
    assert loaded.module is module
    for _ in range(2):
        assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
        assert_same(loaded.module_, clf.module_)
        trained = [[p.requires_grad for p in c.module_.parameters()] for c in (loaded, clf)]
        assert trained[0] == trained[1]
        loaded.partial_fit(X, y)
        clf.partial_fit(X, y)


@pytest.mark.parametrize("method", [Squares, Squares(factor=2.0)])
def test_a_method_of_ones_own_is_passed_to_load(method, table, tmp_path):
    X, y = table
    clf = short(method).fit(X, y)
    with pytest.raises(TypeError, match=r"'method' parameter .* must be given.*method=Squares"):
        saved(clf, tmp_path)
    loaded = saved(clf, tmp_path, method=Squares)
    assert repr(loaded) == repr(clf)
    for _ in range(2):
        assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
        assert loaded.method_.counts == clf.method_.counts
        assert_array_equal(loaded.method_.seen, clf.method_.seen)
        loaded.partial_fit(X, y)
        clf.partial_fit(X, y)


def test_a_part_that_the_file_does_not_name_is_refused(table, tmp_path):
    clf = short().fit(*table)
    for part, value in (("module", NormedMLP), ("method", Squares)):
        with pytest.raises(TypeError, match=f"The '{part}' parameter of load must be None"):
            saved(clf, tmp_path, **{part: value})


@pytest.mark.parametrize(
    "given, match",
    [
        ({"module": 3, "method": Squares}, "'module' parameter of load must be a class"),
        ({"module": NormedMLP, "method": "elr"}, "'method' parameter of load must be a subclass"),
        ({"module": NormedMLP, "method": nn.Linear}, "'method' parameter of load must be a sub"),
        (
            {"module": NormedMLP, "method": MAE},
            "'method' parameter of load must be the class Squares",
        ),
    ],
)
def test_parts_of_a_wrong_type_are_refused(given, match, table, tmp_path):
    clf = short(Squares, module=NormedMLP).fit(*table)
    with pytest.raises(TypeError, match=match):
        saved(clf, tmp_path, **given)


def test_another_network_is_refused(table, tmp_path):
    clf = short(module=NormedMLP).fit(*table)
    with pytest.raises(ValueError, match=r"(?s)cannot be loaded\. RuntimeError: .*key"):
        saved(clf, tmp_path, module=lambda n_in, n_out: frozen_start())


@pytest.mark.parametrize(
    "params, name",
    [
        ({"callbacks": [EpochTimer()]}, "callbacks"),
        ({"augment": torch.clone}, "augment"),
        ({"lr_schedule": lambda progress: 1.0}, "lr_schedule"),
        ({"optimizer": lambda params, lr: torch.optim.SGD(params, lr)}, "optimizer"),
        ({"module": NormedMLP, "module__width": torch.tensor(4)}, "module__width"),
        (
            {"method": "forward", "method__transition_matrix": pd.DataFrame(np.eye(3))},
            "method__transition_matrix",
        ),
    ],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_parameters_that_are_code_are_named(params, name, fitted, table, tmp_path):
    clf = short(**params)
    if fitted:
        clf.fit(*table)
    (tmp_path / "clf.sknoisy").write_bytes(b"old")
    with pytest.raises(TypeError, match=rf"(?s)^The '{name}' parameter cannot .* or skops\.$"):
        clf.save(tmp_path / "clf.sknoisy")
    assert (tmp_path / "clf.sknoisy").read_bytes() == b"old"


@pytest.mark.parametrize(
    "params",
    [
        {"callbacks": [EpochTimer()]},
        {"augment": torch.clone},
        {"lr_schedule": lambda progress: 1.0},
    ],
)
def test_code_that_predictions_do_not_need_can_be_taken_away(params, table, tmp_path):
    clf = short(**params).fit(*table)
    clf.set_params(**dict.fromkeys(params))
    loaded = saved(clf, tmp_path)
    assert_array_equal(loaded.predict_proba(table[0]), clf.predict_proba(table[0]))
    assert loaded.partial_fit(*table).n_iter_ == 5


def test_state_of_a_method_that_is_code_is_named(table, tmp_path):
    clf = short(WithHead).fit(*table)
    with pytest.raises(TypeError, match=r"The attribute 'method' of net_ cannot.*\['head'\]"):
        clf.save(tmp_path / "clf.sknoisy")


def test_parts_that_were_changed_after_the_fit_are_named(table, tmp_path):
    clf = short(module=NormedMLP).fit(*table).set_params(module=frozen_start)
    with pytest.raises(TypeError, match=r"The 'module' parameter cannot.*changed after the fit"):
        clf.save(tmp_path / "clf.sknoisy")


def test_other_attributes_are_named(table, tmp_path):
    clf = short().fit(*table)
    clf.mine = print
    with pytest.raises(TypeError, match="The attribute 'mine' cannot be stored"):
        clf.save(tmp_path / "clf.sknoisy")
    del clf.mine
    clf.net_.mine = 3
    with pytest.raises(TypeError, match="The attribute 'mine' of net_ cannot be stored"):
        clf.save(tmp_path / "clf.sknoisy")


def test_a_subclass_is_refused(tmp_path):
    class Own(NoisyLabelClassifier):
        pass

    with pytest.raises(TypeError, match=r"save\(\) cannot store Own"):
        Own().save(tmp_path / "clf.sknoisy")


# ---- devices and sizes --------------------------------------------------------------------------


def test_a_classifier_of_an_absent_device_is_loaded_to_the_cpu(table, tmp_path, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA")
    clf = short("elr").fit(*table)
    expected = clf.predict_proba(table[0])
    monkeypatch.setitem(vars(clf.net_), "device", "cuda:1")
    monkeypatch.setitem(vars(clf.net_), "random_state_", {**clf.net_.random_state_, "cuda": [0]})
    with pytest.warns(DeviceWarning, match="cpu"):
        loaded = saved(clf, tmp_path)
    assert_array_equal(loaded.predict_proba(table[0]), expected)
    assert loaded.partial_fit(*table).n_iter_ == 5


@pytest.mark.gpu
@pytest.mark.parametrize("method", ["ce", "elr", "bagging", "distilled_pool"])
def test_a_classifier_on_cuda_comes_back(method, table, tmp_path):
    clf = short(method, device="cuda").fit(*table)
    loaded = saved(clf, tmp_path)
    assert loaded.net_.device == clf.net_.device
    assert_array_equal(loaded.predict_proba(table[0]), clf.predict_proba(table[0]))


def test_a_network_with_too_many_layers_is_refused(table, tmp_path, monkeypatch):
    clf = short("bagging", method__n_networks=3, module__hidden=(2, 2, 2)).fit(*table)
    monkeypatch.setattr("sknoisy._training.model_file._MAX_LAYERS", 11)
    with pytest.raises(ValueError, match=r"cannot be loaded.*more than 11 layers: 3 times 4"):
        saved(clf, tmp_path)


def test_moments_of_another_shape_are_refused(table, tmp_path):
    """Fused kernels do not check them."""
    clf = short().fit(*table)
    moments = clf.net_.optimizer_.state[next(clf.module_.parameters())]
    moments["exp_avg"] = moments["exp_avg"][:1].clone()
    with pytest.raises(ValueError, match="exp_avg of the optimizer has another shape"):
        saved(clf, tmp_path)
