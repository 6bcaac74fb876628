"""Threads and forks: who waits for whom, and who must not."""

import copy
import multiprocessing
import pickle
import signal
import sys
import threading
import time

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from skorch.callbacks import Callback

from sknoisy import NoisyLabelClassifier
from sknoisy._runtime import threads
from sknoisy._runtime.locks import ForkSafeLock

X, y = make_blobs(200, n_features=5, centers=3, cluster_std=3, random_state=0)


class Pause(Callback):
    """A callback that stops a training in its first epoch until it is released."""

    started, released = threading.Event(), threading.Event()

    def on_epoch_end(self, net, **kwargs):
        self.started.set()
        self.released.wait(60)


@pytest.fixture
def training_thread():
    """A training of another estimator that does not end before the test does."""
    Pause.started.clear()
    Pause.released.clear()
    clf = NoisyLabelClassifier("ce", max_epochs=1, callbacks=[Pause])
    thread = threading.Thread(target=clf.fit, args=(X, y))
    thread.start()
    assert Pause.started.wait(60)
    yield thread
    assert thread.is_alive(), "the test did not run while the other thread trained"
    Pause.released.set()
    thread.join(60)


def use_model(stored, queue):
    clf = pickle.loads(stored)
    queue.put((clf.predict(X[:3]), copy.deepcopy(clf).fit(X, y).n_iter_))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs fork")
# Python warns of forks in programs with threads: this test is about them.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_forked_while_a_thread_trains_can_load_and_fit(training_thread_stored):
    stored, _ = training_thread_stored
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=use_model, args=(stored, queue))
    child.start()
    predicted, n_iter = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    assert n_iter == 2
    np.testing.assert_array_equal(predicted, pickle.loads(stored).predict(X[:3]))


@pytest.fixture
def training_thread_stored(request):
    """A stored model, and a thread that trains another one."""
    stored = pickle.dumps(NoisyLabelClassifier("ce", max_epochs=2, random_state=0).fit(X, y))
    return stored, request.getfixturevalue("training_thread")


@pytest.mark.parametrize("method", ["ce", "bagging", "co_teaching"])
@pytest.mark.parametrize("image", [False, True])
def test_a_model_loads_and_predicts_while_another_thread_trains(method, image, request):
    rows = np.random.default_rng(0).random((30, 1, 8, 8), dtype=np.float32) if image else X[:30]
    clf = NoisyLabelClassifier(method, max_epochs=2, random_state=0).fit(rows, y[:30])
    stored = pickle.dumps(clf)
    request.getfixturevalue("training_thread")
    start = time.perf_counter()
    twin = pickle.loads(stored)
    np.testing.assert_array_equal(twin.predict_proba(rows), clf.predict_proba(rows))
    assert time.perf_counter() - start < 30


def test_predictions_in_other_threads_do_not_change_a_training():
    params = {"module__dropout": 0.5, "module__hidden": (64,), "batch_size": 16}
    shared = NoisyLabelClassifier("ce", max_epochs=1, random_state=0, **params).fit(X, y)
    alone, done, predictions = copy.deepcopy(shared), [], []

    def predict():
        while not done:
            predictions.append(shared.predict_proba(X))

    others = [threading.Thread(target=predict) for _ in range(2)]
    for other in others:
        other.start()
    complete = [alone.predict_proba(X)]
    for _ in range(15):
        shared.partial_fit(X, y)
        complete.append(alone.partial_fit(X, y).predict_proba(X))
    done.append(True)
    for other in others:
        other.join()
    np.testing.assert_array_equal(shared.predict_proba(X), alone.predict_proba(X))
    # Each prediction is that of a network between two calls, never of one in training.
    known = {p.tobytes() for p in complete}
    assert predictions and all(p.tobytes() in known for p in predictions)


@pytest.mark.parametrize("method", ["ce", "bagging", "elr_plus"])
def test_networks_are_left_in_evaluation_mode(method):
    params = {"module__dropout": 0.5, "max_epochs": 2, "random_state": 0}
    clf = NoisyLabelClassifier(method, **params).fit(X, y)
    for fitted in (clf, pickle.loads(pickle.dumps(clf)), clf.partial_fit(X, y)):
        assert not any(part.training for part in fitted.module_.modules())
        with torch.no_grad():
            rows = torch.tensor(X[:5], dtype=torch.float32)
            assert torch.equal(fitted.module_(rows), fitted.module_(rows))
    with pytest.raises(ValueError, match="NaN"):
        clf.partial_fit(np.where(X > 2, np.nan, X), y)
    assert not clf.module_.training


def test_a_fork_safe_lock_is_reentrant_and_new_in_copies():
    lock = ForkSafeLock()
    with lock, lock:
        for other in (copy.deepcopy(lock), pickle.loads(pickle.dumps(lock))):
            assert other._lock.acquire(blocking=False)
        blocked = []
        thread = threading.Thread(target=lambda: blocked.append(lock._lock.acquire(blocking=False)))
        thread.start()
        thread.join()
        assert blocked == [False]
        lock.reset()
    with lock:
        pass


def test_ctrl_c_while_the_handler_is_restored_does_not_leave_ours(monkeypatch):
    real, sent = signal.signal, []

    def signal_then_restore(number, handler):
        """Deliver the signal at the moment at which the handler is put back."""
        inside = sys._getframe(1).f_code.co_name == "caught_sigint"
        if inside and handler is signal.default_int_handler and not sent:
            sent.append(number)
            signal.raise_signal(number)
        return real(number, handler)

    before = real(signal.SIGINT, signal.default_int_handler)
    try:
        monkeypatch.setattr(threads.signal, "signal", signal_then_restore)
        with pytest.raises(KeyboardInterrupt):
            NoisyLabelClassifier("ce", max_epochs=1).fit(X, y)
        assert sent and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        monkeypatch.undo()
        real(signal.SIGINT, before)
