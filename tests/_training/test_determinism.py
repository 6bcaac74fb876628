"""The same integer seed gives the same results anywhere, and global random states do not change."""

import os
import random
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from sknoisy import METHODS
from sknoisy._runtime.threads import limit_threads
from tests.factories import mostly_slow, short

SETTINGS = {
    **{name: {"method": name} for name in METHODS},
    "smoothed": {"smoothing": -1.0},
    "dropout": {"module__dropout": 0.5},
    "early stopping": {"early_stopping": True},
    "label wave": {"early_stopping": "label_wave", "max_epochs": 9},
    "balanced": {"class_weight": "balanced", "lr_schedule": "cosine"},
}
SETTINGS = {name: {"max_epochs": 3, "warmup": 1, **params} for name, params in SETTINGS.items()}
every_setting = pytest.mark.parametrize(
    "params", mostly_slow(SETTINGS, fast=("ce", "elr", "bagging", "dropout"))
)


def results_of(clf, X, y):
    """Fit, and return probabilities, label quality and training losses."""
    clf.fit(X, y)
    losses = np.array(clf.history_[:, "train_loss"])
    return np.concatenate([clf.predict_proba(X).ravel(), clf.label_quality_, losses])


@pytest.fixture(params=["table", "images"])
def samples(request):
    return request.getfixturevalue(request.param)


def global_states():
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), (kind, keys.tolist(), *rest), torch.get_rng_state().tolist()


@every_setting
def test_global_random_states_do_not_change(params, samples):
    X, y = samples
    before = global_states()
    clf = short(**params)
    clf.fit(X, y)
    assert global_states() == before
    clf.predict_proba(X)
    assert global_states() == before
    clf.set_params(early_stopping=False, class_weight=None).partial_fit(X, y)
    assert global_states() == before


def test_random_state_none_draws_from_the_global_state_of_numpy(table):
    clf = short(random_state=None)
    python, numpy, torch_ = global_states()
    clf.fit(*table)
    assert global_states()[0] == python
    assert global_states()[1] != numpy, "the seed is drawn from numpy, as in scikit-learn"
    assert global_states()[2] == torch_


class FailingCallback(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("as planned")


def test_an_error_restores_random_states_and_threads(table, two_threads):
    before = global_states()
    with pytest.raises(RuntimeError, match="as planned"):
        short(callbacks=[("fails", FailingCallback)]).fit(*table)
    assert global_states() == before
    assert torch.get_num_threads() == 2


@every_setting
def test_global_random_states_do_not_matter(params, samples):
    results = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        results.append(results_of(short(**params), *samples))
    assert_array_equal(*results)


def test_a_random_state_instance_is_used_by_one_fit_after_another(table):
    clf = short(random_state=np.random.RandomState(0))
    first, second = (results_of(clf, *table) for _ in range(2))
    assert not np.array_equal(first, second)
    again = short(random_state=np.random.RandomState(0))
    assert_array_equal(results_of(again, *table), first)
    assert_array_equal(results_of(again, *table), second)


def test_each_partial_fit_draws_new_random_numbers(table):
    """Otherwise the order of the rows would be the same in each call of partial_fit."""
    X, y = table

    class Order(Callback):
        seen = []

        def on_batch_begin(self, net, batch, **kwargs):
            self.seen.append(batch[0].numpy().copy())

    clf = short(callbacks=[("order", Order)], batch_size=len(X))
    for _ in range(2):
        clf.partial_fit(X, y, classes=np.unique(y))
    assert not np.array_equal(*Order.seen)


def test_several_partial_fits_equal_one_fit(table):
    X, y = table
    whole = short(module__dropout=0.5, max_epochs=3, warmup=0).fit(X, y)
    parts = short(module__dropout=0.5, max_epochs=3, warmup=0)
    for _ in range(3):
        parts.partial_fit(X, y, classes=np.unique(y))
    assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))
    assert parts.history_[:, "train_loss"] == whole.history_[:, "train_loss"]


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("loky", marks=pytest.mark.long),
        pytest.param("threading", marks=pytest.mark.slow),
    ],
)
def test_parallel_fits_give_the_same_results(backend, samples):
    serial = [results_of(short(**params), *samples) for params in SETTINGS.values()]
    parallel = joblib.Parallel(n_jobs=2, backend=backend)(
        joblib.delayed(results_of)(short(**params), *samples) for params in SETTINGS.values()
    )
    for first, second in zip(serial, parallel, strict=True):
        assert_array_equal(first, second)


def test_predictions_in_threads_give_the_same_results(samples):
    X, y = samples
    clf = short(module__dropout=0.5).fit(X, y)
    expected = clf.predict_proba(X)
    results = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(clf.predict_proba)(X) for _ in range(20)
    )
    for probs in results:
        assert_array_equal(probs, expected)


DIGESTS = """
import hashlib
import numpy as np
from sklearn.datasets import load_iris
from sknoisy import NoisyLabelClassifier

def digest(X, y, **params):
    settings = {"method": "ce", "random_state": 0, "max_epochs": 2}
    clf = NoisyLabelClassifier(**{**settings, **params}).fit(X, y)
    return hashlib.sha256(clf.predict_proba(X).tobytes()).hexdigest()

X, y = load_iris(return_X_y=True)
images = np.random.default_rng(0).random((40, 3, 8, 8))
print(digest(X, y, method="elr", smoothing=-1.0), digest(X, y, module__dropout=0.5))
print(digest(images, np.arange(40) % 2, method="co_teaching"))
"""


@pytest.mark.slow
def test_a_new_process_gives_the_same_results(capsys):
    exec(DIGESTS, {})
    here = capsys.readouterr().out
    there = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        env={**os.environ, "PYTHONHASHSEED": "123", "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout == here


# ---- torch's threads --------------------------------------------------------------------------


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


LARGE = {
    "table": ((2000, 40), {}),
    "images": ((200, 3, 16, 16), {}),
    # The steps are large enough to use several threads.
    "large steps": ((3000, 256), {"module__hidden": (512, 512), "batch_size": -1}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE)
def test_number_of_threads_does_not_matter(case, two_threads):
    shape, params = LARGE[case]
    X = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y = (X.reshape(len(X), -1)[:, :3].sum(axis=1) > 0).astype(int)
    two = results_of(short(max_epochs=2, **params), X, y)
    torch.set_num_threads(1)
    assert_array_equal(results_of(short(max_epochs=2, **params), X, y), two)


class RecordsThreads(Callback):
    seen = []

    def on_epoch_end(self, net, **kwargs):
        self.seen.append(torch.get_num_threads())


def test_small_steps_use_one_thread_and_restore_the_number(table, two_threads):
    clf = short(callbacks=[("threads", RecordsThreads)]).fit(*table)
    assert set(RecordsThreads.seen) == {1}
    assert torch.get_num_threads() == 2
    clf.predict(table[0])
    assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="expecting 4 features"):
        clf.predict(table[0][:, :2])
    assert torch.get_num_threads() == 2
    with limit_threads(2.0**40):
        assert torch.get_num_threads() == 2


class PredictsAndRecordsThreads(Callback):
    seen = []

    def on_epoch_end(self, net, dataset_train, **kwargs):
        net.log_probabilities(net.get_dataset(dataset_train))
        self.seen.append(torch.get_num_threads())


def test_prediction_within_a_training_uses_one_thread(table, two_threads):
    short(callbacks=[("predicts", PredictsAndRecordsThreads)]).fit(*table)
    assert set(PredictsAndRecordsThreads.seen) == {1}


@pytest.mark.parametrize("main_leaves_first", [True, False])
def test_number_of_threads_is_restored_after_overlapping_trainings(main_leaves_first, two_threads):
    inside, leave, counts = threading.Event(), threading.Event(), []

    def hold():
        with limit_threads(1.0):
            inside.set()
            leave.wait()
            counts.append(torch.get_num_threads())
        counts.append(torch.get_num_threads())

    def end():
        leave.set()
        other.join()

    other = threading.Thread(target=hold)
    with limit_threads(1.0):
        other.start()
        inside.wait()
        assert torch.get_num_threads() == 1
        if not main_leaves_first:
            end()
    if main_leaves_first:
        end()
    new = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    new.start()
    new.join()
    assert counts == [1, 2, 2]
    assert torch.get_num_threads() == 2
