"""Deterministic algorithms are switched on during calls only."""

import os

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sknoisy import SmoothingSearchCV
from sknoisy._runtime.deterministic import deterministic_algorithms
from tests.factories import short


def flags():
    return {
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "benchmark": torch.backends.cudnn.benchmark,
        "cudnn": torch.backends.cudnn.deterministic,
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
        "cublas": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }


ON = {
    "algorithms": True,
    "warn_only": False,
    "benchmark": False,
    "cudnn": True,
    "fill": False,
    "cublas": ":4096:8",
}


class RecordsFlags(Callback):
    seen = []

    def on_epoch_end(self, net, **_):
        self.seen.append(flags())

    def on_train_end(self, net, X, y, **_):
        self.seen.append(flags())


class Fails(Callback):
    def on_epoch_end(self, net, **_):
        raise RuntimeError("as planned")


@pytest.mark.parametrize("deterministic", [False, True])
def test_flags_are_set_in_fit_only(table, deterministic, monkeypatch):
    monkeypatch.setattr(RecordsFlags, "seen", [])
    before = flags()
    clf = short(deterministic=deterministic, callbacks=[("flags", RecordsFlags)])
    clf.fit(*table).partial_fit(*table).predict(table[0])
    assert all(seen == (ON if deterministic else before) for seen in RecordsFlags.seen)
    assert flags() == before


def test_flags_are_restored_after_an_error(table):
    before = flags()
    with pytest.raises(RuntimeError, match="as planned"):
        short(deterministic=True, callbacks=[("fails", Fails)]).fit(*table)
    assert flags() == before


def test_flags_of_the_user_are_kept(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = flags()
        with deterministic_algorithms():
            assert flags() == {**ON, "cublas": ":16:8"}
        assert flags() == before
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("method", ["ce", "co_teaching", "bagging", "distilled_pool"])
def test_the_bits_on_the_cpu_are_the_same(table, method):
    first, second = (
        short(method, deterministic=on).fit(*table).predict_proba(table[0]) for on in (False, True)
    )
    np.testing.assert_array_equal(first, second)


def test_a_search_takes_the_switch_of_its_estimator(table):
    before = flags()
    scores = [
        SmoothingSearchCV(short(deterministic=on), [0, -1], cv=2)
        .fit(*table)
        .cv_results_["mean_test_score"]
        for on in (False, True)
    ]
    np.testing.assert_array_equal(*scores)
    assert flags() == before


@pytest.mark.gpu
@pytest.mark.parametrize("samples", ["table", "images"])
def test_two_fits_on_a_gpu_have_the_same_bits(samples, request):
    X, y = request.getfixturevalue(samples)
    fits = [short(deterministic=True, device="cuda").fit(X, y) for _ in range(2)]
    np.testing.assert_array_equal(*(clf.predict_proba(X) for clf in fits))
