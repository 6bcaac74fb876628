"""How fast all rates and folds are trained at once, beside a grid search.

    python benchmarks/search.py            # about 20 minutes
    python benchmarks/search.py --quick    # one round, digits only

Wall time of a whole search, refit included, over 12 rates of smoothing and 5 folds, in interleaved
rounds: of ``SmoothingSearchCV``, of ``GridSearchCV`` on our classifier and of ``GridSearchCV`` on
skorch, with the same network and one torch thread in each process or thread. Then the CPU time of
a network when several are trained at once, beside one alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from _common import interleaved, save, setting, table

# ruff: isort: split
import numpy as np
import torch
from joblib import parallel_config
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from speed import Net
from torch import nn

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy._sweep import train_at_once
from sknoisy.losses import cross_entropy, one_hot, smooth
from sknoisy.noise import corrupt_labels
from sknoisy.search import RATES

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
        return cross_entropy(logits, smooth(one_hot(y, logits.shape[-1]), self.rate)).mean()


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
    deep = ours(epochs, (128, 128))
    ran["SmoothingSearchCV, two hidden layers"] = lambda: SmoothingSearchCV(deep).fit(X, y)
    ran["GridSearchCV, two hidden layers"] = lambda: GridSearchCV(
        deep, {"smoothing": RATES}, cv=5
    ).fit(X, y)
    return ran


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
                train_at_once([ours(epochs, hidden).set_params(smoothing=r) for r in rates], X, y)

            run: dict[str, Callable[[], object]] = {"alone": alone}
            run |= {str(n): lambda n=n, t=together: t(n) for n in counts}
            took = interleaved(run, rounds)
            rows.append([name, str(hidden), *(took[str(n)] / n for n in counts)])
            print(rows[-1], file=sys.stderr, flush=True)
    return "## CPU time of a network, of several trained at once, over one alone\n\n" + table(
        ["data", "hidden layers", *(f"{n}" for n in counts)], rows
    )


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
        ]
    )
    if options.quick:
        print(text)
    else:
        save("search", text)
