"""Measure searches over rates of smoothing that train all rates and folds together.

    python benchmarks/search.py            # missing or outdated cells (all: 40 minutes), tables
    python benchmarks/search.py --table    # only write the tables
    python benchmarks/search.py --quick    # print one round on digits, keep nothing

Every cell is a ratio of times, the median of interleaved rounds:

- whole searches: wall time, refit included, over 12 rates of smoothing and 5 folds, of
  ``SmoothingSearchCV``, of ``GridSearchCV`` on our classifier and of ``GridSearchCV`` on skorch,
  with the same network and one torch thread in each process or thread;
- growth: CPU time of a network when several are trained together, over that of one alone;
- where there is a GPU, wall time of a search of 55 networks there, over that of one network;
- other ways to search on digits: wall time, and the accuracy on clean test labels of what they
  chose by scores on noisy ones. Ways whose package is not installed are not run.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from importlib.util import find_spec
from typing import Any
from unittest import mock

import _cells
from _common import cpu_seconds, interleaved, setting, table
from _fingerprint import fingerprint

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

from sknoisy import METHODS, NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.functional import cross_entropy, one_hot, smooth_labels
from sknoisy.noise import corrupt_labels
from sknoisy.search import _candidates, one_standard_error
from sknoisy.search._fit import fit_candidates
from sknoisy.search.smoothing_search import RATES

Arrays = tuple[np.ndarray, np.ndarray]


def datasets() -> dict[str, tuple[Arrays, int]]:
    """Rows and labels with a noise rate of 40 %, and epochs."""
    large = make_classification(20_000, 50, n_informative=20, n_classes=5, random_state=0)
    sets = {"digits": (load_digits(return_X_y=True), 20), "20k x 50": (large, 5)}
    return {
        name: ((X.astype(np.float32), corrupt_labels(y.astype(np.int64), 0.4, random_state=0)), n)
        for name, ((X, y), n) in sets.items()
    }


class Smoothed(nn.Module):
    """A criterion for skorch with a rate of either sign, which torch does not have."""

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
    """Whole searches; the first is what the others are compared with."""
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
    """A search that trains one fold after another, as it does where memory is short."""
    with mock.patch.object(_candidates, "free_memory", lambda device: 0.0):
        SmoothingSearchCV(clf).fit(X, y)


def wall_seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    with parallel_config(inner_max_num_threads=1, backend="loky"):
        run()
    return time.perf_counter() - begin


def whole(data: str, search: str, rounds: int) -> dict[str, float]:
    """Wall time of a whole search over that of SmoothingSearchCV."""
    (X, y), epochs = datasets()[data]
    ran = searches(X, y, epochs)
    base = next(iter(ran))
    if search == base:
        return {"ratio": 1.0}
    return {"ratio": _ratio(ran[base], ran[search], rounds, wall_seconds)}


def _ratio(base: Callable, run: Callable, rounds: int, measure: Callable[..., float]) -> float:
    return interleaved({"base": base, "run": run}, rounds, measure)["run"]


def seeded(seed: int) -> NoisyLabelClassifier:
    """The classifier of all ways to search."""
    return clone(ours(20)).set_params(random_state=seed)


def grid(seed: int, **params: Any) -> GridSearchCV:
    return GridSearchCV(seeded(seed), {"smoothing": RATES}, cv=5, **params)


# Ways that need no other package; each takes a seed.
PLAIN_WAYS: dict[str, Callable[[int], Any]] = {
    "SmoothingSearchCV": lambda s: SmoothingSearchCV(seeded(s)),
    "SmoothingSearchCV, one_standard_error": lambda s: SmoothingSearchCV(
        seeded(s), refit=one_standard_error
    ),
    "SmoothingSearchCV, n_jobs=2": lambda s: SmoothingSearchCV(seeded(s), n_jobs=2),
    "GridSearchCV": grid,
    "GridSearchCV, n_jobs=2": lambda s: grid(s, n_jobs=2),
    "RandomizedSearchCV, 4 rates": lambda s: RandomizedSearchCV(
        seeded(s), {"smoothing": RATES}, n_iter=4, cv=5, random_state=s
    ),
    "HalvingGridSearchCV over epochs": lambda s: HalvingGridSearchCV(
        seeded(s), {"smoothing": RATES}, resource="max_epochs", min_resources=5,
        max_resources=20, factor=2, cv=5, random_state=s,
    ),
    'smoothing="auto", no search': lambda s: seeded(s).set_params(smoothing="auto"),
}  # fmt: skip
# The others, each with the package that it needs.
OTHER_WAYS = {
    "OptunaSearchCV, 12 trials": "optuna_integration",
    "OptunaSearchCV, 12 trials pruned by epoch": "optuna_integration",
    "GridSearchCV on Dask, two workers": "distributed",
    "GridSearchCV on Ray, two workers": "ray",
}
WAYS = (*PLAIN_WAYS, *OTHER_WAYS)


def fitted_by(way: str, stack: ExitStack) -> Callable[[int, np.ndarray, np.ndarray], Any]:
    """A function that takes a seed and data and fits; what it needs stops with the stack."""
    if way in PLAIN_WAYS:
        return lambda s, X, y: PLAIN_WAYS[way](s).fit(X, y)
    if way.startswith("Optuna"):
        pruning = {"enable_pruning": True, "max_iter": 20} if "pruned" in way else {}
        return lambda s, X, y: by_optuna(s, **pruning).fit(X, y)
    return (on_dask_workers if "Dask" in way else on_ray_workers)(stack)


def by_optuna(seed: int, **params: Any) -> Any:
    import optuna
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", module="optuna")
    warnings.filterwarnings("ignore", message="OptunaSearchCV is experimental")
    rates = {"smoothing": optuna.distributions.FloatDistribution(-8, 0.8)}
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    return OptunaSearchCV(
        seeded(seed), rates, study=study, n_trials=12, cv=5, random_state=seed, **params
    )


def on_dask_workers(stack: ExitStack) -> Callable[[int, np.ndarray, np.ndarray], Any]:
    from distributed import Client, LocalCluster

    from sknoisy.dask import on_dask

    cluster = stack.enter_context(
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    )
    stack.enter_context(Client(cluster))

    def fit(s: int, X: np.ndarray, y: np.ndarray) -> Any:
        with on_dask(X, y):
            return grid(s).fit(X, y)

    return fit


def on_ray_workers(stack: ExitStack) -> Callable[[int, np.ndarray, np.ndarray], Any]:
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    stack.callback(ray.shutdown)
    register_ray()

    def fit(s: int, X: np.ndarray, y: np.ndarray) -> Any:
        with parallel_config(backend="ray", n_jobs=2):
            return grid(s).fit(X, y)

    return fit


def choice(data: str, way: str, rounds: int) -> dict[str, float]:
    """Wall time of a way to search, and over seeds the clean accuracy of what it chose."""
    X, y = load_digits(return_X_y=True)
    base = next(iter(PLAIN_WAYS))
    turns = {name: iter(range(rounds + 1)) for name in (base, way)}
    scores: dict[str, list[float]] = {name: [] for name in turns}
    with ExitStack() as stack:
        fits = {name: fitted_by(name, stack) for name in turns}

        def once(name: str) -> None:
            seed = next(turns[name])
            train, test = train_test_split(np.arange(len(y)), stratify=y, random_state=seed)
            noisy = corrupt_labels(y[train], 0.4, random_state=seed)
            fitted = fits[name](seed, X[train].astype(np.float32), noisy)
            scores[name].append(100 * fitted.score(X[test], y[test]))

        took = interleaved({name: partial(once, name) for name in turns}, rounds, wall_seconds)
    mean, std = np.mean(scores[way]), np.std(scores[way], ddof=1)
    return {"ratio": took[way], "accuracy": float(mean), "std": float(std)}


def growth(data: str, networks: str, rounds: int) -> dict[str, float]:
    """CPU time for each network, of several trained together, over one alone."""
    (X, y), epochs = datasets()[data]
    layers, _, count = networks.partition(": ")
    hidden, n, epochs = HIDDEN[layers], int(count), min(epochs, 5)

    def alone() -> None:
        ours(epochs, hidden).set_params(smoothing=-1.0).fit(X, y)

    def together() -> None:
        rates = np.linspace(-4, 0.8, n) if n > 1 else [-1.0]
        fit_candidates([ours(epochs, hidden).set_params(smoothing=r) for r in rates], X, y)

    return {"ratio": _ratio(alone, together, rounds, cpu_seconds) / n}


def on_gpu(data: str, gpu: str, rounds: int) -> dict[str, float]:
    """Wall time on a GPU of a search of 11 rates in 5 folds, over that of one of its fits."""
    (X, y), epochs = datasets()[data]
    clf = ours(epochs).set_params(device="cuda", smoothing=-1.0)
    part = next(StratifiedKFold(5).split(X, y))[0]
    rates = np.linspace(-4, 0.8, 11)

    def search() -> None:
        SmoothingSearchCV(clf, rates, refit=False).fit(X, y)

    return {"ratio": _ratio(lambda: clf.fit(X[part], y[part]), search, rounds, wall_seconds)}


SETS = ("digits", "20k x 50")
SEARCHES = (
    "SmoothingSearchCV, n_jobs=1", "GridSearchCV, n_jobs=1", "GridSearchCV of skorch, n_jobs=1",
    "SmoothingSearchCV, n_jobs=2", "GridSearchCV, n_jobs=2", "GridSearchCV of skorch, n_jobs=2",
    "SmoothingSearchCV, one fold after another", "SmoothingSearchCV, two hidden layers",
    "GridSearchCV, two hidden layers",
)  # fmt: skip
HIDDEN = {"(128,)": (128,), "(128, 128)": (128, 128)}
COUNTS = (1, 2, 5, 11, 55, 110)
PARTS: dict[str, Callable[[str, str, int], dict[str, float]]] = {
    "growth": growth,
    "whole": whole,
    "gpu": on_gpu,
    "ways": choice,
}
ROUNDS = 3


def measure(part: str, data: str, contender: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """The ratio of a contender to what its part compares with."""
    values = PARTS[part](data, contender, rounds)
    print(part, data, contender, values, file=sys.stderr, flush=True)
    return values


@cache
def _code(part: str) -> str:
    return fingerprint(PARTS[part], METHODS["ce"], "scikit-learn", "skorch")


def code(part: str, data: str, contender: str) -> str:
    """Fingerprint of what a cell depends on."""
    return _code(part)


CELLS = _cells.CellTable(
    "search",
    key=("part", "data", "contender"),
    digits={"ratio": 3, "accuracy": 2, "std": 2},
    code=code,
)


def keys(sets: tuple[str, ...] = SETS) -> Iterator[_cells.Key]:
    """All cells that can be measured here."""
    for data in sets:
        for layers in HIDDEN:
            for count in COUNTS:
                yield "growth", data, f"{layers}: {count}"
    for data in sets:
        for search in SEARCHES:
            yield "whole", data, search
    if torch.cuda.is_available():
        for data in sets:
            yield "gpu", data, torch.cuda.get_device_name()
    for way in WAYS:
        if way in PLAIN_WAYS or find_spec(OTHER_WAYS[way]):
            yield "ways", "digits", way


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    values = {key: row.values for key, row in rows.items()}
    text = ["# Searches", f"Table written {setting()}.", CELLS.origins(rows)]
    text.append("Times are ratios, medians over rounds.")
    lines: list[list[object]] = []
    for data in SETS:
        for layers in HIDDEN:
            cells = [values.get(("growth", data, f"{layers}: {n}")) for n in COUNTS]
            lines.append([data, layers, *(cell["ratio"] if cell else "" for cell in cells)])
    text.append("## CPU time of a network, of several trained together, over one alone")
    text.append(table(["data", "hidden layers", *map(str, COUNTS)], lines))
    lines = []
    for search in SEARCHES:
        cells = [values.get(("whole", data, search)) for data in SETS]
        lines.append([search, *(cell["ratio"] if cell else "" for cell in cells)])
    text.append("## A whole search: 12 rates, 5 folds, wall time over that of SmoothingSearchCV")
    text.append(table(["search", *SETS], lines))
    text.append("## On a GPU: 55 networks, wall time over that of one")
    lines = [[data, gpu, v["ratio"]] for (part, data, gpu), v in values.items() if part == "gpu"]
    text.append(table(["data", "GPU", "ratio"], lines) if lines else "Not run: no GPU.")
    cells = {way: values[key] for way in WAYS if (key := ("ways", "digits", way)) in values}
    text.append(f"## Ways to search: digits, noise rate 40 %, seeds 0 to {ROUNDS}")
    head = ["search", "wall time", "clean accuracy", "deviation over seeds"]
    text.append(table(head, [[way, *values.values()] for way, values in cells.items()]))
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


def quick() -> str:
    """The table of one round on digits."""
    todo = list(keys(("digits",)))
    return report({k: _cells.Row(measure(*k, rounds=1), CELLS.origin(k)) for k in todo})


if __name__ == "__main__":
    parser = _cells.options(__doc__)
    parser.add_argument("--quick", action="store_true", help="print one round on digits")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.quick:
        print(quick())
    else:
        _cells.run(CELLS, chosen, keys, measure, report)
