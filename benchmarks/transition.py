"""Measure errors of estimated transition matrices and noise rates, beside those of cleanlab.

    python benchmarks/transition.py              # missing or outdated cells, then the tables
    python benchmarks/transition.py --hours 2    # begin no cell after two hours
    python benchmarks/transition.py --table      # only write the tables

Cells are those of the robustness table, without images; most data sets need ``SKNOISY_DATA``, and
the comparison needs cleanlab. All estimators but ``hoc``, which takes the features, take the same
probabilities: of the default classifier out of bag, or of logistic regression in five folds. The
true matrix counts the labels of the cell. ``most_confident`` was designed on the development half
with seeds 100 to 102.
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import KINDS, Cell, load
from _data import code as code_of_data
from robustness import DEFAULT, DEVELOPMENT, cells
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy._label_noise.estimators import noise_rate_from_transition, transition_between
from sknoisy.transition import (
    anchor_points,
    confident_joint,
    dual_t,
    gold,
    hoc,
    most_confident,
    noise_rate,
)

MODELS = ("default, out of bag", "logistic regression, 5-fold")
TRUSTED = 0.05
ESTIMATORS = (
    "most_confident", "anchor_points", "confident_joint", "dual_t", f"gold, {TRUSTED:.0%} trusted",
    "hoc", "cleanlab", "no noise",
)  # fmt: skip
HUMAN = ("aggre", "rand1", "worst", "worker")


def probabilities(model: str, X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Probabilities of labels for rows that were not trained on."""
    if model == MODELS[0]:
        fitted = NoisyLabelClassifier(random_state=seed).fit(X, y)
        return fitted.method_.out_of_bag.double().numpy()
    clf = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(clf, X, y, cv=folds, method="predict_proba")


def estimate_by_cleanlab(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    from cleanlab.count import estimate_py_and_noise_matrices_from_probabilities as estimate

    return estimate(y, p)[1].T


def estimates(cell: Cell, p: np.ndarray, trusted: np.ndarray) -> list[np.ndarray]:
    """A transition matrix by each of ESTIMATORS."""
    y, checked = cell.y, np.where(trusted, cell.clean, cell.y)
    spread = cell.X.std(axis=0)
    scaled = (cell.X - cell.X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return [
        most_confident(p, y),
        anchor_points(p, y),
        confident_joint(p, y),
        dual_t(p, y),
        gold(p, checked, trusted),
        hoc(scaled, y),
        estimate_by_cleanlab(y, p),
        np.eye(p.shape[1]),
    ]


def measure(name: str, noise: str, seed: int, model: str) -> dict[str, Any]:
    """Errors of all estimators from the probabilities of one model."""
    print(name, noise, seed, model, file=sys.stderr, flush=True)
    return errors(load(name, noise, seed), seed, model)


def errors(cell: Cell, seed: int, model: str) -> dict[str, Any]:
    """Errors of matrices and rates; whether the interval of `noise_rate` has the true rate."""
    k = int(max(cell.clean.max(), cell.y.max())) + 1
    true = transition_between(cell.clean, cell.y, k)
    rate = float((cell.y != cell.clean).mean())
    trusted = np.random.default_rng(seed).random(len(cell.y)) < TRUSTED
    p = probabilities(model, cell.X, cell.y, seed)
    values: dict[str, Any] = {}
    for name, matrix in zip(ESTIMATORS, estimates(cell, p, trusted), strict=True):
        values[f"matrix {name}"] = float(abs(matrix - true).sum() / k)
        values[f"rate {name}"] = float(abs(noise_rate_from_transition(matrix, cell.y) - rate))
    interval = noise_rate(p, cell.y, random_state=seed)
    return values | {"inside": int(interval.low <= rate <= interval.high)}


@cache
def _code(name: str, noise: str) -> str:
    packages = ("scikit-learn", "cleanlab")
    return fingerprint(errors, METHODS[DEFAULT], *code_of_data(name, noise), *packages)


def code(name: str, noise: str, seed: int, model: str) -> str:
    """Fingerprint of what a cell depends on."""
    return _code(name, noise)


CELLS = _cells.CellTable(
    "transition",
    key=("set", "noise", "seed", "model"),
    digits=dict.fromkeys(
        (f"{what} {name}" for what in ("matrix", "rate") for name in ESTIMATORS), 5
    )
    | {"inside": 0},
    code=code,
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """Both models in the cells of the robustness table."""
    if find_spec("cleanlab") is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs cleanlab", file=sys.stderr)
        return
    for name, noise, seed in cells():
        if name != "fashion_mnist" and seed < seeds:
            for model in MODELS:
                yield name, noise, seed, model


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    seeds = sorted({key[2] for key in rows})
    text = [
        "# Transition matrices",
        f"Table written {setting()}.",
        "Error of a matrix: sum of absolute differences from the true one, divided by the number "
        f"of classes. Error of a rate: absolute difference. Means over cells, of seeds {seeds}.",
        CELLS.origins(rows),
    ]
    parts: dict[str, Callable[[str, str], bool]] = {
        "development half": lambda name, noise: name in DEVELOPMENT and noise not in HUMAN,
        "report half": lambda name, noise: name not in DEVELOPMENT and noise not in HUMAN,
        "no noise": lambda name, noise: noise == "none",
        "CIFAR-10N": lambda name, noise: noise in HUMAN[:3],
        "all noisy": lambda name, noise: noise != "none",
        "all": lambda name, noise: True,
    }
    for model in MODELS:
        for what in ("matrix", "rate"):
            lines: list[list[object]] = []
            for estimator in ESTIMATORS:
                means = _means(rows, model, f"{what} {estimator}")
                line = [
                    np.mean([v for cell, v in means.items() if inside(*cell)] or [np.nan])
                    for inside in parts.values()
                ]
                lines.append([estimator, *(f"{mean:.3f}" for mean in line)])
            text.append(f"## Error of the {what}: {model}")
            text.append(table([what, *parts], lines))
    kinds = [kind for kind in KINDS if any(key[1] == kind for key in rows)]
    lines = [[model, *(_fraction_inside(rows, model, kind) for kind in kinds)] for model in MODELS]
    text.append("## Fraction of intervals of `noise_rate` that have the true rate (nominal: .95)")
    text.append(table(["probabilities", *kinds], lines))
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


def _means(rows: dict[_cells.Key, _cells.Row], model: str, column: str) -> dict[tuple, float]:
    """The mean over seeds, of each set and noise."""
    values = defaultdict(list)
    for key, row in rows.items():
        if key[3] == model:
            values[key[:2]].append(row.values[column])
    return {cell: float(np.mean(seeds)) for cell, seeds in values.items()}


def _fraction_inside(rows: dict[_cells.Key, _cells.Row], model: str, kind: str) -> str:
    inside = [row.values["inside"] for k, row in rows.items() if (k[1], k[3]) == (kind, model)]
    return f"{np.mean(inside):.2f}" if inside else "-"


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=1).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
