"""Hyper-parameter searches with Dask, Ray and Optuna."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from scipy.stats import uniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

from sknoisy.dask import on_dask
from tests.factories import noisy_digits, short

GRID = {"smoothing": [-1.0, -0.5, 0.0, 0.5]}


class RecordingFrame(pd.DataFrame):
    """A data frame that records the processes in which it is unpickled."""

    def __setstate__(self, state):
        with open(state["attrs"]["path"], "a") as file:
            file.write(f"{os.getpid()}\n")
        super().__setstate__(state)


class RecordingScorer:
    """Accuracy, after a delay; records the process and its number of threads."""

    def __init__(self, path, seconds=0.0):
        self.path, self.seconds = path, seconds

    def __call__(self, clf, X, y):
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()} {torch.get_num_threads()}\n")
        time.sleep(self.seconds)
        return clf.score(X, y)


@pytest.fixture(scope="module")
def dask_client():
    """Two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def same_results(actual, expected):
    for key in ("mean_test_score", "std_test_score", "rank_test_score"):
        np.testing.assert_array_equal(actual.cv_results_[key], expected.cv_results_[key])
    assert actual.best_params_ == expected.best_params_
    X, _ = noisy_digits(300)
    np.testing.assert_array_equal(actual.predict_proba(X), expected.predict_proba(X))


def lines(path):
    return Path(path).read_text().splitlines()


@pytest.mark.long
def test_searches_on_dask(dask_client, tmp_path):
    X, y = noisy_digits(300)
    frame = RecordingFrame(X)
    frame.attrs["path"] = str(tmp_path / "unpickled")
    scorer = RecordingScorer(str(tmp_path / "scored"))
    rates = {"smoothing": uniform(-1, 1.5)}
    searches = [
        lambda scoring: GridSearchCV(short(), GRID, cv=3, scoring=scoring),
        lambda scoring: RandomizedSearchCV(
            short(), rates, n_iter=3, cv=3, scoring=scoring, random_state=0
        ),
        lambda scoring: HalvingGridSearchCV(
            short(), GRID, cv=3, scoring=scoring, factor=2, random_state=0
        ),
    ]
    expected = [make("accuracy").fit(X, y) for make in searches]
    with parallel_config(backend="dask"):
        same_results(searches[0]("accuracy").fit(X, y), expected[0])
    with on_dask(frame, y):
        for make, alone in zip(searches, expected, strict=True):
            same_results(make(scorer).fit(frame, y), alone)
    scored = [line.split() for line in lines(scorer.path)]
    workers = {pid for pid, _ in scored}
    assert len(workers) == 2 and str(os.getpid()) not in workers
    # Each worker has one thread.
    assert {threads for _, threads in scored} == {"1"}
    # Each search sends X to each worker at most once, however many fits it makes.
    unpickled = lines(frame.attrs["path"])
    n_searches = len(searches)
    assert len(scored) > 25
    assert all(unpickled.count(pid) <= n_searches for pid in workers)


@pytest.mark.slow
def test_a_search_on_dask_survives_the_loss_of_a_worker(dask_client, tmp_path):
    X, y = noisy_digits(300)
    expected = GridSearchCV(short(), GRID, cv=3).fit(X, y)
    path = tmp_path / "scored"
    path.touch()
    killed = []

    def kill():
        while len(lines(path)) < 2:
            time.sleep(0.05)
        killed.append(int(lines(path)[0].split()[0]))
        os.kill(killed[0], signal.SIGKILL)

    with on_dask(X, y):
        killer = threading.Thread(target=kill)
        killer.start()
        actual = GridSearchCV(short(), GRID, cv=3, scoring=RecordingScorer(str(path), 0.3))
        actual.fit(X, y)
        killer.join()
    same_results(actual, expected)
    workers = {int(line.split()[0]) for line in lines(path)}
    assert killed[0] in workers and len(workers) > 1
    assert dask_client.amm.running()


def test_missing_package_raises(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install .sknoisy\[distributed"), on_dask():
        pass


@pytest.mark.slow
def test_missing_client_raises():
    pytest.importorskip("distributed")
    code = "from sknoisy.dask import on_dask\nwith on_dask(): pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ValueError: on_dask needs a client of the cluster" in done.stderr


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("wait_for_worker_timeout", " Did you mean 'wait_for_workers_timeout'?"),
        ("n_job", " Did you mean 'n_jobs'?"),
        ("retry", " Did you mean 'retries'?"),
        ("backend", ""),
        ("scatter", ""),
    ],
)
def test_misspelt_settings_are_refused(setting, hint):
    """joblib passed them on to Dask, which failed later or ignored them."""
    pytest.importorskip("distributed")
    match = re.escape(f"unexpected keyword argument '{setting}'.{hint}") + "$"
    with pytest.raises(TypeError, match=match), on_dask(**{setting: 1}):
        pass


@pytest.mark.ecosystem
def test_searches_on_ray(tmp_path):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    X, y = noisy_digits(300)
    path = str(tmp_path / "scored")
    expected = GridSearchCV(short(), GRID, cv=3).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
        register_ray()
        try:
            with parallel_config(backend="ray", n_jobs=2):
                actual = GridSearchCV(short(), GRID, cv=3, scoring=RecordingScorer(path))
                actual.fit(X, y)
        finally:
            ray.shutdown()
    same_results(actual, expected)
    scored = [line.split() for line in lines(path)]
    assert str(os.getpid()) not in {pid for pid, _ in scored}
    assert {threads for _, threads in scored} == {"1"}


def test_optuna_prunes_by_epoch():
    optuna = pytest.importorskip("optuna")
    from optuna_integration import SkorchPruningCallback

    X, y = noisy_digits(300)

    def accuracy(trial):
        rate = trial.suggest_categorical("smoothing", [0.0, 0.9, 0.95, 0.99])
        lr = 1e-3 if rate == 0 else 1e-6
        pruning = SkorchPruningCallback(trial, "valid_acc")
        clf = short(smoothing=rate, lr=lr, early_stopping=True, callbacks=[pruning])
        return max(clf.set_params(max_epochs=6).fit(X, y).history_[:, "valid_acc"])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"smoothing": [0.0, 0.9, 0.95, 0.99]}, seed=0),
        pruner=optuna.pruners.ThresholdPruner(lower=0.3, n_warmup_steps=2),
    )
    study.optimize(accuracy, n_trials=4)
    states = {trial.params["smoothing"]: trial.state.name for trial in study.trials}
    assert states == {0.0: "COMPLETE", 0.9: "PRUNED", 0.95: "PRUNED", 0.99: "PRUNED"}
    epochs = {t.params["smoothing"]: len(t.intermediate_values) for t in study.trials}
    assert epochs[0.0] == 6 and epochs[0.99] < 6
    assert study.best_params == {"smoothing": 0.0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:.optuna.terminator. module:FutureWarning")
@pytest.mark.parametrize("pruned", [False, True])
def test_optuna_search(pruned):
    optuna = pytest.importorskip("optuna")
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y = noisy_digits(300)
    rates = {"smoothing": optuna.distributions.FloatDistribution(-2, 0.8)}
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)
    search = OptunaSearchCV(
        short(),
        rates,
        study=optuna.create_study(direction="maximize", pruner=pruner),
        n_trials=5,
        cv=3,
        random_state=0,
        **({"enable_pruning": True, "max_iter": 5} if pruned else {}),
    ).fit(X, y)
    assert -2 <= search.best_params_["smoothing"] <= 0.8
    assert search.best_score_ > 0.4
    assert search.predict(X).shape == y.shape
    epochs = {len(trial.intermediate_values) for trial in search.study_.trials}
    assert epochs <= ({1, 2, 3, 4, 5} if pruned else {0})
