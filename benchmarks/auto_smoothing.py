"""Compare smoothing="auto" with fixed rates of smoothing and other ways to choose a rate.

    python benchmarks/auto_smoothing.py              # what is missing or outdated, then the tables
    python benchmarks/auto_smoothing.py --hours 2    # begin no cell after two hours
    python benchmarks/auto_smoothing.py --table      # only write the tables

Cross-entropy on the cells of ``robustness.py``, without images, at

- every fixed rate;
- *auto*;
- *theory alone*: the rate that follows in theory from the noise rate that "auto" estimated;
- *noisy validation*: the rate with the best accuracy on a fifth of the noisy labels, held out; then
  trained on all;
- *both*: the best so of the rate of "auto", four times that rate and a quarter of it.

Fixed rates with noisy validation, and what follows from the noise estimate, are cells of their own,
so that either can be measured again alone. The constants of "auto" were chosen on the development
half, on seeds of 120 to 122, and on data sets that are not among these.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import KINDS, Cell, load
from _data import code as code_of_data
from robustness import DEVELOPMENT, SETS, cells
from sklearn.model_selection import train_test_split

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import smoothing_rate_for_noise
from sknoisy.search._fit import fit_candidates

PARTS = ("fixed", "auto")
RATES = (-256.0, -64.0, -16.0, -4.0, -1.0, 0.0, 0.2, 0.4)
CHOSEN = ("auto", "theory alone", "noisy validation", "both")
WAYS = (*(f"{rate:g}" for rate in RATES), *CHOSEN)


def fitted(cell: Cell, smoothing: str | float, seed: int) -> NoisyLabelClassifier:
    return NoisyLabelClassifier("ce", smoothing=smoothing, random_state=seed).fit(cell.X, cell.y)


def all_fitted(cell: Cell, rates: list[float], seed: int) -> list[NoisyLabelClassifier]:
    """Fit all rates together; but for rounding each is as if trained alone."""
    candidates = [NoisyLabelClassifier("ce", smoothing=r, random_state=seed) for r in rates]
    outcome = fit_candidates(candidates, cell.X, cell.y)
    failed = [result for result in outcome if isinstance(result, Exception)]
    if failed:
        raise failed[0]
    return candidates


def best_held_out(cell: Cell, rates: list[float], seed: int) -> float:
    """Find the rate with the highest accuracy on noisy labels that it was not trained on."""
    rare = np.bincount(cell.y).min() < 2
    X, X_out, y, y_out = train_test_split(
        cell.X, cell.y, test_size=0.2, random_state=seed, stratify=None if rare else cell.y
    )
    part = cell._replace(X=X, y=y)
    scores = [clf.score(X_out, y_out) for clf in all_fitted(part, rates, seed)]
    return rates[int(np.argmax(scores))]


class Fits:
    """Fits to one cell: for each way its clean test accuracy, its rate, and CPU seconds."""

    def __init__(self, cell: Cell, seed: int) -> None:
        self.cell, self.seed = cell, seed
        self.accuracies: dict[str, float] = {}
        self.rates: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def run(self, way: str, smoothing: str | float) -> NoisyLabelClassifier:
        begin = time.process_time()
        clf = fitted(self.cell, smoothing, self.seed)
        self.seconds[way] = round(self.seconds.get(way, 0) + time.process_time() - begin, 2)
        self.note(way, clf)
        return clf

    def note(self, way: str, clf: NoisyLabelClassifier) -> None:
        self.accuracies[way] = float(clf.score(self.cell.X_test, self.cell.y_test))
        self.rates[way] = float(clf.smoothing_)

    def choose(self, way: str, among: list[float]) -> None:
        begin = time.process_time()
        best = best_held_out(self.cell, among, self.seed)
        self.seconds[way] = round(time.process_time() - begin, 2)
        self.run(way, best)

    def fixed(self) -> dict[str, Any]:
        """Measure the ways that do not estimate the noise."""
        self.run("0", 0.0)
        begin = time.process_time()
        for rate, clf in zip(RATES, all_fitted(self.cell, list(RATES), self.seed), strict=True):
            self.note(f"{rate:g}", clf)
        together = round((time.process_time() - begin) / len(RATES), 2)
        self.seconds |= {f"{rate:g}": together for rate in RATES if rate != 0}
        self.choose("noisy validation", list(RATES))
        return {}

    def auto(self) -> dict[str, Any]:
        """Measure the ways that follow from the noise estimate of the fit."""
        clf = self.run("auto", "auto")
        self.run("theory alone", smoothing_rate_for_noise(clf.noise_rate_, len(clf.classes_)))
        rate = clf.smoothing_
        self.choose("both", [4 * rate, rate, rate / 4])
        report = clf.noise_report_
        return {
            "noise rate": float((self.cell.y != self.cell.clean).mean()), "estimate": report.rate,
            "disagreement": report.disagreement, "memorized": report.memorized,
        }  # fmt: skip


def measure(name: str, noise: str, seed: int, part: str) -> dict[str, Any]:
    """One part of the ways, in one cell."""
    fits = Fits(load(name, noise, seed), seed)
    others = getattr(fits, part)()
    seconds = {f"seconds {way}": value for way, value in fits.seconds.items()}
    return fits.accuracies | seconds | others | {"rates": fits.rates}


@cache
def code(name: str, noise: str) -> str:
    """Fingerprint of what a cell depends on."""
    return fingerprint(Fits, *code_of_data(name, noise), METHODS["ce"])


CELLS = _cells.CellTable(
    "auto_smoothing",
    key=("set", "noise", "seed", "part"),
    digits=dict.fromkeys(WAYS, 5)
    | {f"seconds {way}": 2 for way in ("0", "-256", *CHOSEN)}
    | dict.fromkeys(("noise rate", "estimate"), 4),
    code=lambda name, noise, seed, part: code(name, noise),
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """All parts of the cells of the robustness table, without images."""
    for name, noise, seed in cells():
        if seed < seeds and name != "fashion_mnist":
            for part in PARTS:
                yield name, noise, seed, part


def joined(rows: dict[_cells.Key, _cells.Row]) -> list[dict[str, Any]]:
    """Cells of which both parts are measured."""
    whole = []
    for (name, noise, seed, part), row in rows.items():
        other = rows.get((name, noise, seed, "auto"))
        if part == "fixed" and other is not None:
            values = {c: v for r in (row, other) for c, v in r.values.items() if v is not None}
            # All fixed rates but 0 are trained together.
            values |= {f"seconds {rate:g}": values["seconds -256"] for rate in RATES if rate}
            whole.append({"set": name, "noise": noise, "seed": seed, **values})
    return whole


def report(measured: dict[_cells.Key, _cells.Row]) -> str:
    rows = joined(measured)
    seeds = sorted({r["seed"] for r in rows})
    parts = {
        "all sets": SETS,
        "development half": DEVELOPMENT,
        "report half": tuple(s for s in SETS if s not in DEVELOPMENT),
    }
    lines = [
        "# Choosing the rate of smoothing",
        "",
        f"Table written {setting()}.",
        "",
        "Cross-entropy, clean test accuracy in %, means over "
        f"{len(rows)} combinations of set, noise and seed, of seeds {seeds}. *Hindsight* is the "
        "fixed rate with the best mean over the seeds of each set and noise, which needs clean "
        "test labels: partly the best by chance, so rather too high. *Other seeds* is the rate "
        "that was best on the other seeds: the gain from knowing the best rate of a set and noise. "
        "Seconds are those of all fits that a way needs, relative to one fit at rate 0; several "
        "rates are trained together.",
        "",
        CELLS.origins(measured),
        "",
    ]
    for title, sets in parts.items():
        inside = [r for r in rows if r["set"] in sets]
        if inside:
            lines += [f"## {title[0].upper()}{title[1:]}", "", _overview(inside), ""]
    lines += ["## Each kind of noise, all sets", "", _by_noise(rows), ""]
    errors = np.array([abs(r["estimate"] - r["noise rate"]) for r in rows])
    lines += [
        f"The noise rate that the fit estimates is off by {errors.mean():.3f} on average, by more "
        f"than .1 in {(errors > 0.1).mean():.0%} of {len(rows)} cells.",
        "",
        "## Origin of the cells",
        "",
        CELLS.origin_table(measured),
    ]
    return "\n".join(lines)


def _hindsight(rows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Of each row: the best mean over seeds of a fixed rate, and the rate best on other seeds."""
    best, by_others = [], []
    for row in rows:
        same = [r for r in rows if (r["set"], r["noise"]) == (row["set"], row["noise"])]
        others = [r for r in same if r is not row]
        best.append(max(_means(same)))
        rate = RATES[int(np.argmax(_means(others)))] if others else None
        by_others.append(np.nan if rate is None else row[f"{rate:g}"])
    return np.array(best), np.array(by_others)


def _means(rows: list[dict]) -> list[float]:
    return [float(np.mean([r[f"{rate:g}"] for r in rows])) for rate in RATES]


def _overview(rows: list[dict]) -> str:
    best, by_others = _hindsight(rows)
    noisy = np.array([r["noise"] != "none" for r in rows])
    accuracies = {way: np.array([r[way] for r in rows]) for way in WAYS}
    lines: list[list[object]] = []
    for way, values in (accuracies | {"other seeds": by_others, "hindsight": best}).items():
        column = f"seconds {way}"
        seconds = [r[column] / r["seconds 0"] for r in rows if column in r]
        lines.append(
            [way, 100 * values.mean(), 100 * (values - best).mean(), 100 * values[noisy].mean(),
             100 * values[~noisy].mean(), np.mean(seconds) if seconds else float("nan")]
        )  # fmt: skip
    head = ["rate", "all cells", "beside hindsight", "noisy cells", "clean labels", "seconds"]
    return table(head, [[x if isinstance(x, str) else float(x) for x in line] for line in lines])


def _by_noise(rows: list[dict]) -> str:
    kinds = [kind for kind in KINDS if any(r["noise"] == kind for r in rows)]
    lines: list[list[object]] = []
    for way in WAYS:
        means = [100 * np.mean([r[way] for r in rows if r["noise"] == n]) for n in kinds]
        lines.append([way, *map(float, means)])
    return table(["rate", *kinds], lines)


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=5).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
