"""Measure what a bad column costs: far from zero, with outliers, or constant in training.

    python benchmarks/columns.py                      # what is missing or outdated, then the table
    python benchmarks/columns.py --only bagging ce    # only these methods
    python benchmarks/columns.py --table              # only write the table

A cell is one fit of a method with default settings to a made table of eight columns, to which a
column is added, or in which one or all are replaced, scored by accuracy on clean test labels. It is
compared with a fit to the same table without the fault: a useless column with a useless column of
normal numbers, all others with the table as it is.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from sklearn.datasets import make_classification

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.noise import corrupt_labels

N_TRAIN, N_TEST, NOISE_RATE = 600, 2000, 0.2
SEEDS = range(5)
Rng = np.random.Generator


def _added(column: Callable[[Rng, int], np.ndarray]) -> Callable[[np.ndarray, Rng], np.ndarray]:
    return lambda X, rng: np.column_stack([X, column(rng, len(X))])


def _with_cells(column: np.ndarray, rng: Rng, value: float) -> np.ndarray:
    return np.where(rng.random(len(column)) < 0.02, value, column)


def _cells_of_first(X: np.ndarray, rng: Rng) -> np.ndarray:
    return np.column_stack([_with_cells(X[:, 0], rng, 1e8), X[:, 1:]])


def _far(X: np.ndarray, rng: Rng) -> np.ndarray:
    return np.round(1.7e9 + 1000 * X / X.std(axis=0))


def _far_with_zeros(X: np.ndarray, rng: Rng) -> np.ndarray:
    far = _far(X, rng)
    return np.column_stack([_with_cells(far[:, 0], rng, 0.0), far[:, 1:]])


USELESS: dict[str, Callable[[np.ndarray, Rng], np.ndarray]] = {
    "order numbers": _added(lambda rng, n: 2024000001.0 + rng.permutation(n)),
    "seconds of an hour": _added(lambda rng, n: 1.7e9 + 3600 * rng.random(n)),
    "nanoseconds of an hour": _added(lambda rng, n: 1.7e18 + 3.6e12 * rng.random(n)),
    "seconds, 2 % are 0": _added(
        lambda rng, n: _with_cells(1.7e9 + 3600 * rng.random(n), rng, 0.0)
    ),
    "heavy tails": _added(lambda rng, n: rng.standard_cauchy(n)),
    "outliers": _added(lambda rng, n: _with_cells(rng.normal(size=n), rng, 1e8)),
}
OTHERS: dict[str, Callable[[np.ndarray, Rng], np.ndarray]] = {
    "constant in training": _added(lambda rng, n: np.where(np.arange(n) < N_TRAIN, 19000, 19100)),
    "nearly constant": _added(lambda rng, n: 255.0 * (rng.random(n) < 0.005)),
    "outliers in one": _cells_of_first,
    "all far from zero": _far,
    "all far, 2 % of one are 0": _far_with_zeros,
}
REFERENCES: dict[str, Callable[[np.ndarray, Rng], np.ndarray]] = {
    "as it is": lambda X, rng: X,
    "normal": _added(lambda rng, n: rng.normal(size=n)),
}
COLUMNS = REFERENCES | USELESS | OTHERS


def measure(contender: str, column: str, seed: int) -> dict[str, Any]:
    """One fit: accuracy on clean test labels, and its CPU seconds."""
    begin = time.process_time()
    accuracy = fit_and_score(NoisyLabelClassifier(contender, random_state=seed), column, seed)
    return {"accuracy": accuracy, "seconds": round(time.process_time() - begin, 2)}


def fit_and_score(clf: NoisyLabelClassifier, column: str, seed: int) -> float:
    """Accuracy on clean test labels after a fit to noisy ones."""
    X, y = make_classification(
        N_TRAIN + N_TEST, 8, n_informative=6, n_classes=3, class_sep=1.5, flip_y=0,
        random_state=seed,
    )  # fmt: skip
    X = COLUMNS[column](X, np.random.default_rng(seed))
    noisy = corrupt_labels(y[:N_TRAIN], NOISE_RATE, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(clf.fit(X[:N_TRAIN], noisy).score(X[N_TRAIN:], y[N_TRAIN:]))


@cache
def code(contender: str) -> str:
    """Fingerprint of what a cell depends on."""
    return fingerprint(fit_and_score, NoisyLabelClassifier, METHODS[contender])


CELLS = _cells.CellTable(
    "columns",
    key=("contender", "column", "seed"),
    digits={"accuracy": 4},
    code=lambda contender, column, seed: code(contender),
    across=("seed",),
)


def keys(contenders: list[str]) -> Iterator[tuple[str, str, int]]:
    """One seed of everything before the next."""
    return ((c, column, seed) for seed in SEEDS for c in contenders for column in COLUMNS)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    """The table: accuracies of the references, and differences from them."""
    accuracies: dict[tuple, dict[int, float]] = defaultdict(dict)
    for (contender, column, seed), row in rows.items():
        accuracies[contender, column][int(seed)] = 100 * float(row.values["accuracy"] or 0)
    names = [c for c in METHODS if all(accuracies[c, column] for column in COLUMNS)]
    lines = ["# Bad columns", "", f"Table written {setting()}.", ""]
    lines += [
        f"Clean test accuracy in % after a fit to {N_TRAIN} rows with {NOISE_RATE:.0%} symmetric "
        "noise: mean over seeds, and the mean difference from the same seeds of the reference with "
        "its standard error. Useless columns are added, and compared with an added column of "
        "normal numbers, because any useless column costs something.",
        "",
        CELLS.origins(rows),
        "",
        table(
            ["method", "seeds", *REFERENCES],
            [
                [c, len(accuracies[c, "normal"])]
                + [float(np.mean(list(accuracies[c, r].values()))) for r in REFERENCES]
                for c in names
            ],
        ),
    ]
    for title, columns, reference in (
        ("Useless columns, from a normal one", USELESS, "normal"),
        ("Others, from the table as it is", OTHERS, "as it is"),
    ):
        body: list[list[object]] = [
            [c, *(_difference(accuracies[c, k], accuracies[c, reference]) for k in columns)]
            for c in names
        ]
        everywhere = [
            np.concatenate(
                [_differences(accuracies[c, k], accuracies[c, reference]) for c in names]
            )
            for k in columns
        ]
        body.append(["mean", *(f"{d.mean():+.2f}" for d in everywhere)])
        lines += ["", f"## {title}", "", table(["method", *columns], body)]
    lines += ["", "## Origin of the cells", "", CELLS.origin_table(rows)]
    return "\n".join(lines)


def _differences(these: dict[int, float], reference: dict[int, float]) -> np.ndarray:
    return np.array([these[s] - reference[s] for s in sorted(these.keys() & reference.keys())])


def _difference(these: dict[int, float], reference: dict[int, float]) -> str:
    d = _differences(these, reference)
    return (
        f"{d.mean():+.1f} ± {d.std(ddof=1) / len(d) ** 0.5:.1f}" if len(d) > 1 else f"{d[0]:+.1f}"
    )


if __name__ == "__main__":
    parser = _cells.options(__doc__)
    parser.add_argument("--only", nargs="+", default=list(METHODS), metavar="NAME")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    _cells.run(CELLS, chosen, keys=lambda: keys(chosen.only), measure=measure, report=report)
