"""The vectorised search gives the results of a grid search, but for rounding."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy import SmoothingSearchCV
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ClassLoss
from sknoisy.networks import MLP
from tests.factories import mostly_slow
from tests.search.helpers import (
    RATES,
    STOPPING,
    Normalised,
    X,
    assert_equivalent,
    changed_mlp,
    double,
    y,
)


class Temperature(ClassLoss):
    """A loss that a user defines."""

    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def class_losses(self, logits):
        return class_cross_entropy(logits / self.temperature)


SETTINGS = {
    "default": {},
    "gce": {"method": "gce"},
    "sce": {"method": "sce"},
    "bi-tempered": {"method": "bi_tempered"},
    "confidence penalty": {"method": "confidence_penalty", "method__beta": 0.3},
    "user's loss": {"method": Temperature(2.0), "warmup": 1},
    "dropout": {"module__dropout": 0.3, "module__hidden": (16, 8), "module__bins": 3},
    "linear": {"module__hidden": ()},
    "early stopping": STOPPING,
    "label wave": {**STOPPING, "early_stopping": "label_wave", "max_epochs": 12},
    "early stopping and batch norm": {**STOPPING, "module": Normalised},
    "stops in warm-up": {**STOPPING, "n_iter_no_change": 1, "max_epochs": 12, "warmup": 6},
    "only warm-up": {**STOPPING, "n_iter_no_change": 1, "max_epochs": 4, "warmup": 4},
    "class weights": {"class_weight": "balanced", "lr_schedule": "cosine"},
    "sgd": {"optimizer": "sgd", "optimizer__momentum": 0.9, "lr": 0.1},
    "adamw": {"optimizer": "adamw", "optimizer__weight_decay": 0.1, "batch_size": -1},
    "parameter groups": {"optimizer__param_groups": [("1.*", {"lr": 1e-4})]},
    "no bound": {"warmup": 0.5, "logit_bound": None},
    "bound": {"logit_bound": 3.0},
    "batch norm": {"module": Normalised},
    "module instance": {"module": Normalised(64, 10)},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    mostly_slow(SETTINGS, fast=("default", "early stopping and batch norm", "user's loss")),
)
def test_results_are_those_of_a_grid_search(params):
    assert_equivalent(double(**params))


@pytest.mark.gpu
@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True, "n_iter_no_change": 2}, {"module__dropout": 0.3}],
    ids=["default", "early stopping", "dropout"],
)
def test_results_on_a_gpu_are_those_of_a_grid_search(params):
    assert_equivalent(double(device="cuda", **params))


def test_float32_differs_only_by_rounding():
    search = SmoothingSearchCV(double(precision="float32"), RATES, cv=3).fit(X, y)
    expected = GridSearchCV(double(precision="float32"), {"smoothing": RATES}, cv=3).fit(X, y)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_allclose(
            search.cv_results_[key], expected.cv_results_[key], atol=1.01 / (len(y) // 3)
        )


@pytest.mark.slow
def test_images_give_the_same_results():
    images = X.reshape(-1, 1, 8, 8)
    assert_equivalent(double(max_epochs=2, module__dropout=0.1), rates=[-1, 0.2], X=images)


def test_rates_can_be_one_per_class():
    rates = [0.1, np.linspace(-1, 0.5, 10)]
    search = SmoothingSearchCV(double(), rates, cv=3, refit=False).fit(X, y)
    for i, rate in enumerate(rates):
        alone = GridSearchCV(double(smoothing=rate), {"max_epochs": [4]}, cv=3, refit=False)
        expected = alone.fit(X, y).cv_results_["mean_test_score"][0]
        assert search.cv_results_["mean_test_score"][i] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("gce", {"q": [0.2, 0.7, 1.0]}),
        ("js", {"label_weight": [0.3, 0.9]}),
        ("jal", {"scale": [2.0, 30.0]}),
        ("anl", {"beta": [0.0, 5.0]}),
        ("bi_tempered", {"t1": [0.2, 1.0], "t2": [1.0, 1.5]}),
    ],
)
def test_parameters_of_a_loss_can_be_searched(method, values):
    grid = {f"method__{name}": numbers for name, numbers in values.items()}
    assert_equivalent(double(method), rates=[-1, 0], param_grid=grid)


@pytest.mark.slow
def test_parameters_of_a_loss_of_a_user_can_be_searched():
    clf = double(Temperature, warmup=0)
    assert_equivalent(clf, rates=[0, 0.3], param_grid={"method__temperature": [0.5, 2.0]})


def test_candidates_learn_soft_labels():
    from sknoisy.search._fit import fit_candidates

    soft = np.random.default_rng(0).dirichlet(np.full(10, 0.2), len(X))
    trained = fit_candidates([double(smoothing=rate) for rate in RATES], X, soft)
    for clf, rate in zip(trained, RATES, strict=True):
        alone = double(smoothing=rate).fit(X, soft)
        assert_allclose(clf.predict_proba(X), alone.predict_proba(X), atol=1e-10)


def test_candidates_have_all_fitted_attributes():
    from sknoisy.search._fit import fit_candidates

    weight = np.where(np.arange(len(y)) % 7, 1.0, 0.0)
    settings = {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 8}
    trained = fit_candidates(
        [double(smoothing=r, **settings) for r in RATES], X, y, sample_weight=weight
    )
    for clf, rate in zip(trained, RATES, strict=True):
        alone = double(smoothing=rate, **settings).fit(X, y, weight)
        assert clf.n_iter_ == alone.n_iter_
        assert clf.smoothing_ == alone.smoothing_
        assert_allclose(clf.label_quality_, alone.label_quality_, atol=1e-6)
        for column in ("train_loss", "valid_loss", "valid_acc"):
            assert_allclose(clf.history_[:, column], alone.history_[:, column], atol=1e-10)
        assert_allclose(
            pickle.loads(pickle.dumps(clf)).predict_proba(X), alone.predict_proba(X), atol=1e-10
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize(
    "layers",
    [
        {"_2": nn.Tanh()},
        {"_2": nn.BatchNorm1d(12)},
        {"_3": nn.Dropout(0.5)},
        {"_6": nn.Identity()},
        {"_1": nn.Linear(64, 12, bias=False)},
        {"_1": nn.utils.parametrizations.weight_norm(nn.Linear(64, 12))},
    ],
    ids=["tanh", "batch norm", "dropout", "identity", "no bias", "weight norm"],
)
def test_changed_mlps_give_the_same_results(layers):
    assert_equivalent(double(module=changed_mlp(**layers)), tolerance=1e-8)


@pytest.mark.slow
def test_tied_layers_give_the_same_results():
    network = MLP(64, 10, (12, 12, 12)).double()
    network[5].weight = network[3].weight
    assert_equivalent(double(module=network), tolerance=1e-8)


@pytest.mark.slow
def test_added_layers_give_the_same_results():
    network = MLP(64, 10, (12,)).double()
    network.append(nn.Linear(10, 10).double())
    assert_equivalent(double(module=network), tolerance=1e-8)


@pytest.mark.filterwarnings("ignore:.*bfloat16")
def test_mixed_precision_gives_similar_scores():
    params = {"precision": "bf16-mixed", "max_epochs": 2}
    search = SmoothingSearchCV(double(**params), RATES, cv=3).fit(X, y)
    expected = GridSearchCV(double(**params), {"smoothing": RATES}, cv=3).fit(X, y)
    assert_allclose(
        search.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"], atol=0.1
    )
