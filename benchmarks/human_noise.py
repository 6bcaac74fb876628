"""Compare the default with peers on the worst human labels of CIFAR-10N, all 50,000 rows.

    SKNOISY_DATA=... python benchmarks/human_noise.py           # missing or outdated cells, table
    SKNOISY_DATA=... python benchmarks/human_noise.py --table   # only write the table

Inputs are features of the images; the robustness table has the same set with 10,000 rows.
Contenders are those of that table, and ``mlp_20``: one hidden layer of 256 for 20 epochs. Rows are
the same in every fit; the seed is that of the contender alone.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, home, real_arrays
from _peers import scaled
from robustness import DEFAULT, code_of_contender, fit_and_score, make
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier

CONTENDERS = (DEFAULT, "bagging", "mlp_20", "lr", "elr", "ce", "mlp")


def mlp_20(seed: int) -> BaseEstimator:
    """A shorter training of a smaller perceptron."""
    return scaled(MLPClassifier((256,), max_iter=20, random_state=seed))


def data() -> Cell:
    """All rows, with the worst human labels."""
    folder = home()
    assert folder is not None
    X, clean, X_test, y_test, noisy = real_arrays("cifar10_features", folder)
    return Cell(X, noisy["worst"].astype(int), clean, X_test, y_test)


def measure(contender: str, seed: int) -> dict[str, Any]:
    """One fit: accuracy on clean test labels, and its CPU seconds."""
    cell, clf = data(), mlp_20(seed) if contender == "mlp_20" else make(contender, seed)
    begin = time.process_time()
    accuracy = fit_and_score(clf, cell)
    print(contender, seed, accuracy, file=sys.stderr, flush=True)
    return {"accuracy": accuracy, "seconds": time.process_time() - begin}


def code(contender: str, seed: int) -> str:
    """Fingerprint of what a cell depends on."""
    parts: tuple[Callable | str, ...] = (mlp_20, "scikit-learn")
    if contender != "mlp_20":
        parts = code_of_contender(contender)
    return fingerprint(data, fit_and_score, *parts)


CELLS = _cells.CellTable(
    "human_noise", key=("contender", "seed"), digits={"accuracy": 5, "seconds": 2}, code=code
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """Seed by seed, all contenders."""
    if home() is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    for seed in range(seeds):
        for contender in CONTENDERS:
            yield contender, seed


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    lines: list[list[object]] = []
    for contender in CONTENDERS:
        runs = [row.values for key, row in rows.items() if key[0] == contender]
        if runs:
            accuracies = 100 * np.array([run["accuracy"] for run in runs])
            seconds = float(np.mean([run["seconds"] for run in runs]))
            mean, std = float(accuracies.mean()), float(accuracies.std())
            lines.append([contender, mean, std, seconds, len(runs)])
    return "\n\n".join(
        [
            "# The worst human labels of CIFAR-10N",
            f"Table written {setting()}.",
            "Clean test accuracy in % with all 50000 rows, of whose labels 40 % are noisy; mean "
            "and standard deviation over seeds; CPU seconds of a fit.",
            CELLS.origins(rows),
            table(["contender", "accuracy", "std", "seconds", "seeds"], lines),
            "## Origin of the cells",
            CELLS.origin_table(rows),
        ]
    )


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=3).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
