"""Which score to trust when the validation labels are wrong too.

    python benchmarks/scores.py              # what is not measured yet, then the table
    python benchmarks/scores.py --hours 2    # stop after about so long
    python benchmarks/scores.py --table      # only write the table

On the noisy cells of ``robustness.py`` but the images, a fifth of the training set is held out with
its wrong labels. Candidates are trained on the rest: cross-entropy at several rates of smoothing,
and several methods as they come. Each score chooses one of either by the rows held out; what counts
is the accuracy of that one on clean test labels, beside that of the best candidate.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from _common import RESULTS, known, measure_missing, resumable, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import load
from robustness import DEVELOPMENT, cells
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
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

KEY = ("set", "noise", "seed")
ROWS = RESULTS / "scores.jsonl"
RATES = (-64.0, -16.0, -4.0, -1.0, 0.0, 0.2, 0.4)
METHODS = (
    "ce", "gce", "sce", "nce_rce", "bootstrap", "mixup", "forward", "elr", "sop", "co_teaching",
    "bagging",
)  # fmt: skip
RATE_OF = {f"ce at {rate:g}": rate for rate in RATES}
PLAIN = "ce at 0"
CONTESTS = {
    "rate of smoothing": tuple(RATE_OF),
    "method": tuple(PLAIN if name == "ce" else name for name in METHODS),
}
# Share of the rows held out whose right labels somebody knows.
TRUSTED = 0.25

Score = Callable[[np.ndarray, np.ndarray], float]


def scores(y: np.ndarray, right: np.ndarray, T: np.ndarray, found: np.ndarray) -> dict[str, Score]:
    """Each score of probabilities for the rows held out; more is better."""
    k = len(T)
    every = np.arange(k)
    checked = np.random.default_rng(0).permutation(len(y))[: max(1, round(TRUSTED * len(y)))]
    known: dict[str, Any] = {"classes": every}
    return {
        "accuracy": lambda said, p: float((said == y).mean()),
        "log loss": lambda said, p: -log_loss(y, p, labels=every),
        "corrected accuracy": lambda said, p: noise_corrected_accuracy(y, said, found, **known),
        "corrected balanced accuracy": lambda said, p: noise_corrected_balanced_accuracy(
            y, said, found, **known
        ),
        "corrected log loss": lambda said, p: -noise_corrected_log_loss(y, p, found, **known),
        "corrected Brier score": lambda said, p: -noise_corrected_brier_score(y, p, found, **known),
        "corrected accuracy, true matrix": lambda said, p: noise_corrected_accuracy(
            y, said, T, **known
        ),
        "corrected log loss, true matrix": lambda said, p: (
            -noise_corrected_log_loss(y, p, T, **known)
        ),
        "peer accuracy": lambda said, p: peer_accuracy(y, said),
        "CORES score": lambda said, p: cores_score(y, p, **known),
        f"accuracy, {TRUSTED:.0%} right labels": lambda said, p: float(
            (said[checked] == right[checked]).mean()
        ),
        "accuracy, all right labels": lambda said, p: float((said == right).mean()),
    }


def measure(name: str, noise: str, seed: int) -> dict[str, Any]:
    """Every score of every candidate on the rows held out, and its clean test accuracy."""
    begin = time.process_time()
    cell = load(name, noise, seed)
    k = int(max(cell.clean.max(), cell.y.max(), cell.y_test.max())) + 1
    rare = np.bincount(cell.y)[np.unique(cell.y)].min() < 2
    rows, out = train_test_split(
        np.arange(len(cell.y)), test_size=0.2, random_state=seed,
        stratify=None if rare else cell.y,
    )  # fmt: skip
    fitted = {}
    for candidate in dict.fromkeys(c for each in CONTESTS.values() for c in each):
        made = NoisyLabelClassifier("ce", smoothing=RATE_OF.get(candidate, 0), random_state=seed)
        if candidate not in RATE_OF:
            made.set_params(method=candidate)
        fitted[candidate] = made.fit(cell.X[rows], cell.y[rows])
    true = transition_between(cell.clean, cell.y, k)
    bagging = fitted["bagging"]
    found = np.eye(k)
    seen = bagging.classes_
    found[np.ix_(seen, seen)] = most_confident(
        cell.y[rows], bagging.method_.out_of_bag.double().numpy()
    )
    judges = scores(cell.y[out], cell.clean[out], true, found)
    row: dict[str, Any] = {"set": name, "noise": noise, "seed": seed, "test": {}, "scores": {}}
    for candidate, clf in fitted.items():
        p = np.zeros((len(out), k))
        p[:, clf.classes_] = clf.predict_proba(cell.X[out])
        p /= p.sum(axis=1, keepdims=True)
        said = p.argmax(axis=1)
        row["test"][candidate] = float(clf.score(cell.X_test, cell.y_test))
        row["scores"][candidate] = {}
        for score, judge in judges.items():
            try:
                value: float | None = float(judge(said, p))
            except ValueError:  # A matrix without an inverse, or a class without a share.
                value = None
            row["scores"][candidate][score] = value
    row["seconds"] = round(time.process_time() - begin, 2)
    return row


def noisy_cells(seeds: int) -> Iterator[tuple[str, str, int]]:
    """Of the robustness table: wrong labels, and no images."""
    for name, noise, seed in cells():
        if noise != "none" and name != "fashion_mnist" and seed < seeds:
            yield name, noise, seed


def run(hours: float, share: tuple[int, int], seeds: int) -> None:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine = list(noisy_cells(seeds))[share[0] :: share[1]]
        measure_missing(ROWS, KEY, mine, measure, hours)


def report() -> str:
    rows = list(known(ROWS, KEY).values())
    seeds = sorted({r["seed"] for r in rows})
    names = list(rows[0]["scores"][PLAIN])
    lines = [
        "# Scores on noisy labels, and what they choose",
        "",
        setting(),
        "",
        f"{len(rows)} noisy cells, seeds {seeds}. *Best* is how often a score chooses the "
        "candidate that is best on clean test labels, or one as good; *regret* is what is "
        "missing to it, in "
        "points of clean test accuracy, with the standard error over cells. The matrix of the "
        "corrected scores is estimated from the training part (`surest`), unless it is the true "
        "one; where a score cannot be taken, accuracy chooses. "
        f"{TRUSTED:.0%} right labels are of the rows held out.",
        "",
    ]
    parts: dict[str, Callable[[dict], bool]] = {
        "all cells": lambda row: True,
        "report half": lambda row: row["set"] not in DEVELOPMENT,
        "symmetric": lambda row: row["noise"].startswith("sym"),
        "pair, asymmetric": lambda row: row["noise"].startswith(("pair", "asym")),
        "instance-dependent": lambda row: row["noise"].startswith("instance"),
        "human": lambda row: row["noise"] in ("aggre", "rand1", "worst", "worker"),
    }
    for contest, candidates in CONTESTS.items():
        lines += [f"## Which {contest}", "", f"Among: {', '.join(candidates)}.", ""]
        found: list[list[object]] = []
        for name in names:
            regrets = np.array([regret(row, candidates, name) for row in rows])
            line: list[object] = [name, f"{(regrets <= 0).mean():.0%}"]
            line += [_mean(regrets[[inside(row) for row in rows]]) for inside in parts.values()]
            found.append(line)
        fixed = max(candidates, key=lambda c: np.mean([row["test"][c] for row in rows]))
        loss = np.array([100 * (_best(row, candidates) - row["test"][fixed]) for row in rows])
        means = [_mean(loss[[inside(row) for row in rows]]) for inside in parts.values()]
        found.append([f"always {fixed} (best on average)", f"{(loss <= 0).mean():.0%}", *means])
        lines += [table([contest, "best", *(f"regret, {part}" for part in parts)], found), ""]
    return "\n".join(lines)


def regret(row: dict, candidates: tuple[str, ...], score: str) -> float:
    """Points of clean accuracy between the best candidate and the one that a score chooses."""
    values = {c: row["scores"][c][score] for c in candidates}
    if None in values.values():
        values = {c: row["scores"][c]["accuracy"] for c in candidates}
    top = max(values.values())
    # Of equals any may be chosen.
    chosen = np.mean([row["test"][c] for c in candidates if values[c] == top])
    return float(100 * (_best(row, candidates) - chosen))


def _best(row: dict, candidates: tuple[str, ...]) -> float:
    return max(row["test"][c] for c in candidates)


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values[0]:.2f}" if len(values) else "-"
    return f"{values.mean():.2f} ± {values.std(ddof=1) / np.sqrt(len(values)):.2f}"


if __name__ == "__main__":
    resumable(__doc__, ROWS, run, report, seeds=1)
