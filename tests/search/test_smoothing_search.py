"""The search over rates finds what a grid search finds, and is one in every other way."""

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
from skorch.callbacks import GradientNormClipping
from torch import nn

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.functional import class_cross_entropy
from sknoisy.methods import ClassLoss
from sknoisy.networks import MLP
from sknoisy.plots import SmoothingCurveDisplay
from sknoisy.search import _candidates, _fold, _vectorized, one_standard_error
from tests.factories import Branching, mostly_slow, noisy_digits, short

rng = np.random.default_rng(0)
X, y = noisy_digits(207)
WEIGHT = rng.random(len(y)) + 0.1
RATES = [-2.0, -0.5, 0.0, 0.4]


def double(method="ce", **params):
    """Make a classifier that computes in double precision, so that two searches agree closely."""
    return short(method, **{"precision": "float64", **params})


class Proba:
    """A scorer that keeps the probabilities it was shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, estimator, X, y):
        self.seen.append(estimator.predict_proba(X))
        return estimator.score(X, y)


def assert_alike(estimator, prefix="", rates=RATES, tolerance=1e-10, fit=None, X=X, y=y, **params):
    """Both searches see the same probabilities, to rounding, and draw the same conclusions."""
    ours, theirs = Proba(), Proba()
    params = {"cv": 3, **params}
    search = SmoothingSearchCV(estimator, rates, scoring=ours, **params).fit(X, y, **(fit or {}))
    grid = {prefix + "smoothing": rates, **params.pop("param_grid", {})}
    plain = GridSearchCV(estimator, grid, scoring=theirs, **params).fit(X, y, **(fit or {}))
    assert len(ours.seen) == len(theirs.seen)
    for p, q in zip(ours.seen, theirs.seen, strict=True):
        assert_allclose(p, q, rtol=0, atol=tolerance)
    assert search.cv_results_.keys() == plain.cv_results_.keys()
    for key, values in plain.cv_results_.items():
        if "time" not in key:
            assert_array_equal(search.cv_results_[key], values)
    assert search.best_params_ == plain.best_params_
    assert search.best_score_ == plain.best_score_
    assert_array_equal(search.predict(X), plain.predict(X))
    return search


# ---- the same answer -----------------------------------------------------------------------------


class Normalised(nn.Module):
    """What vmap has to follow: batch statistics, and dropout."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.first = nn.Linear(n_in, 12, bias=False)
        self.rest = nn.Sequential(
            nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, n_out)
        )

    def forward(self, x):
        return self.rest(self.first(x / 16))


class Temperature(ClassLoss):
    """A loss of one's own."""

    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def class_losses(self, logits):
        return class_cross_entropy(logits / self.temperature)


STOPPING = {"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 9}
SETTINGS = {
    "default": {},
    "gce": {"method": "gce"},
    "sce": {"method": "sce"},
    "confidence penalty": {"method": "confidence_penalty", "method__beta": 0.3},
    "user's loss": {"method": Temperature(2.0), "warmup": 1},
    "dropout": {"module__dropout": 0.3, "module__hidden": (16, 8), "module__bins": 3},
    "linear": {"module__hidden": ()},
    "early stopping": STOPPING,
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


@pytest.mark.parametrize(
    "params",
    mostly_slow(SETTINGS, fast=("default", "early stopping and batch norm", "user's loss")),
)
def test_results_are_those_of_a_grid_search(params):
    assert_alike(double(**params))


GROUPED = {"dropout": {**STOPPING, "module__dropout": 0.2}, "batch norm": {"module": Normalised}}


@pytest.mark.slow
@pytest.mark.parametrize("params", GROUPED.values(), ids=GROUPED)
def test_groups_that_fit_memory(monkeypatch, params):
    sizes = []
    monkeypatch.setattr(_vectorized, "free_memory", lambda device: 1.0)
    monkeypatch.setattr(_vectorized, "stack_networks", noted(_vectorized.stack_networks, sizes))
    assert_alike(double(**params))
    assert sizes == [1] * 12


@pytest.mark.slow
@pytest.mark.parametrize("params", GROUPED.values(), ids=GROUPED)
def test_too_many_for_the_memory_are_halved(monkeypatch, params):
    sizes = []
    monkeypatch.setattr(_vectorized, "stack_networks", noted(_vectorized.stack_networks, sizes))
    train = _vectorized.GroupTraining._train_epoch

    def limited(self, loader, epoch):
        train(self, loader, epoch)
        if epoch == 1 and len(self.active.members) > 2:
            raise torch.OutOfMemoryError

    monkeypatch.setattr(_vectorized.GroupTraining, "_train_epoch", limited)
    assert_alike(double(**params))
    assert sizes == [12, 6, 3, 2, 2, 2, 2, 2, 2]


@pytest.mark.gpu
@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True, "n_iter_no_change": 2}, {"module__dropout": 0.3}],
    ids=str,
)
def test_on_a_gpu(params):
    assert_alike(double(device="cuda", **params))


@pytest.fixture
def at_once(monkeypatch):
    """How many networks each group had."""
    sizes = []
    monkeypatch.setattr(_vectorized, "stack_networks", noted(_vectorized.stack_networks, sizes))
    return sizes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "groups"),
    [
        ({}, [12]),
        ({"batch_size": -1}, [12]),
        ({"module__bins": 3}, [12]),
        # 138 = 4 * 34 + 2 rows, in a fold less and no step for them.
        ({"batch_size": 34}, [12]),
        ({"early_stopping": True, "n_iter_no_change": 2, "max_epochs": 9}, [12]),
        ({"module__dropout": 0.3}, [12]),
        ({"module": Normalised}, [12]),
        ({"module": Normalised, "early_stopping": True, "max_epochs": 9}, [12]),
    ],
    ids=str,
)
def test_all_folds_at_once(at_once, params, groups):
    assert_alike(double(**params))
    assert at_once == groups


UNEQUAL = [(np.arange(n, len(y)), np.arange(n)) for n in (60, 62, 66, 100)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "groups"),
    [
        # Batches of 32: 147, 145 and 141 rows make five steps, 107 rows four.
        ({}, [12, 4]),
        ({"early_stopping": True, "validation_fraction": 0.2, "max_epochs": 9}, [12, 4]),
        # Where rows of a batch see each other, or networks draw, nothing may fill up a batch.
        ({"module__dropout": 0.3}, [4, 4, 4, 4]),
        ({"module": Normalised}, [4, 4, 4, 4]),
    ],
    ids=str,
)
def test_folds_of_unequal_size(at_once, params, groups):
    assert_alike(double(**params), cv=UNEQUAL)
    assert at_once == groups


@pytest.mark.slow
def test_folds_at_once_are_cut_as_a_grid_search_cuts_them(at_once):
    pipeline = make_pipeline(StandardScaler(), PCA(20, random_state=0), double())
    fit = {"noisylabelclassifier__sample_weight": WEIGHT}
    assert_alike(pipeline, "noisylabelclassifier__", fit=fit)
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    assert_alike(double(), X=frame, y=np.array(list("abcdefghij"))[y])
    drawn = {"random_state": np.random.RandomState(0)}
    assert_alike(double(**drawn), X=csr_array(X), cv=KFold(3, shuffle=True, random_state=0))
    with config_context(enable_metadata_routing=True):
        clf = double().set_fit_request(sample_weight=True)
        fit = {"sample_weight": WEIGHT, "groups": np.arange(len(y)) % 6}
        assert_alike(clf, fit=fit, cv=GroupKFold(3))
    assert set(at_once) == {12}


@pytest.mark.slow
def test_folds_at_once_in_threads_and_groups(at_once, monkeypatch):
    search = SmoothingSearchCV(double(), RATES, cv=3, n_jobs=5).fit(X, y)
    assert sorted(at_once) == [2, 2, 2, 3, 3]
    monkeypatch.setattr(_vectorized.VectorizedTraining, "_n_that_fit", lambda self: 5)
    assert_alike(double(early_stopping=True, n_iter_no_change=1, max_epochs=5))
    assert at_once[5:] == [5, 5, 2]
    SmoothingSearchCV(double(), RATES, cv=3, n_jobs=2).fit(X, y)
    assert sorted(at_once[8:]) == [1, 1, 5, 5]
    assert (search.cv_results_["mean_fit_time"] > 0).all()


@pytest.mark.slow
def test_the_last_that_trains_sees_its_own_rows_as_they_are(at_once, monkeypatch):
    """That of the second fold goes on; columns of the first are on another scale, labels chance."""
    scaled, mixed = X.copy(), noisy_digits(207, noise_rate=0)[1]
    scaled[:100] = 1000 * scaled[:100] + 5
    mixed[:100] = np.random.default_rng(1).integers(10, size=100)
    active, drop = [], _vectorized.GroupTraining._drop_stopped

    def noting(self):
        active.append([self.folds.index(member.fold) for member in self.active.members])
        drop(self)

    monkeypatch.setattr(_vectorized.GroupTraining, "_drop_stopped", noting)
    cv = [(np.arange(100), np.arange(100, 207)), (np.arange(107, 207), np.arange(107))]
    clf = double(early_stopping=True, n_iter_no_change=3, max_epochs=30, lr=0.001)
    assert_alike(clf, rates=[0.0], X=scaled, y=mixed, cv=cv)
    assert active.count([1]) > 2


class OfTheBatch(nn.Module):
    """What it says of a row depends on the others, in evaluation too."""

    def __init__(self, n_in, n_out):
        super().__init__()
        norm = nn.BatchNorm1d(12, track_running_stats=False)
        self.layers = nn.Sequential(nn.Linear(n_in, 12), norm, nn.ReLU(), nn.Linear(12, n_out))

    def forward(self, x):
        return self.layers(x / 16)


@pytest.mark.slow
def test_folds_that_hold_out_unequal_parts(at_once):
    """Of 100 rows and of 101 are 90 to train on."""
    cv = [(np.arange(n), np.arange(n, len(y))) for n in (100, 101)]
    assert_alike(double(module=OfTheBatch, early_stopping=True, max_epochs=9), cv=cv)
    assert at_once == [4, 4]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_an_error_after_training_is_of_one(at_once, monkeypatch):
    finish, finished = _fold.Fold.finish, []

    def broken(self, member):
        finished.append(member)
        if len(finished) == 2:
            raise RuntimeError("broken")
        finish(self, member)

    monkeypatch.setattr(_fold.Fold, "finish", broken)
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 12"):
        SmoothingSearchCV(double(), RATES, cv=3).fit(X, y)
    assert at_once == [12]


def test_rows_by_masks_and_from_behind(at_once):
    mask = np.arange(len(y)) % 3 > 0
    cv = [(mask, np.flatnonzero(~mask)), (np.arange(-len(y), -69), np.arange(-69, 0))]
    assert_alike(double(), cv=cv)
    assert at_once == [8]


def test_a_system_that_does_not_tell_its_memory(at_once, monkeypatch):
    monkeypatch.setattr(_vectorized, "free_memory", lambda device: float("inf"))
    SmoothingSearchCV(double(max_epochs=1), RATES, cv=3).fit(X, y)
    assert at_once == [12]


@pytest.mark.slow
def test_folds_one_by_one_where_memory_is_short(at_once, monkeypatch):
    frame = pd.DataFrame(X)
    for rows in (X, csr_array(X), frame):
        n_bytes = _candidates._n_bytes(rows)
        assert n_bytes > 10_000
        monkeypatch.setattr(_candidates, "free_memory", lambda device, n=n_bytes: 11.0 * n)
        assert_alike(double(max_epochs=2), X=rows)
    assert at_once == [4, 4, 4] * 3


def test_a_fold_without_room_trains_when_it_is_asked_for(at_once, monkeypatch):
    fold, asked = _candidates.Fold, []

    def crowded(*args, **params):
        asked.append(1)
        if len(asked) in (2, 3):
            raise MemoryError
        return fold(*args, **params)

    monkeypatch.setattr(_candidates, "Fold", crowded)
    assert_alike(double())
    assert at_once == [4, 8]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_fold_that_fails_leaves_the_others(at_once):
    twice = y.copy()
    twice[:60] = 3
    # All labels of the first fold are one.
    cv = [(np.arange(60), np.arange(60, 207)), *UNEQUAL]
    with pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 20"):
        search = SmoothingSearchCV(double(), RATES, cv=cv, refit=False).fit(X, twice)
    assert at_once == [12, 4]
    assert np.isnan(search.cv_results_["split0_test_score"]).all()
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


def test_a_start_for_all_folds(at_once):
    search = SmoothingSearchCV(double(random_state=None, module__dropout=0.2), RATES, cv=3)
    search.fit(X, y)
    assert at_once == [12]
    assert search.best_estimator_.random_state is None


def noted(stack_of, sizes):
    def make_noted(networks, *others):
        sizes.append(len(networks))
        return stack_of(networks, *others)

    return make_noted


def test_one_that_does_not_fit_at_all_says_so(monkeypatch):
    def full(self, loader, epoch):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(_vectorized.GroupTraining, "_train_epoch", full)
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        SmoothingSearchCV(double(), RATES, cv=3, error_score="raise").fit(X, y)


def test_float32_differs_by_rounding_only():
    search = SmoothingSearchCV(double(precision="float32"), RATES, cv=3).fit(X, y)
    plain = GridSearchCV(double(precision="float32"), {"smoothing": RATES}, cv=3).fit(X, y)
    for fold in range(3):
        key = f"split{fold}_test_score"
        assert_allclose(search.cv_results_[key], plain.cv_results_[key], atol=1.01 / (len(y) // 3))


@pytest.mark.slow
def test_images():
    images = X.reshape(-1, 1, 8, 8)
    assert_alike(double(max_epochs=2, module__dropout=0.1), rates=[-1, 0.2], X=images)


def test_a_rate_for_each_class():
    rates = [0.1, np.linspace(-1, 0.5, 10)]
    search = SmoothingSearchCV(double(), rates, cv=3, refit=False).fit(X, y)
    for place, rate in enumerate(rates):
        alone = GridSearchCV(double(smoothing=rate), {"max_epochs": [4]}, cv=3, refit=False)
        found = alone.fit(X, y).cv_results_["mean_test_score"][0]
        assert search.cv_results_["mean_test_score"][place] == found


@pytest.mark.slow
def test_numbers_of_the_loss():
    assert_alike(double("gce"), rates=[-1, 0], param_grid={"method__q": [0.2, 0.7, 1.0]})
    own = double(Temperature, warmup=0)
    assert_alike(own, rates=[0, 0.3], param_grid={"method__temperature": [0.5, 2.0]})


def test_soft_labels_cannot_be_scored_but_are_trained_on():
    from sknoisy.search._fit import fit_candidates

    soft = rng.dirichlet(np.full(10, 0.2), len(X))
    trained = fit_candidates([double(smoothing=rate) for rate in RATES], X, soft)
    for clf, rate in zip(trained, RATES, strict=True):
        alone = double(smoothing=rate).fit(X, soft)
        assert_allclose(clf.predict_proba(X), alone.predict_proba(X), atol=1e-10)


def test_all_that_a_fit_leaves():
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


def edited(**layers):
    """An MLP that somebody has changed."""
    network = MLP(64, 10, (12, 8), dropout=0.2)
    for place, layer in layers.items():
        network[int(place[1:])] = layer
    return network.double()


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
    ids=str,
)
def test_an_mlp_that_was_changed_is_trained_as_it_is(layers):
    assert_alike(double(module=edited(**layers)), tolerance=1e-8)


@pytest.mark.slow
def test_tied_layers():
    network = MLP(64, 10, (12, 12, 12)).double()
    network[5].weight = network[3].weight
    assert_alike(double(module=network), tolerance=1e-8)


@pytest.mark.slow
def test_layers_that_were_added():
    network = MLP(64, 10, (12,)).double()
    network.append(nn.Linear(10, 10).double())
    assert_alike(double(module=network), tolerance=1e-8)


@pytest.mark.filterwarnings("ignore:.*bfloat16")
def test_mixed_precision():
    params = {"precision": "bf16-mixed", "max_epochs": 2}
    search = SmoothingSearchCV(double(**params), RATES, cv=3).fit(X, y)
    plain = GridSearchCV(double(**params), {"smoothing": RATES}, cv=3).fit(X, y)
    assert_allclose(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], atol=0.1
    )


def test_a_rate_that_does_not_suit_a_fold_fails_alone():
    rates = [np.zeros(9), 0.1]
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        search = SmoothingSearchCV(double(), rates, cv=3, error_score=-1.0).fit(X, y)
    alone = GridSearchCV(double(), {"smoothing": [0.1]}, cv=3).fit(X, y)
    assert search.cv_results_["mean_test_score"].tolist() == [
        -1.0,
        alone.cv_results_["mean_test_score"][0],
    ]


def test_folds_of_all_rows():
    everything = np.arange(len(y))
    search = SmoothingSearchCV(double(), RATES, cv=[(everything, everything)] * 2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_fit_time"]).all()


# ---- a grid search in every other way ------------------------------------------------------------


@pytest.mark.slow
def test_steps_before_it_see_their_fold_only():
    pipeline = make_pipeline(StandardScaler(), PCA(20, random_state=0), double())
    search = assert_alike(pipeline, "noisylabelclassifier__")
    assert set(search.best_params_) == {"noisylabelclassifier__smoothing"}
    assert search.best_estimator_[-1].smoothing == search.best_params_.popitem()[1]
    nested = make_pipeline(StandardScaler(), make_pipeline(PCA(20, random_state=0), double()))
    assert_alike(nested, "pipeline__noisylabelclassifier__")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight")
def test_weights():
    assert_alike(double(), fit={"sample_weight": WEIGHT})
    pipeline = make_pipeline(StandardScaler(), double())
    fit = {"noisylabelclassifier__sample_weight": WEIGHT}
    assert_alike(pipeline, "noisylabelclassifier__", fit=fit)


def test_scores_are_weighted_as_in_a_grid_search():
    ours = SmoothingSearchCV(double(), RATES, cv=3).fit(X, y, sample_weight=WEIGHT)
    theirs = GridSearchCV(double(), {"smoothing": RATES}, cv=3).fit(X, y, sample_weight=WEIGHT)
    for key in ("mean_test_score", "std_test_score"):
        assert_allclose(ours.cv_results_[key], theirs.cv_results_[key])
    assert ours.scorer_(ours, X, y) == ours.score(X, y) == theirs.score(X, y)


@pytest.mark.slow
def test_routed_weights_and_groups():
    with config_context(enable_metadata_routing=True):
        clf = double().set_fit_request(sample_weight=True)
        groups = np.arange(len(y)) % 5
        fit = {"sample_weight": WEIGHT, "groups": groups}
        assert_alike(clf, fit=fit, cv=GroupKFold(3))
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), clf)
        assert_alike(pipeline, "noisylabelclassifier__", fit=fit, cv=GroupKFold(3))
        weighed = double().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        ours = SmoothingSearchCV(weighed, RATES, cv=3).fit(X, y, sample_weight=WEIGHT)
        theirs = GridSearchCV(weighed, {"smoothing": RATES}, cv=3).fit(X, y, sample_weight=WEIGHT)
        for key in ("mean_test_score", "std_test_score"):
            assert_array_equal(ours.cv_results_[key], theirs.cv_results_[key])


def test_what_is_not_requested_is_refused_and_aliases_are_known():
    with config_context(enable_metadata_routing=True):
        unset = [double(), double().set_fit_request(sample_weight=True)]
        for clf in unset:
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


def test_several_scores_and_train_scores():
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


def test_scorers_see_the_estimator_itself():
    kinds = set()

    def scoring(estimator, X, y):
        kinds.add((type(estimator), type(estimator[-1]), estimator[-1].net_.history[-1, "epoch"]))
        return 0.0

    pipeline = make_pipeline(StandardScaler(), double())
    SmoothingSearchCV(pipeline, RATES, cv=2, scoring=scoring).fit(X, y)
    assert kinds == {(type(pipeline), NoisyLabelClassifier, 4)}


@pytest.mark.slow
def test_frames_sparse_rows_and_words_as_labels():
    names = np.array(list("abcdefghij"))[y]
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    search = assert_alike(double(), X=frame, y=names)
    assert_array_equal(search.feature_names_in_, frame.columns)
    assert_array_equal(search.classes_, np.unique(names))
    assert_alike(double(), X=csr_array(X))


@pytest.mark.slow
@pytest.mark.parametrize("estimator", [double(), double(module=Normalised)])
def test_threads_change_nothing(estimator):
    one, two = (SmoothingSearchCV(estimator, RATES, cv=4, n_jobs=n).fit(X, y) for n in (None, 2))
    for key, values in one.cv_results_.items():
        if "time" not in key:
            assert_array_equal(two.cv_results_[key], values)
    before = torch.get_rng_state()
    SmoothingSearchCV(estimator, RATES, cv=2, refit=False).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_refit_nothing_is_predicted():
    search = SmoothingSearchCV(double(), RATES, cv=2, refit=False).fit(X, y)
    assert not hasattr(search, "best_estimator_")
    with pytest.raises(AttributeError):
        search.predict(X)
    with pytest.raises(NotFittedError):
        SmoothingSearchCV(double()).predict(X)


def test_it_is_cloned_stored_and_drawn():
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


class Heard:
    """A callback of scikit-learn that notes what the search does."""

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


def test_callbacks_hear_of_the_search():
    pytest.importorskip("sklearn.callback")
    heard = Heard()
    SmoothingSearchCV(double(max_epochs=1), RATES, cv=2).set_callbacks(heard).fit(X, y)
    assert heard.tasks.count("candidate-split-evaluation") == 2 * len(RATES)
    assert heard.tasks.count("refit-with-best-params") == 1


def test_fit_time_is_the_share_of_a_candidate():
    search = SmoothingSearchCV(double(), RATES, cv=2).fit(X, y)
    times = search.cv_results_["mean_fit_time"]
    assert times.shape == (4,)
    assert (times == times[0]).all()
    assert times[0] > 0


# ---- faults --------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_what_diverges_fails_alone():
    clf = double(optimizer="sgd", lr=40.0, logit_bound=None, max_epochs=6)
    rates = [-64.0, 1.0]
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        search = SmoothingSearchCV(clf, rates, cv=2, refit=False).fit(X, y)
    with pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"):
        plain = GridSearchCV(clf, {"smoothing": rates}, cv=2, refit=False).fit(X, y)
    assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), [True, False])
    assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    with pytest.raises(FloatingPointError, match=r"training loss is .* in epoch .* lr=40"):
        SmoothingSearchCV(clf, rates, cv=2, error_score="raise").fit(X, y)


def test_a_rate_out_of_range_fails_alone():
    with pytest.warns(FitFailedWarning, match="The 'smoothing' parameter.*Got 2 instead"):
        search = SmoothingSearchCV(double(), [0, 2], cv=2, error_score=-1.0).fit(X, y)
    assert search.cv_results_["mean_test_score"][1] == -1
    assert search.best_params_ == {"smoothing": 0}


@pytest.mark.parametrize(
    ("estimator", "params", "said"),
    [
        (double("elr"), {}, "only a loss.*ELR is more"),
        (double("bagging"), {}, "Bagging is more"),
        (double("forward"), {}, "ForwardCorrection is more"),
        (double(callbacks=[GradientNormClipping()]), {}, "no place for callbacks"),
        (double(optimizer="lbfgs"), {}, "updates each parameter entry by itself.*Got LBFGS"),
        (StandardScaler(), {}, "must be a NoisyLabelClassifier, or a Pipeline that ends in one"),
        (make_pipeline(StandardScaler()), {}, r"Got StandardScaler\(\) instead"),
        (double(), {"smoothing": ["auto", 0]}, "must hold numbers. Got 'auto'"),
        (double(), {"param_grid": {"lr": [0.1, 0.2]}}, r"named method__\*. Got 'lr'"),
        (double("sce"), {"param_grid": {"method__alfa": [1]}}, None),
    ],
)
def test_what_cannot_be_trained_at_once_is_refused(estimator, params, said):
    search = SmoothingSearchCV(estimator, **{"smoothing": RATES, "cv": 2, **params})
    if said is None:
        with pytest.raises(ValueError, match="Invalid parameter"):
            search.fit(X, y)
        return
    with pytest.raises(TypeError, match=f"(?s){said}.*GridSearchCV"):
        search.fit(X, y)


def test_a_grid_in_place_of_rates_is_refused():
    with pytest.raises(TypeError, match=r"must be a sequence of rates. Got \{'smoothing'"):
        SmoothingSearchCV(double(), {"smoothing": [0, 0.2]}).fit(X, y)


def test_a_module_that_branches_is_refused():
    search = SmoothingSearchCV(double(module=Branching), RATES, cv=2)
    with pytest.raises(TypeError, match=r"Branching cannot be computed together.*Use GridSearchCV"):
        search.fit(X, y)


class OfItsRows(Branching):
    def forward(self, x):
        return self.linear(x if x.abs().max() < 1e9 else 0 * x)


@pytest.mark.parametrize("cv", [2, [(np.arange(80), np.arange(80, 120))]], ids=["2", "1"])
def test_a_module_that_branches_on_its_rows_is_refused(cv):
    """Also where all networks see the same ones, and it could be followed."""
    search = SmoothingSearchCV(double(module=OfItsRows), RATES, cv=cv)
    with pytest.raises(TypeError, match=r"OfItsRows cannot be computed together.*Use GridSearchCV"):
        search.fit(X, y)


class Rounded(ClassLoss):
    def __init__(self, power=1):
        self.power = power

    def class_losses(self, logits):
        losses = class_cross_entropy(logits)
        return losses**2 if self.power == 2 else losses


def test_a_number_that_a_loss_decides_by_is_refused():
    search = SmoothingSearchCV(double(Rounded), [0], param_grid={"method__power": [1, 2]}, cv=2)
    with pytest.raises(TypeError, match=r"'power' of Rounded is something else; use GridSearchCV"):
        search.fit(X, y)


class AcrossRows(ClassLoss):
    def class_losses(self, logits):
        return -torch.log_softmax(logits, dim=1)


class Learned(ClassLoss):
    def __init__(self):
        self.scale = nn.Parameter(torch.ones(()))

    def class_losses(self, logits):
        return class_cross_entropy(logits * self.scale)


class Rebound(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.register_buffer("mean", torch.zeros(n_in))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        return self.linear(x - self.mean)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"method": AcrossRows}, "loss for logits of shape"),
        ({"method": Learned}, "Learned is more"),
        ({"optimizer": torch.optim.Adafactor}, "Got Adafactor"),
        ({"module": Rebound}, "Copies of Rebound computed together give other results"),
        ({"module": edited(_2=nn.BatchNorm1d(12, momentum=None))}, "cannot be computed together"),
    ],
    ids=str,
)
def test_what_would_be_something_else_at_once_is_refused(params, said):
    with pytest.raises(TypeError, match=f"{said}.*GridSearchCV"):
        SmoothingSearchCV(double(**params), RATES, cv=2).fit(X, y)


def test_a_failed_refit_keeps_what_was_found():
    search = SmoothingSearchCV(double(), RATES, cv=2).fit(X, y)
    before = dict(vars(search))
    with pytest.raises(ValueError, match="NaN"):
        search.fit(np.full_like(X, np.nan), y)
    assert vars(search) == before


# ---- one standard error --------------------------------------------------------------------------


def test_the_nearest_rate_within_one_standard_error():
    scores = np.array([[0.8, 0.9], [0.82, 0.86], [0.7, 0.72], [0.84, 0.84]])
    results = {
        "param_clf__smoothing": np.ma.array([-4.0, -1.0, 0.0, 2.0]),
        "mean_test_score": scores.mean(axis=1),
        "std_test_score": scores.std(axis=1),
        "split0_test_score": scores[:, 0],
        "split1_test_score": scores[:, 1],
    }
    assert one_standard_error(results) == 1
    # One standard error below 0.85 is 0.8: that of two folds is half of what lies between them.
    near = np.array([[0.8, 0.9], [0.78, 0.83], [0.7, 0.72], [0.84, 0.84]])
    results |= {"mean_test_score": near.mean(axis=1), "std_test_score": near.std(axis=1)}
    assert one_standard_error(results) == 1
    search = SmoothingSearchCV(double(), RATES, cv=3, refit=one_standard_error).fit(X, y)
    found = search.cv_results_
    best = found["mean_test_score"].max()
    spread = found["std_test_score"][found["mean_test_score"].argmax()] / np.sqrt(2)
    near = [
        abs(r) for r, m in zip(RATES, found["mean_test_score"], strict=True) if m >= best - spread
    ]
    assert abs(search.best_params_["smoothing"]) == min(near)
    with pytest.raises(ValueError, match="no parameter 'smoothing'"):
        one_standard_error({"param_lr": [1]})


def test_auto_is_chosen_where_no_rate_is_as_good():
    rates = np.array([-4.0, "auto", 0.0], dtype=object)
    results = {"param_smoothing": rates, "split0_test_score": None, "split1_test_score": None}
    for mean, place in (([0.8, 0.81, 0.6], 0), ([0.6, 0.81, 0.6], 1), ([0.6, 0.8, 0.8], 2)):
        scores = {"mean_test_score": mean, "std_test_score": [0.02] * 3}
        assert one_standard_error(results | scores) == place


def test_one_standard_error_of_one_of_several_scores():
    results = {"param_smoothing": [-1.0, 0.0]}
    for name, means in (("accuracy", [0.9, 0.5]), ("recall", [0.5, 0.9])):
        results |= {f"mean_test_{name}": means, f"std_test_{name}": [0.1, 0.1]}
        results |= {f"split{i}_test_{name}": means for i in range(5)}
    assert one_standard_error(results, metric="accuracy") == 0
    assert one_standard_error(results, metric="recall") == 1
    with pytest.raises(
        ValueError, match=r"'metric'.*\['accuracy', 'recall'\]. Got 'score' instead"
    ):
        one_standard_error(results)


def test_one_standard_error_of_halving_is_of_the_last_iteration():
    results = {"param_smoothing": [0.0, -1.0, -2.0, -1.0, -2.0], "iter": [0, 0, 0, 1, 1]}
    results |= {"mean_test_score": [0.9, 0.9, 0.9, 0.7, 0.8], "std_test_score": [0.01] * 5}
    assert one_standard_error(results) == 4


def test_scorers_and_users_get_the_fitted_candidate_itself():
    """The search gives scikit-learn a proxy, which nobody else is to meet."""
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
