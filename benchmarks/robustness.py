"""Measure how robust each method is to each kind of label noise, beside peers.

    python benchmarks/robustness.py                      # what is missing or outdated, then tables
    python benchmarks/robustness.py --hours 2            # begin no cell after two hours
    python benchmarks/robustness.py --only bagging rf    # only these contenders
    python benchmarks/robustness.py --table              # only write the tables
    python benchmarks/robustness.py --sets development --seeds 2 --renew
    python benchmarks/robustness.py --against REVISION   # only compare with its results

A cell is one fit: a contender on a data set with one kind of noise and one seed, scored by accuracy
on clean test labels. Data sets that do not come with scikit-learn need ``SKNOISY_DATA``. A fit that
raised is kept as "failed"; a cell that was not run is counted. Peers of cleanlab, LightGBM and
CatBoost run where these are installed.

Every contender has the same settings in all cells: methods the library's defaults, peers those
named below. Defaults of the library were chosen on the data sets of the development half, on seeds
of 100 and above; the tables have seeds 0 to 4, and means of both halves. The constants of the
opinion pool were chosen on cells of both halves, on seeds of 100 and above.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import _cells
from _common import save, setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import MAX_TEST, MAX_TRAIN, REAL, SHIPPED, TABULAR, UCI, Cell, home, load, noises
from _data import code as code_of_data
from _peers import PEERS, is_installed, packages_of
from sklearn.base import BaseEstimator

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.ensemble import OpinionPoolClassifier

SEEDS = range(5)
IMAGES = "fashion_mnist"
DEVELOPMENT = (
    "wine", "german", "digits", "image", "splice", "banana", "dry_bean", "magic", "satimage",
    "spambase", "cifar10_features",
)  # fmt: skip
SETS = (*SHIPPED, *UCI, *TABULAR, *REAL)


POOL = "pool"
CONTENDERS = (*METHODS, POOL, *PEERS)
DEFAULT = NoisyLabelClassifier().method


def make(name: str, seed: int) -> BaseEstimator:
    """A contender, ready to fit."""
    if name in METHODS:
        return NoisyLabelClassifier(name, random_state=seed)
    return OpinionPoolClassifier(random_state=seed) if name == POOL else PEERS[name](seed)


def code_of_contender(name: str) -> tuple[Callable | str, ...]:
    """What its fits depend on, for a fingerprint."""
    if name in METHODS:
        return NoisyLabelClassifier, METHODS[name]
    if name == POOL:
        return OpinionPoolClassifier, METHODS["bagging"], "scikit-learn"
    return PEERS[name], *packages_of(name)


def cells(sets: tuple[str, ...] | None = None) -> Iterator[tuple[str, str, int]]:
    """Data set, noise and seed: one seed of everything before the next, and the images last.

    Of the sets that are at hand, if none are named.
    """
    if sets is None:
        sets = SETS if home() is not None else SHIPPED
    for images in (False, True):
        for seed in SEEDS:
            for name in sets:
                for noise in noises(name) if (name == IMAGES) == images else ():
                    yield name, noise, seed


def measure(contender: str, name: str, noise: str, seed: int) -> dict[str, Any]:
    """One fit: accuracy on clean test labels, and its CPU seconds."""
    cell = load(name, noise, seed)
    begin = time.process_time()
    try:
        row = {"accuracy": fit_and_score(make(contender, seed), cell)}
    except Exception as error:
        row = {"accuracy": _cells.FAILED, "error": f"{type(error).__name__}: {error}"[:200]}
        print(contender, name, noise, seed, row["error"], file=sys.stderr)
    return row | {"seconds": round(time.process_time() - begin, 2)}


def fit_and_score(clf: BaseEstimator, cell: Cell) -> float:
    """Accuracy on clean test labels after a fit to noisy ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(clf.fit(cell.X, cell.y).score(cell.X_test, cell.y_test))


@cache
def code(contender: str, name: str, noise: str) -> str:
    """Fingerprint of what a cell depends on."""
    return fingerprint(fit_and_score, *code_of_data(name, noise), *code_of_contender(contender))


CELLS = _cells.CellTable(
    "robustness",
    key=("contender", "set", "noise", "seed"),
    digits={"accuracy": 5},
    code=lambda contender, name, noise, seed: code(contender, name, noise),
    across=("set",),
)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    """The tables: contenders that ran nearly all that the default did, then the others."""
    rows = {key: row for key, row in rows.items() if key[0] in CONTENDERS}
    accuracies: dict[str, dict[tuple, float]] = defaultdict(dict)
    failed: dict[str, int] = defaultdict(int)
    for (contender, *cell), row in rows.items():
        accuracy = row.values["accuracy"]
        if isinstance(accuracy, float):
            accuracies[contender][tuple(cell)] = 100 * accuracy
        else:
            failed[contender] += 1
    if home() is None:
        sys.exit("The table counts the cells of all data sets: set SKNOISY_DATA. Cells are kept.")
    everything = list(cells(SETS))
    # While a run goes on, some are a few cells ahead of others.
    enough = 0.9 * len(accuracies[DEFAULT])
    names = [
        c for c in CONTENDERS if len(accuracies[c].keys() & accuracies[DEFAULT].keys()) >= enough
    ]
    shared = [cell for cell in everything if all(cell in accuracies[c] for c in names)]
    lines = ["# Robustness", "", f"Table written {setting()}.", ""]
    lines += [_preamble(shared, len(everything)), "", CELLS.origins(rows), ""]
    parts = {
        "all sets": SETS,
        "development half": DEVELOPMENT,
        "report half": tuple(s for s in SETS if s not in DEVELOPMENT),
    }
    for title, sets in parts.items():
        lines += [
            f"## Mean over noisy cells: {title}",
            "",
            _overview(accuracies, names, shared, sets),
            "",
        ]
    lines += ["## All contenders, one seed", "", *_one_seed(accuracies), ""]
    lines += [
        "## Each data set, noisy cells",
        "",
        _by(accuracies, names, shared, 0, noisy=True),
        "",
    ]
    lines += ["## Each kind of noise", "", _by(accuracies, names, shared, 1, noisy=False), ""]
    lines += [
        "## Images: fashion_mnist, each over the seeds it has run",
        "",
        _images(accuracies),
        "",
    ]
    lines += ["## Run in part, beside the default", "", _partly(accuracies, names), ""]
    lines += ["## What ran", "", _status(accuracies, failed, everything), ""]
    lines += ["## Origin of the cells", "", CELLS.origin_table(rows)]
    return "\n".join(lines)


def change(rows: dict[_cells.Key, _cells.Row], revision: str) -> str:
    """The change of accuracy since the results of a revision, by contender.

    Over cells whose code has changed or was not known: others have the same result.
    """
    earlier = CELLS.rows_of(revision)
    differences: dict[str, list[float]] = defaultdict(list)
    for key, row in rows.items():
        before = earlier.get(key)
        if before is None or before.origin == row.origin:
            continue
        pair = row.values["accuracy"], before.values["accuracy"]
        if isinstance(pair[0], float) and isinstance(pair[1], float):
            differences[str(key[0])].append(100 * (pair[0] - pair[1]))
    lines: list[list[object]] = []
    for contender in (c for c in CONTENDERS if len(differences[c]) > 1):
        d = np.array(differences[contender])
        error = d.std(ddof=1) / len(d) ** 0.5
        worse = "yes" if d.mean() < -2 * error else ""
        shown = [f"{d.mean():+.2f}", f"{error:.2f}", f"{np.median(d):+.2f}"]
        lines.append([contender, len(d), *shown, f"{d.min():+.1f}", f"{d.max():+.1f}", worse])
    head = [
        "contender", "cells", "mean change", "standard error", "median", "least", "most",
        "worse by two standard errors",
    ]  # fmt: skip
    text = (
        f"Change of clean test accuracy in % since the results of {revision}, over the cells that "
        "were measured again. Each cell is one fit before and one after, so that luck of the fit "
        "is in the standard error."
    )
    lines_of_text = ["# Robustness: what changed", "", f"Table written {setting()}.", "", text]
    return "\n".join([*lines_of_text, "", table(head, lines)])


def _preamble(shared: list, n_cells: int) -> str:
    seeds = ", ".join(str(s) for s in sorted({cell[2] for cell in shared}))
    return (
        f"Clean test accuracy in %, mean and standard deviation over seeds {seeds} (of "
        f"{SEEDS[0]} to {SEEDS[-1]}); at most {MAX_TRAIN} training rows (cifar10_features 10000, "
        f"fashion_mnist at half its resolution) and {MAX_TEST} test rows of data sets with "
        f"synthetic noise. Means are over the {len(shared)} of {n_cells} combinations of set, "
        f"noise and seed that the default, {DEFAULT}, and the others in the table have run; the "
        "standard deviation is that of the mean over cells between seeds. Rank: mean over cells, "
        "1 is best."
    )


def _overview(accuracies: dict, names: list[str], shared: list, sets: tuple[str, ...]) -> str:
    inside = [cell for cell in shared if cell[0] in sets]
    noisy = [cell for cell in inside if cell[1] != "none"]
    clean = [cell for cell in inside if cell[1] == "none"]
    if not noisy or not clean:
        return "not run"
    scores = np.array([[accuracies[c][cell] for cell in noisy] for c in names])
    ranks = (scores[:, None, :] < scores[None, :, :]).sum(axis=1) + 1
    lines = []
    for i in np.argsort(-scores.mean(axis=1)):
        by_seed = [
            np.mean([v for v, cell in zip(scores[i], noisy, strict=True) if cell[2] == s])
            for s in SEEDS
            if any(cell[2] == s for cell in noisy)
        ]
        on_clean = np.mean([accuracies[names[i]][cell] for cell in clean])
        lines.append(
            [names[i], float(scores[i].mean()), _spread(by_seed), float(ranks[i].mean()),
             float(on_clean)]
        )  # fmt: skip
    header = ["contender", "noisy cells", "mean ± std of seeds", "rank", "clean labels"]
    return table(header, lines)


def _one_seed(accuracies: dict) -> list[str]:
    """Compare all that ran nearly all tables of the first seed: more contenders, fewer cells."""
    seed = SEEDS[0]
    cells_of = {
        c: {cell for cell in accuracies[c] if cell[2] == seed and cell[0] != IMAGES}
        for c in CONTENDERS
    }
    enough = 0.9 * len(cells_of[DEFAULT])
    names = [c for c in CONTENDERS if len(cells_of[c]) >= enough]
    shared = [c for c in cells(SETS) if all(c in cells_of[name] for name in names)]
    text = (
        f"Seed {seed}, the {len(shared)} cells without images that all {len(names)} have run. "
        "Differences of a point are within the luck of a seed."
    )
    return [text, "", _overview(accuracies, names, shared, SETS)]


def _spread(by_seed: list) -> str:
    if len(by_seed) == 1:
        return f"{by_seed[0]:.1f} (one seed)"
    return f"{np.mean(by_seed):.1f} ± {np.std(by_seed):.1f}"


def _by(accuracies: dict, names: list[str], shared: list, axis: int, noisy: bool) -> str:
    chosen = [cell for cell in shared if not noisy or cell[1] != "none"]
    keys = list(dict.fromkeys(cell[axis] for cell in chosen))
    lines = []
    for c in names:
        line: list[object] = [c]
        for key in keys:
            inside = [cell for cell in chosen if cell[axis] == key]
            seeds = sorted({cell[2] for cell in inside})
            means = [np.mean([accuracies[c][x] for x in inside if x[2] == s]) for s in seeds]
            line.append(_spread(means))
        lines.append(line)
    return table(["contender", *keys], lines)


def _images(accuracies: dict) -> str:
    kinds = noises(IMAGES)
    lines = []
    for c in CONTENDERS:
        by_kind = [
            [accuracies[c][cell] for cell in accuracies[c] if cell[:2] == (IMAGES, n)]
            for n in kinds
        ]
        if all(by_kind):
            lines.append([c, max(map(len, by_kind)), *map(_spread, by_kind)])
    return table(["contender", "seeds", *kinds], lines) if lines else "not run"


def _partly(accuracies: dict, names: list[str]) -> str:
    lines: list[list[object]] = []
    for c in CONTENDERS:
        both = [cell for cell in accuracies[c] if cell in accuracies[DEFAULT]]
        if c in names or not both:
            continue
        line: list[object] = [c]
        for is_clean in (False, True):
            chosen = [cell for cell in both if (cell[1] == "none") == is_clean]
            means = [np.mean([accuracies[x][cell] for cell in chosen]) for x in (c, DEFAULT)]
            line += [len(chosen), *map(float, means)] if chosen else ["", "", ""]
        lines.append(line)
    of_cells = ["its mean", "default on the same"]
    return table(["contender", "noisy cells", *of_cells, "clean cells", *of_cells], lines)


def _status(accuracies: dict, failed: dict, everything: list) -> str:
    lines = [
        [c, len(accuracies[c]), failed[c], len(everything) - len(accuracies[c]) - failed[c]]
        for c in CONTENDERS
    ]
    return table(["contender", "ran", "failed", "not run"], lines)


if __name__ == "__main__":
    parser = _cells.options(__doc__)
    here = [c for c in CONTENDERS if c not in PEERS or is_installed(c)]
    parser.add_argument("--only", nargs="+", default=here, metavar="NAME")
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="or the word development")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many")
    parser.add_argument("--against", metavar="REVISION", help="only compare with its results")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.against:
        save("robustness_change", change(CELLS.rows(), chosen.against))
        sys.exit()
    sets = DEVELOPMENT if chosen.sets == ["development"] else chosen.sets
    _cells.run(
        CELLS,
        chosen,
        keys=lambda: (
            (c, *cell) for cell in cells(sets) if cell[2] < chosen.seeds for c in chosen.only
        ),
        measure=measure,
        report=report,
    )
