"""Networks are trained together in groups that fit memory, folds and threads."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KernelCenterer, StandardScaler
from torch import nn

from sknoisy import SmoothingSearchCV
from sknoisy.search import _candidates, _fold, _vectorized
from tests.factories import noisy_digits
from tests.search.helpers import (
    RATES,
    STOPPING,
    WEIGHT,
    Normalised,
    X,
    assert_equivalent,
    double,
    y,
)

GROUPED = {"dropout": {**STOPPING, "module__dropout": 0.2}, "batch norm": {"module": Normalised}}


@pytest.mark.slow
@pytest.mark.parametrize("params", GROUPED.values(), ids=GROUPED)
def test_groups_are_as_large_as_memory_allows(group_sizes, monkeypatch, params):
    monkeypatch.setattr(_vectorized, "free_memory", lambda device: 1.0)
    assert_equivalent(double(**params))
    assert group_sizes == [1] * 12


@pytest.mark.slow
@pytest.mark.parametrize("params", GROUPED.values(), ids=GROUPED)
def test_groups_are_halved_if_memory_runs_out(group_sizes, monkeypatch, params):
    train = _vectorized.GroupTraining._train_epoch

    def limited(self, loader, epoch):
        train(self, loader, epoch)
        if epoch == 1 and len(self.active.members) > 2:
            raise torch.OutOfMemoryError

    monkeypatch.setattr(_vectorized.GroupTraining, "_train_epoch", limited)
    assert_equivalent(double(**params))
    assert group_sizes == [12, 6, 3, 2, 2, 2, 2, 2, 2]


TOGETHER = {
    "default": {},
    "all rows": {"batch_size": -1},
    "bins": {"module__bins": 3},
    # Of 138 rows the fifth batch has two rows, of 137 rows there is no fifth batch.
    "unequal numbers of steps": {"batch_size": 34},
    "early stopping": STOPPING,
    "dropout": {"module__dropout": 0.3},
    "batch norm": {"module": Normalised},
    "batch norm and early stopping": {**STOPPING, "module": Normalised},
}


@pytest.mark.slow
@pytest.mark.parametrize("params", TOGETHER.values(), ids=TOGETHER)
def test_all_folds_are_trained_together(group_sizes, params):
    assert_equivalent(double(**params))
    assert group_sizes == [12]


UNEQUAL = [(np.arange(n, len(y)), np.arange(n)) for n in (60, 62, 66, 100)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "groups"),
    [
        # Batches of 32: 147, 145 and 141 rows make five steps, 107 rows four.
        ({}, [12, 4]),
        ({"early_stopping": True, "validation_fraction": 0.2, "max_epochs": 9}, [12, 4]),
        # Padding would change batch statistics and dropout.
        ({"module__dropout": 0.3}, [4, 4, 4, 4]),
        ({"module": Normalised}, [4, 4, 4, 4]),
    ],
    ids=["default", "early stopping", "dropout", "batch norm"],
)
def test_folds_of_unequal_size_are_grouped_by_the_number_of_steps(group_sizes, params, groups):
    assert_equivalent(double(**params), cv=UNEQUAL)
    assert group_sizes == groups


@pytest.mark.slow
def test_folds_are_those_of_a_grid_search(group_sizes):
    pipeline = make_pipeline(StandardScaler(), PCA(20, random_state=0), double())
    fit = {"noisylabelclassifier__sample_weight": WEIGHT}
    assert_equivalent(pipeline, "noisylabelclassifier__", fit=fit)
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    assert_equivalent(double(), X=frame, y=np.array(list("abcdefghij"))[y])
    seeded = {"random_state": np.random.RandomState(0)}
    assert_equivalent(double(**seeded), X=csr_array(X), cv=KFold(3, shuffle=True, random_state=0))
    pipeline = make_pipeline(KernelCenterer(), double())
    assert_equivalent(pipeline, "noisylabelclassifier__", X=X @ X.T)
    with config_context(enable_metadata_routing=True):
        clf = double().set_fit_request(sample_weight=True)
        fit = {"sample_weight": WEIGHT, "groups": np.arange(len(y)) % 6}
        assert_equivalent(clf, fit=fit, cv=GroupKFold(3))
    assert set(group_sizes) == {12}


@pytest.mark.slow
def test_networks_of_folds_are_split_into_groups_for_threads(group_sizes, monkeypatch):
    search = SmoothingSearchCV(double(), RATES, cv=3, n_jobs=5).fit(X, y)
    assert sorted(group_sizes) == [2, 2, 2, 3, 3]
    monkeypatch.setattr(_vectorized.VectorizedTraining, "_n_that_fit", lambda self: 5)
    assert_equivalent(double(early_stopping=True, n_iter_no_change=1, max_epochs=5))
    assert group_sizes[5:] == [5, 5, 2]
    SmoothingSearchCV(double(), RATES, cv=3, n_jobs=2).fit(X, y)
    assert sorted(group_sizes[8:]) == [1, 1, 5, 5]
    assert (search.cv_results_["mean_fit_time"] > 0).all()


@pytest.mark.slow
def test_last_active_network_gets_the_rows_of_its_fold(group_sizes, monkeypatch):
    """The first fold stops early: its columns have another scale, and its labels are random."""
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
    assert_equivalent(clf, rates=[0.0], X=scaled, y=mixed, cv=cv)
    assert active.count([1]) > 2


class BatchStatistics(nn.Module):
    """Its logits of a row depend on the other rows of the batch, in evaluation too."""

    def __init__(self, n_in, n_out):
        super().__init__()
        norm = nn.BatchNorm1d(12, track_running_stats=False)
        self.layers = nn.Sequential(nn.Linear(n_in, 12), norm, nn.ReLU(), nn.Linear(12, n_out))

    def forward(self, x):
        return self.layers(x / 16)


@pytest.mark.slow
def test_folds_with_unequal_validation_sets_are_not_trained_together(group_sizes):
    """Both 100 and 101 rows leave 90 to train on."""
    cv = [(np.arange(n), np.arange(n, len(y))) for n in (100, 101)]
    assert_equivalent(double(module=BatchStatistics, early_stopping=True, max_epochs=9), cv=cv)
    assert group_sizes == [4, 4]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_error_after_training_concerns_one_candidate(group_sizes, monkeypatch):
    finish, finished = _fold.Fold.finish, []

    def broken(self, member):
        finished.append(member)
        if len(finished) == 2:
            raise RuntimeError("broken")
        finish(self, member)

    monkeypatch.setattr(_fold.Fold, "finish", broken)
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 12"):
        SmoothingSearchCV(double(), RATES, cv=3).fit(X, y)
    assert group_sizes == [12]


def test_folds_can_be_masks_and_negative_indices(group_sizes):
    mask = np.arange(len(y)) % 3 > 0
    cv = [(mask, np.flatnonzero(~mask)), (np.arange(-len(y), -69), np.arange(-69, 0))]
    assert_equivalent(double(), cv=cv)
    assert group_sizes == [8]


def test_unknown_memory_is_no_limit(group_sizes, monkeypatch):
    monkeypatch.setattr(_vectorized, "free_memory", lambda device: float("inf"))
    SmoothingSearchCV(double(max_epochs=1), RATES, cv=3).fit(X, y)
    assert group_sizes == [12]


@pytest.mark.slow
def test_folds_are_trained_one_after_another_if_memory_is_short(group_sizes, monkeypatch):
    frame = pd.DataFrame(X)
    for rows in (X, csr_array(X), frame):
        n_bytes = _candidates._n_bytes(rows)
        assert n_bytes > 10_000
        monkeypatch.setattr(_candidates, "free_memory", lambda device, n=n_bytes: 11.0 * n)
        assert_equivalent(double(max_epochs=2), X=rows)
    assert group_sizes == [4, 4, 4] * 3


def test_fold_that_does_not_fit_memory_is_trained_later(group_sizes, monkeypatch):
    fold, calls = _candidates.Fold, []

    def crowded(*args, **params):
        calls.append(1)
        if len(calls) in (2, 3):
            raise MemoryError
        return fold(*args, **params)

    monkeypatch.setattr(_candidates, "Fold", crowded)
    assert_equivalent(double())
    assert group_sizes == [4, 8]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_fold_that_fails_does_not_affect_the_others(group_sizes):
    twice = y.copy()
    twice[:60] = 3
    # All labels of the first fold are equal.
    cv = [(np.arange(60), np.arange(60, 207)), *UNEQUAL]
    with pytest.warns(FitFailedWarning, match="4 fits failed out of a total of 20"):
        search = SmoothingSearchCV(double(), RATES, cv=cv, refit=False).fit(X, twice)
    assert group_sizes == [12, 4]
    assert np.isnan(search.cv_results_["split0_test_score"]).all()
    assert np.isfinite(search.cv_results_["split1_test_score"]).all()


def test_folds_are_trained_together_without_a_seed(group_sizes):
    search = SmoothingSearchCV(double(random_state=None, module__dropout=0.2), RATES, cv=3)
    search.fit(X, y)
    assert group_sizes == [12]
    assert search.best_estimator_.random_state is None


def test_memory_error_of_a_single_network_is_raised(monkeypatch):
    def full(self, loader, epoch):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(_vectorized.GroupTraining, "_train_epoch", full)
    with pytest.raises(torch.OutOfMemoryError, match="full"):
        SmoothingSearchCV(double(), RATES, cv=3, error_score="raise").fit(X, y)
