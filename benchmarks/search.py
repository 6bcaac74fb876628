"""How fast all rates and folds are trained at once, beside a grid search.

    python benchmarks/search.py            # about 30 minutes
    python benchmarks/search.py --quick    # one round, digits only

Wall time of a whole search, refit included, over 12 rates of smoothing and 5 folds, in interleaved
rounds: of ``SmoothingSearchCV``, of ``GridSearchCV`` on our classifier and of ``GridSearchCV`` on
skorch, with the same network and one torch thread in each process or thread. Then the CPU time of
a network when several are trained at once, beside one alone, and where there is a GPU the wall time
there of a search of 55 networks. Last, other ways to search, and what each comes to: all of them on
digits, scored on noisy labels, with the accuracy on clean test labels of what they chose. Ways
whose package is not installed are not run.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import Any
from unittest import mock

from _common import interleaved, save, setting, table

# ruff: isort: split
import numpy as np
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    train_test_split,
)
from skorch import NeuralNetClassifier
from speed import Net
from torch import nn

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.functional import cross_entropy, one_hot, smooth_labels
from sknoisy.noise import corrupt_labels
from sknoisy.search import RATES, _candidates, one_standard_error
from sknoisy.search._fit import fit_candidates

Arrays = tuple[np.ndarray, np.ndarray]


def datasets() -> dict[str, tuple[Arrays, int]]:
    """Rows and labels of which 40 % are wrong, and epochs."""
    large = make_classification(20_000, 50, n_informative=20, n_classes=5, random_state=0)
    sets = {"digits": (load_digits(return_X_y=True), 20), "20k x 50": (large, 5)}
    return {
        name: ((X.astype(np.float32), corrupt_labels(y.astype(np.int64), 0.4, random_state=0)), n)
        for name, ((X, y), n) in sets.items()
    }


class Smoothed(nn.Module):
    """A criterion for skorch with a rate of either sign, which torch has not."""

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits, smooth_labels(one_hot(y, logits.shape[-1]), self.rate)).mean()


def ours(epochs: int, hidden: tuple[int, ...] = (128,)) -> NoisyLabelClassifier:
    clf = NoisyLabelClassifier("ce", max_epochs=epochs, device="cpu", random_state=0)
    return clf.set_params(module__hidden=hidden)


def by_skorch(X: np.ndarray, y: np.ndarray, epochs: int) -> NeuralNetClassifier:
    torch.manual_seed(0)
    return NeuralNetClassifier(
        Net, module__n_in=X.shape[1], module__n_out=int(y.max()) + 1, criterion=Smoothed,
        optimizer=torch.optim.Adam, lr=1e-3, max_epochs=epochs, batch_size=128, train_split=None,
        iterator_train__shuffle=True, verbose=0,
    )  # fmt: skip


def searches(X: np.ndarray, y: np.ndarray, epochs: int) -> dict[str, Callable[[], object]]:
    ran: dict[str, Callable[[], object]] = {}
    for n_jobs in (1, 2):
        ran[f"SmoothingSearchCV, n_jobs={n_jobs}"] = lambda n=n_jobs: SmoothingSearchCV(
            ours(epochs), n_jobs=n
        ).fit(X, y)
        ran[f"GridSearchCV, n_jobs={n_jobs}"] = lambda n=n_jobs: GridSearchCV(
            ours(epochs), {"smoothing": RATES}, cv=5, n_jobs=n
        ).fit(X, y)
        ran[f"GridSearchCV of skorch, n_jobs={n_jobs}"] = lambda n=n_jobs: GridSearchCV(
            by_skorch(X, y, epochs), {"criterion__rate": RATES}, cv=5, n_jobs=n
        ).fit(X, y)
    ran["SmoothingSearchCV, one fold after another"] = lambda: apart(ours(epochs), X, y)
    deep = ours(epochs, (128, 128))
    ran["SmoothingSearchCV, two hidden layers"] = lambda: SmoothingSearchCV(deep).fit(X, y)
    ran["GridSearchCV, two hidden layers"] = lambda: GridSearchCV(
        deep, {"smoothing": RATES}, cv=5
    ).fit(X, y)
    return ran


def apart(clf: NoisyLabelClassifier, X: np.ndarray, y: np.ndarray) -> None:
    """A search as it is where memory is short."""
    with mock.patch.object(_candidates, "free_memory", lambda device: 0.0):
        SmoothingSearchCV(clf).fit(X, y)


def wall_seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    with parallel_config(inner_max_num_threads=1, backend="loky"):
        run()
    return time.perf_counter() - begin


def whole(rounds: int, only: str | None) -> str:
    columns: dict[str, dict[str, float]] = {}
    for name, ((X, y), epochs) in datasets().items():
        if only in (None, name):
            columns[name] = interleaved(searches(X, y, epochs), rounds, wall_seconds)
            print(name, columns[name], file=sys.stderr, flush=True)
    rows = [
        [who, *(found[who] for found in columns.values())] for who in next(iter(columns.values()))
    ]
    return (
        "## A whole search: 12 rates, 5 folds, wall time over that of SmoothingSearchCV\n\n"
        + table(["search", *columns], rows)
    )


def ways(stack: ExitStack) -> dict[str, Callable[[int], Any]]:
    """Searches of all kinds, from a seed, and the one fit that needs none."""
    clf = NoisyLabelClassifier("ce", max_epochs=20, device="cpu").set_params(module__hidden=(128,))

    def grid(seed: int, **params: Any) -> GridSearchCV:
        return GridSearchCV(seeded(seed), {"smoothing": RATES}, cv=5, **params)

    def seeded(seed: int) -> NoisyLabelClassifier:
        return clone(clf).set_params(random_state=seed)

    ran: dict[str, Callable[..., Any]] = {
        "SmoothingSearchCV": lambda s, X, y: SmoothingSearchCV(seeded(s)).fit(X, y),
        "SmoothingSearchCV, one_standard_error": lambda s, X, y: SmoothingSearchCV(
            seeded(s), refit=one_standard_error
        ).fit(X, y),
        "SmoothingSearchCV, n_jobs=2": lambda s, X, y: SmoothingSearchCV(
            seeded(s), n_jobs=2
        ).fit(X, y),
        "GridSearchCV": lambda s, X, y: grid(s).fit(X, y),
        "GridSearchCV, n_jobs=2": lambda s, X, y: grid(s, n_jobs=2).fit(X, y),
        "RandomizedSearchCV, 4 rates": lambda s, X, y: RandomizedSearchCV(
            seeded(s), {"smoothing": RATES}, n_iter=4, cv=5, random_state=s
        ).fit(X, y),
        "HalvingGridSearchCV over epochs": lambda s, X, y: HalvingGridSearchCV(
            seeded(s), {"smoothing": RATES}, resource="max_epochs", min_resources=5,
            max_resources=20, factor=2, cv=5, random_state=s,
        ).fit(X, y),
        'smoothing="auto", no search': lambda s, X, y: seeded(s)
        .set_params(smoothing="auto")
        .fit(X, y),
    }  # fmt: skip
    if find_spec("optuna_integration"):
        import optuna
        from optuna_integration import OptunaSearchCV

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", module="optuna")
        warnings.filterwarnings("ignore", message="OptunaSearchCV is experimental")
        rates = {"smoothing": optuna.distributions.FloatDistribution(-8, 0.8)}

        def by_optuna(s: int, X: np.ndarray, y: np.ndarray, **params: Any) -> Any:
            study = optuna.create_study(
                direction="maximize",
                sampler=optuna.samplers.TPESampler(seed=s),
                pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
            )
            return OptunaSearchCV(
                seeded(s), rates, study=study, n_trials=12, cv=5, random_state=s, **params
            ).fit(X, y)

        ran["OptunaSearchCV, 12 trials"] = by_optuna
        ran["OptunaSearchCV, 12 trials pruned by epoch"] = lambda s, X, y: by_optuna(
            s, X, y, enable_pruning=True, max_iter=20
        )
    if find_spec("distributed"):
        from distributed import Client, LocalCluster

        from sknoisy.dask import on_dask

        cluster = stack.enter_context(
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        )
        stack.enter_context(Client(cluster))

        def by_dask(s: int, X: np.ndarray, y: np.ndarray) -> Any:
            with on_dask(X, y):
                return grid(s).fit(X, y)

        ran["GridSearchCV on Dask, two workers"] = by_dask
    if find_spec("ray"):
        import ray
        from ray.util.joblib import register_ray

        ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
        stack.callback(ray.shutdown)
        register_ray()

        def by_ray(s: int, X: np.ndarray, y: np.ndarray) -> Any:
            with parallel_config(backend="ray", n_jobs=2):
                return grid(s).fit(X, y)

        ran["GridSearchCV on Ray, two workers"] = by_ray
    return ran


def choices(rounds: int) -> str:
    """Wall time of ways to search, and clean accuracy of what they chose, over seeds."""
    X, y = load_digits(return_X_y=True)
    scores: dict[str, list[float]] = {}
    with ExitStack() as stack:
        ran = ways(stack)
        turns = {name: iter(range(rounds + 1)) for name in ran}

        def once(name: str) -> Any:
            seed = next(turns[name])
            train, test = train_test_split(np.arange(len(y)), stratify=y, random_state=seed)
            noisy = corrupt_labels(y[train], 0.4, random_state=seed)
            found = ran[name](seed, X[train].astype(np.float32), noisy)
            scores.setdefault(name, []).append(100 * found.score(X[test], y[test]))

        run = {name: partial(once, name) for name in ran}
        took = interleaved(run, rounds, wall_seconds)
    rows = [
        [name, took[name], float(np.mean(found)), float(np.std(found, ddof=1))]
        for name, found in scores.items()
    ]
    return f"## Ways to search: digits, 40 % wrong labels, seeds 0 to {rounds}\n\n" + table(
        ["search", "wall time", "clean accuracy", "deviation over seeds"], rows
    )


def growth(rounds: int, only: str | None) -> str:
    """CPU time for each network, of several trained at once, over one alone."""
    counts = (1, 2, 5, 11, 55, 110)
    rows = []
    for name, ((X, y), epochs) in datasets().items():
        if only not in (None, name):
            continue
        for hidden in ((128,), (128, 128)):
            epochs = min(epochs, 5)

            def alone(X=X, y=y, epochs=epochs, hidden=hidden) -> None:
                ours(epochs, hidden).set_params(smoothing=-1.0).fit(X, y)

            def together(n: int, X=X, y=y, epochs=epochs, hidden=hidden) -> None:
                rates = np.linspace(-4, 0.8, n) if n > 1 else [-1.0]
                fit_candidates([ours(epochs, hidden).set_params(smoothing=r) for r in rates], X, y)

            run: dict[str, Callable[[], object]] = {"alone": alone}
            run |= {str(n): lambda n=n, t=together: t(n) for n in counts}
            took = interleaved(run, rounds)
            rows.append([name, str(hidden), *(took[str(n)] / n for n in counts)])
            print(rows[-1], file=sys.stderr, flush=True)
    return "## CPU time of a network, of several trained at once, over one alone\n\n" + table(
        ["data", "hidden layers", *(f"{n}" for n in counts)], rows
    )


def on_gpu(rounds: int) -> str:
    """Wall time on a GPU of a search of 11 rates in 5 folds, over that of one of its fits."""
    title = "## On a GPU: 55 networks, wall time over that of one\n\n"
    if not torch.cuda.is_available():
        return title + "Not run: no GPU."
    rows = []
    for name, ((X, y), epochs) in datasets().items():
        clf = ours(epochs).set_params(device="cuda", smoothing=-1.0)
        part = next(StratifiedKFold(5).split(X, y))[0]
        took = interleaved(
            {
                "one": lambda c=clf, X=X[part], y=y[part]: c.fit(X, y),
                "search": lambda c=clf, X=X, y=y: SmoothingSearchCV(
                    c, np.linspace(-4, 0.8, 11), refit=False
                ).fit(X, y),
            },
            rounds,
            wall_seconds,
        )
        rows.append([name, took["search"]])
    return title + table(["data", f"on {torch.cuda.get_device_name()}"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round, digits only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rounds, only = (1, "digits") if options.quick else (3, None)
    text = "\n\n".join(
        [
            f"# Searches\n\n{setting()}; medians of {rounds} rounds",
            growth(rounds, only),
            whole(rounds, only),
            on_gpu(rounds),
            choices(max(rounds, 2)),
        ]
    )
    if options.quick:
        print(text)
    else:
        save("search", text)
