"""How methods and peers stand wrong labels: clean test accuracy over data sets and kinds of noise.

    python benchmarks/robustness.py                      # what is not measured yet, then the table
    python benchmarks/robustness.py --hours 2            # stop after about so long
    python benchmarks/robustness.py --only bagging rf    # these contenders
    python benchmarks/robustness.py --table              # only write the table

Each fit is one line of ``results/robustness.jsonl``, written as soon as it is done, so that a run
goes on where the last one stopped. Sets other than those of scikit-learn need ``SKNOISY_DATA``; a
fit that raised is kept as "failed" with its message, and a cell that was not run is counted.

Every contender has the same settings in all cells: ours the library's defaults, the peers those
named below. Defaults of the library were chosen on the sets of the development half, on seeds
of 100 and above; the table has seeds 0 to 4, and means of both halves.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from _common import RESULTS, known, measure_missing, save, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import MAX_TEST, MAX_TRAIN, REAL, SHIPPED, TABULAR, UCI, home, load, noises
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sknoisy import METHODS, NoisyLabelClassifier

ROWS = RESULTS / "robustness.jsonl"
KEY = ("contender", "set", "noise", "seed")
SEEDS = range(5)
IMAGES = "fashion_mnist"
DEVELOPMENT = (
    "wine", "german", "digits", "image", "splice", "banana", "dry_bean", "magic", "satimage",
    "spambase", "cifar10_features",
)  # fmt: skip
SETS = (*SHIPPED, *UCI, *TABULAR, *REAL)
PEERS = ("lr", "knn", "rf", "hgb", "mlp", "cl_mlp", "cl_hgb")


CONTENDERS = (*METHODS, *PEERS)
DEFAULT = NoisyLabelClassifier().method


def make(name: str, seed: int) -> BaseEstimator:
    """A contender, ready to fit."""
    if name in METHODS:
        return NoisyLabelClassifier(name, random_state=seed)
    if name.startswith("cl_"):
        # Around the pipeline: inside of one scikit-learn cannot tell that it is fitted.
        from cleanlab.classification import CleanLearning

        return CleanLearning(make(name[3:], seed), cv_n_folds=5, seed=seed)
    return make_pipeline(FunctionTransformer(_flat), StandardScaler(), _peer(name, seed))


def _peer(name: str, seed: int) -> BaseEstimator:
    return {
        "lr": LogisticRegression(C=0.05, max_iter=500),
        "knn": KNeighborsClassifier(25),
        "rf": RandomForestClassifier(min_samples_leaf=10, random_state=seed),
        "hgb": HistGradientBoostingClassifier(random_state=seed),
        "mlp": MLPClassifier((128, 128), max_iter=100, random_state=seed),
    }[name]


def _flat(X: np.ndarray) -> np.ndarray:
    return X.reshape(len(X), -1)


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = make(contender, seed).fit(cell.X, cell.y)
            score, status = float(fitted.score(cell.X_test, cell.y_test)), "ran"
    except Exception as error:
        score, status = None, f"failed: {type(error).__name__}: {error}"[:200]
        print(contender, name, noise, seed, status, file=sys.stderr)
    seconds = round(time.process_time() - begin, 2)
    return {
        "contender": contender, "set": name, "noise": noise, "seed": seed, "accuracy": score,
        "seconds": seconds, "status": status,
    }  # fmt: skip


def run(names: tuple[str, ...], hours: float, share: tuple[int, int]) -> None:
    """Measure what is not known yet."""
    torch.set_num_threads(1)
    # The share is one of all fits: processes need not begin at the same time.
    mine = [(c, *cell) for cell in cells() for c in names][share[0] :: share[1]]
    measure_missing(ROWS, KEY, mine, measure, hours)


def report() -> str:
    """The tables: contenders that ran nearly all that the default did, then the others."""
    rows = known(ROWS, KEY)
    found: dict[str, dict[tuple, float]] = defaultdict(dict)
    failed: dict[str, int] = defaultdict(int)
    for (contender, *cell), row in rows.items():
        if row["status"] == "ran":
            found[contender][tuple(cell)] = 100 * row["accuracy"]
        else:
            failed[contender] += 1
    if home() is None:
        sys.exit("The table counts the cells of all sets: set SKNOISY_DATA. Rows are kept.")
    everything = list(cells(SETS))
    # While a run goes on, some are a few cells ahead of others.
    enough = 0.9 * len(found[DEFAULT])
    names = [c for c in CONTENDERS if len(found[c].keys() & found[DEFAULT].keys()) >= enough]
    shared = [cell for cell in everything if all(cell in found[c] for c in names)]
    lines = ["# Robustness", "", setting(), "", *_preamble(shared, len(everything))]
    parts = {
        "all sets": SETS,
        "development half": DEVELOPMENT,
        "report half": tuple(s for s in SETS if s not in DEVELOPMENT),
    }
    for title, sets in parts.items():
        lines += [
            f"## Mean over noisy cells: {title}",
            "",
            _overview(found, names, shared, sets),
            "",
        ]
    lines += ["## Each data set, noisy cells", "", _by(found, names, shared, 0, noisy=True), ""]
    lines += ["## Each kind of noise", "", _by(found, names, shared, 1, noisy=False), ""]
    lines += ["## Images: fashion_mnist, each over the seeds it has run", "", _images(found), ""]
    lines += ["## Run in part, beside the default", "", _partly(found, names), ""]
    lines += ["## What ran", "", _status(found, failed, everything), ""]
    return "\n".join(lines)


def _preamble(shared: list, n_cells: int) -> list[str]:
    seeds = ", ".join(str(s) for s in sorted({cell[2] for cell in shared}))
    return [
        f"Clean test accuracy in %, mean and standard deviation over seeds {seeds} (of "
        f"{SEEDS[0]} to {SEEDS[-1]}); at most {MAX_TRAIN} training rows (cifar10_features 10000, "
        f"fashion_mnist at half its resolution) and {MAX_TEST} test rows of made sets. Means are "
        f"over the {len(shared)} of {n_cells} cells (set, noise, seed) that the default, "
        f"{DEFAULT}, and the others in the table have run; the standard deviation is that "
        "of the mean over cells between seeds. Rank: "
        "mean over cells, 1 is best. Each fit is of the code of the day it was run, which may "
        "round and draw otherwise than today's.",
        "",
    ]


def _overview(found: dict, names: list[str], shared: list, sets: tuple[str, ...]) -> str:
    inside = [cell for cell in shared if cell[0] in sets]
    noisy = [cell for cell in inside if cell[1] != "none"]
    clean = [cell for cell in inside if cell[1] == "none"]
    if not noisy or not clean:
        return "not run"
    scores = np.array([[found[c][cell] for cell in noisy] for c in names])
    ranks = (scores[:, None, :] < scores[None, :, :]).sum(axis=1) + 1
    lines = []
    for i in np.argsort(-scores.mean(axis=1)):
        by_seed = [
            np.mean([v for v, cell in zip(scores[i], noisy, strict=True) if cell[2] == s])
            for s in SEEDS
            if any(cell[2] == s for cell in noisy)
        ]
        unspoilt = np.mean([found[names[i]][cell] for cell in clean])
        lines.append(
            [names[i], float(scores[i].mean()), _spread(by_seed), float(ranks[i].mean()),
             float(unspoilt)]
        )  # fmt: skip
    header = ["contender", "noisy cells", "mean ± std of seeds", "rank", "clean labels"]
    return table(header, lines)


def _spread(by_seed: list) -> str:
    if len(by_seed) == 1:
        return f"{by_seed[0]:.1f} (one seed)"
    return f"{np.mean(by_seed):.1f} ± {np.std(by_seed):.1f}"


def _by(found: dict, names: list[str], shared: list, axis: int, noisy: bool) -> str:
    chosen = [cell for cell in shared if not noisy or cell[1] != "none"]
    keys = list(dict.fromkeys(cell[axis] for cell in chosen))
    lines = []
    for c in names:
        line: list[object] = [c]
        for key in keys:
            inside = [cell for cell in chosen if cell[axis] == key]
            seeds = sorted({cell[2] for cell in inside})
            means = [np.mean([found[c][x] for x in inside if x[2] == s]) for s in seeds]
            line.append(_spread(means))
        lines.append(line)
    return table(["contender", *keys], lines)


def _images(found: dict) -> str:
    kinds = noises(IMAGES)
    lines = []
    for c in CONTENDERS:
        by_kind = [[found[c][cell] for cell in found[c] if cell[:2] == (IMAGES, n)] for n in kinds]
        if all(by_kind):
            lines.append([c, max(map(len, by_kind)), *map(_spread, by_kind)])
    return table(["contender", "seeds", *kinds], lines) if lines else "not run"


def _partly(found: dict, names: list[str]) -> str:
    lines = []
    for c in CONTENDERS:
        both = [cell for cell in found[c] if cell in found[DEFAULT] and cell[1] != "none"]
        if c in names or not both:
            continue
        mine, theirs = (np.mean([found[name][cell] for cell in both]) for name in (c, DEFAULT))
        lines.append([c, len(both), float(mine), float(theirs)])
    return table(["contender", "noisy cells run", "its mean", "default on the same"], lines)


def _status(found: dict, failed: dict, everything: list) -> str:
    lines = [
        [c, len(found[c]), failed[c], len(everything) - len(found[c]) - failed[c]]
        for c in CONTENDERS
    ]
    return table(["contender", "ran", "failed", "not run"], lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the table")
    parser.add_argument("--hours", type=float, default=1e9)
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME")
    parser.add_argument("--share", default="0/1", help="i/n: every n-th fit, for n processes")
    options = parser.parse_args()
    if not options.table:
        i, n = map(int, options.share.split("/"))
        run(tuple(options.only or CONTENDERS), options.hours, (i, n))
    save("robustness", report())
