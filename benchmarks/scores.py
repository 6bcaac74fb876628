"""Measure which score on noisy validation labels chooses the best rate and the best method.

    python benchmarks/scores.py              # what is missing or outdated, then the tables
    python benchmarks/scores.py --hours 2    # begin no cell after two hours
    python benchmarks/scores.py --table      # only write the tables

Cells are the noisy ones of ``robustness.py``, without the images. A fifth of the training set is
held out with its noisy labels, and candidates are trained on the rest: cross-entropy at several
rates of smoothing, and several methods with default settings. Each score chooses one rate and one
method by the rows held out; the result is its accuracy on clean test labels, beside that of the
best candidate.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, load
from _data import code as code_of_data
from robustness import DEVELOPMENT, cells
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy._label_noise.estimators import transition_between
from sknoisy.metrics import (
    cores_score,
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_log_loss,
    peer_accuracy,
)
from sknoisy.transition import most_confident

RATES = (-64.0, -16.0, -4.0, -1.0, 0.0, 0.2, 0.4)
OTHERS = (
    "gce", "sce", "nce_rce", "bootstrap", "mixup", "forward", "elr", "sop", "co_teaching",
    "bagging",
)  # fmt: skip
RATE_OF = {f"ce at {rate:g}": rate for rate in RATES}
PLAIN = "ce at 0"
CONTESTS = {"rate": tuple(RATE_OF), "method": (PLAIN, *OTHERS)}
TITLES = {"rate": "rate of smoothing", "method": "method"}
# Fraction of the rows held out whose clean labels are known.
TRUSTED = 0.25
SCORES = (
    "accuracy", "log loss", "corrected accuracy", "corrected balanced accuracy",
    "corrected log loss", "corrected Brier score", "corrected accuracy, true matrix",
    "corrected log loss, true matrix", "peer accuracy", "CORES score",
    f"accuracy, {TRUSTED:.0%} clean labels", "accuracy, all clean labels",
)  # fmt: skip

Score = Callable[[np.ndarray, np.ndarray], float]


def scores(y: np.ndarray, clean: np.ndarray, T: np.ndarray, estimate: np.ndarray) -> list[Score]:
    """All SCORES, of predicted labels and probabilities for the rows held out; more is better."""
    every = np.arange(len(T))
    checked = np.random.default_rng(0).permutation(len(y))[: max(1, round(TRUSTED * len(y)))]
    known: dict[str, Any] = {"classes": every}
    return [
        lambda labels, p: float((labels == y).mean()),
        lambda labels, p: -log_loss(y, p, labels=every),
        lambda labels, p: noise_corrected_accuracy(y, labels, estimate, **known),
        lambda labels, p: noise_corrected_balanced_accuracy(y, labels, estimate, **known),
        lambda labels, p: -noise_corrected_log_loss(y, p, estimate, **known),
        lambda labels, p: -noise_corrected_brier_score(y, p, estimate, **known),
        lambda labels, p: noise_corrected_accuracy(y, labels, T, **known),
        lambda labels, p: -noise_corrected_log_loss(y, p, T, **known),
        lambda labels, p: peer_accuracy(y, labels),
        lambda labels, p: cores_score(y, p, **known),
        lambda labels, p: float((labels[checked] == clean[checked]).mean()),
        lambda labels, p: float((labels == clean).mean()),
    ]


def measure(name: str, noise: str, seed: int) -> dict[str, Any]:
    """Clean test accuracy of every candidate, and of what each score chooses."""
    return judged(load(name, noise, seed), seed)


def judged(cell: Cell, seed: int) -> dict[str, Any]:
    """Clean test accuracy of all candidates, and of the choices of all scores."""
    begin = time.process_time()
    k = int(max(cell.clean.max(), cell.y.max(), cell.y_test.max())) + 1
    rare = np.bincount(cell.y)[np.unique(cell.y)].min() < 2
    rows, out = train_test_split(
        np.arange(len(cell.y)), test_size=0.2, random_state=seed, stratify=None if rare else cell.y
    )
    fitted = {}
    for candidate in dict.fromkeys(c for among in CONTESTS.values() for c in among):
        clf = NoisyLabelClassifier("ce", smoothing=RATE_OF.get(candidate, 0), random_state=seed)
        if candidate not in RATE_OF:
            clf.set_params(method=candidate)
        fitted[candidate] = clf.fit(cell.X[rows], cell.y[rows])
    true = transition_between(cell.clean, cell.y, k)
    bagging = fitted["bagging"]
    estimate = np.eye(k)
    seen = bagging.classes_
    estimate[np.ix_(seen, seen)] = most_confident(bagging, cell.y[rows])
    judges = scores(cell.y[out], cell.clean[out], true, estimate)
    test, points = {}, {}
    for candidate, clf in fitted.items():
        p = np.zeros((len(out), k))
        p[:, clf.classes_] = clf.predict_proba(cell.X[out])
        p /= p.sum(axis=1, keepdims=True)
        test[candidate] = float(clf.score(cell.X_test, cell.y_test))
        points[candidate] = {
            score: _value(judge, p) for score, judge in zip(SCORES, judges, strict=True)
        }
    return {
        **test, **choices(test, points), "points": points,
        "seconds": round(time.process_time() - begin, 2),
    }  # fmt: skip


def _value(judge: Score, p: np.ndarray) -> float | None:
    try:
        return float(judge(p.argmax(axis=1), p))
    except ValueError:  # A matrix without an inverse, or a class that no row has.
        return None


def choices(test: dict[str, float], points: dict[str, dict[str, float | None]]) -> dict[str, float]:
    """Clean test accuracy of the candidate that each score chooses in each contest.

    Among equals any may be chosen: their mean. Where a score is undefined, accuracy chooses.
    """
    chosen = {}
    for contest, among in CONTESTS.items():
        for score in SCORES:
            values = [points[c][score] for c in among]
            if None in values:
                values = [points[c]["accuracy"] for c in among]
            best = [test[c] for c, value in zip(among, values, strict=True) if value == max(values)]
            chosen[f"{contest} by {score}"] = float(np.mean(best))
    return chosen


@cache
def code(name: str, noise: str) -> str:
    """Fingerprint of what a cell depends on."""
    methods = [METHODS[name] for name in ("ce", *OTHERS)]
    return fingerprint(judged, *code_of_data(name, noise), *methods)


CELLS = _cells.CellTable(
    "scores",
    key=("set", "noise", "seed"),
    digits=dict.fromkeys(
        (*RATE_OF, *OTHERS, *(f"{contest} by {score}" for contest in CONTESTS for score in SCORES)),
        5,
    ),
    code=lambda name, noise, seed: code(name, noise),
)


def noisy_cells(seeds: int) -> Iterator[tuple[str, str, int]]:
    """Cells of the robustness table with noisy labels, without images."""
    for name, noise, seed in cells():
        if noise != "none" and name != "fashion_mnist" and seed < seeds:
            yield name, noise, seed


def report(cells: dict[_cells.Key, _cells.Row]) -> str:
    rows: dict[tuple, dict] = {key: row.values for key, row in cells.items()}
    seeds = sorted({seed for *_, seed in rows})
    lines = [
        "# Choosing by scores on noisy labels",
        "",
        f"Table written {setting()}.",
        "",
        f"{len(rows)} noisy combinations of set, noise and seed, of seeds {seeds}. *Best*: how "
        "often a score chooses the candidate that is best on clean test labels, or one as good. "
        "*Regret*: how much the chosen candidate is below it, in points of clean test accuracy, "
        "with the standard error over cells. The matrix of the corrected scores is estimated from "
        "the training part (`most_confident`), unless it is the true one; where a score is "
        f"undefined, accuracy chooses. {TRUSTED:.0%} clean labels: of the rows held out.",
        "",
        CELLS.origins(cells),
        "",
    ]
    parts: dict[str, Callable[[str, str], bool]] = {
        "all cells": lambda name, noise: True,
        "report half": lambda name, noise: name not in DEVELOPMENT,
        "symmetric": lambda name, noise: noise.startswith("sym"),
        "pair, asymmetric": lambda name, noise: noise.startswith(("pair", "asym")),
        "instance-dependent": lambda name, noise: noise.startswith("instance"),
        "human": lambda name, noise: noise in ("aggre", "rand1", "worst", "worker"),
    }
    inside = [[part(name, noise) for name, noise, _ in rows] for part in parts.values()]
    for contest, among in CONTESTS.items():
        best = np.array([max(row[c] for c in among) for row in rows.values()])
        fixed = max(among, key=lambda c: np.mean([row[c] for row in rows.values()]))
        columns = {score: f"{contest} by {score}" for score in SCORES}
        columns[f"always {fixed} (best on average)"] = fixed
        lines += [f"## Which {TITLES[contest]}", "", f"Among: {', '.join(among)}.", ""]
        text: list[list[object]] = []
        for title, column in columns.items():
            regrets = 100 * (best - [row[column] for row in rows.values()])
            means = [_mean(regrets[chosen]) for chosen in inside]
            text.append([title, f"{(regrets <= 0).mean():.0%}", *means])
        head = [TITLES[contest], "best", *(f"regret, {part}" for part in parts)]
        lines += [table(head, text), ""]
    lines += ["## Origin of the cells", "", CELLS.origin_table(cells)]
    return "\n".join(lines)


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values[0]:.2f}" if len(values) else "-"
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=1).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: noisy_cells(chosen.seeds), measure, report)
