"""What rate of smoothing serves best, and how near ``smoothing="auto"`` comes to it.

    python benchmarks/auto_smoothing.py              # what is not measured yet, then the table
    python benchmarks/auto_smoothing.py --hours 2    # stop after about so long
    python benchmarks/auto_smoothing.py --table      # only write the table

Cross-entropy on the cells of ``robustness.py``: every fixed rate; "auto"; the rate that theory
alone names for the noise that "auto" found; the rate with the best accuracy on a fifth of the noisy
labels, held out (then trained on all); and the best so of the rate of "auto", four times that and a
quarter.
Fixed rates and what follows from the noise found are lines of their own, so that either can be
measured again by itself.
The constants of "auto" were chosen on the development half, on seeds of 120 to 122, and on sets
that are no part of these.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

from _common import RESULTS, known, measure_missing, resumable, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, load
from robustness import DEVELOPMENT, SETS, cells
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import smoothing_rate_for_noise
from sknoisy.search._fit import fit_candidates

KEY = ("set", "noise", "seed", "part")
PARTS = ("fixed", "auto")
ROWS = RESULTS / "auto_smoothing.jsonl"
RATES = (-256.0, -64.0, -16.0, -4.0, -1.0, 0.0, 0.2, 0.4)
CHOSEN = ("auto", "theory alone", "noisy validation", "both")


def fitted(cell: Cell, smoothing: str | float, seed: int) -> NoisyLabelClassifier:
    return NoisyLabelClassifier("ce", smoothing=smoothing, random_state=seed).fit(cell.X, cell.y)


def all_fitted(cell: Cell, rates: list[float], seed: int) -> list[NoisyLabelClassifier]:
    """Fit all rates, at once; but for rounding they are what they would be alone."""
    candidates = [NoisyLabelClassifier("ce", smoothing=r, random_state=seed) for r in rates]
    outcome = fit_candidates(candidates, cell.X, cell.y)
    failed = [each for each in outcome if isinstance(each, Exception)]
    if failed:
        raise failed[0]
    return candidates


def best_held_out(cell: Cell, rates: list[float], seed: int) -> float:
    """The rate with the highest accuracy on noisy labels that it was not trained on."""
    rare = np.bincount(cell.y).min() < 2
    X, X_out, y, y_out = train_test_split(
        cell.X, cell.y, test_size=0.2, random_state=seed, stratify=None if rare else cell.y
    )
    part = cell._replace(X=X, y=y)
    scores = [clf.score(X_out, y_out) for clf in all_fitted(part, rates, seed)]
    return rates[int(np.argmax(scores))]


class Fits:
    """Fits to one cell: clean test accuracy of each way, the rate it took, and CPU seconds."""

    def __init__(self, cell: Cell, seed: int) -> None:
        self.cell, self.seed = cell, seed
        self.scores: dict[str, float] = {}
        self.rates: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def run(self, way: str, smoothing: str | float) -> NoisyLabelClassifier:
        begin = time.process_time()
        clf = fitted(self.cell, smoothing, self.seed)
        self.seconds[way] = round(self.seconds.get(way, 0) + time.process_time() - begin, 2)
        self.note(way, clf)
        return clf

    def note(self, way: str, clf: NoisyLabelClassifier) -> None:
        self.scores[way] = float(clf.score(self.cell.X_test, self.cell.y_test))
        self.rates[way] = float(clf.smoothing_)

    def choose(self, way: str, among: list[float]) -> None:
        begin = time.process_time()
        best = best_held_out(self.cell, among, self.seed)
        self.seconds[way] = round(time.process_time() - begin, 2)
        self.run(way, best)

    def fixed(self) -> dict[str, Any]:
        """What knows nothing of the noise."""
        self.run("0", 0.0)
        begin = time.process_time()
        for rate, clf in zip(RATES, all_fitted(self.cell, list(RATES), self.seed), strict=True):
            self.note(f"{rate:g}", clf)
        together = round((time.process_time() - begin) / len(RATES), 2)
        self.seconds |= {f"{rate:g}": together for rate in RATES if rate != 0}
        self.choose("noisy validation", list(RATES))
        return {}

    def auto(self) -> dict[str, Any]:
        """What follows from the noise that the fit finds."""
        clf = self.run("auto", "auto")
        self.run("theory alone", smoothing_rate_for_noise(clf.noise_rate_, len(clf.classes_)))
        rate = clf.smoothing_
        self.choose("both", [4 * rate, rate, rate / 4])
        report = clf.noise_report_
        return {
            "wrong": float((self.cell.y != self.cell.clean).mean()), "found": report.rate,
            "unexplained": report.disagreement, "memorized": report.memorized,
        }  # fmt: skip


def measure(name: str, noise: str, seed: int, part: str) -> dict[str, Any]:
    """One part of the ways, in one cell."""
    fits = Fits(load(name, noise, seed), seed)
    others = getattr(fits, part)()
    return {
        "set": name, "noise": noise, "seed": seed, "part": part, "scores": fits.scores,
        "rates": fits.rates, "seconds": fits.seconds, **others,
    }  # fmt: skip


def run(hours: float, share: tuple[int, int], seeds: int) -> None:
    """Measure what is not known yet."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    mine = [c for c in cells() if c[2] < seeds and c[0] != "fashion_mnist"][share[0] :: share[1]]
    measure_missing(ROWS, KEY, [(*c, part) for c in mine for part in PARTS], measure, hours)


def both_parts() -> list[dict]:
    """Cells of which both parts are measured."""
    found = known(ROWS, KEY)
    rows = []
    for (*cell, part), one in found.items():
        other = found.get((*cell, "auto"))
        if part == "fixed" and other is not None:
            together = {key: one[key] | other[key] for key in ("scores", "rates", "seconds")}
            rows.append(one | other | together)
    return rows


def report() -> str:
    rows = both_parts()
    seeds = sorted({r["seed"] for r in rows})
    parts = {
        "all sets": SETS,
        "development half": DEVELOPMENT,
        "report half": tuple(s for s in SETS if s not in DEVELOPMENT),
    }
    lines = [
        "# The rate of smoothing, chosen in the fit",
        "",
        setting(),
        "",
        f"Cross-entropy, clean test accuracy in %, means over {len(rows)} cells (set, noise, seed) "
        f"of seeds {seeds}. "
        "*Hindsight* is the fixed rate that was best for the mean over the seeds of each set and "
        "noise, known only to who has clean test labels: in part the best by chance, so rather too "
        "high. *Other seeds* is the rate that was best over the others: what it is "
        "worth to know the best rate of a set and noise. Seconds are those of all fits that a way "
        "needs, over those of one fit at rate 0; several rates are trained at once.",
        "",
    ]
    for title, sets in parts.items():
        inside = [r for r in rows if r["set"] in sets]
        if inside:
            lines += [f"## {title[0].upper()}{title[1:]}", "", _overview(inside), ""]
    lines += ["## Each kind of noise, all sets", "", _by_noise(rows), ""]
    errors = [abs(r["found"] - r["wrong"]) for r in rows]
    lines += [
        f"The share of wrong labels that the fit found is off by {np.mean(errors):.3f} on average, "
        f"by more than .1 in {np.mean(np.array(errors) > 0.1):.0%} of {len(rows)} cells."
    ]
    return "\n".join(lines)


def _ways() -> list[str]:
    return [f"{rate:g}" for rate in RATES] + list(CHOSEN)


def _hindsight(rows: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Of each row: the mean over seeds of the best fixed rate, and what the others' best got."""
    top, told = [], []
    for row in rows:
        same = [r for r in rows if (r["set"], r["noise"]) == (row["set"], row["noise"])]
        others = [r for r in same if r is not row]
        top.append(max(_means(same)))
        rate = RATES[int(np.argmax(_means(others)))] if others else None
        told.append(np.nan if rate is None else row["scores"][f"{rate:g}"])
    return np.array(top), np.array(told)


def _means(rows: list[dict]) -> list[float]:
    return [float(np.mean([r["scores"][f"{rate:g}"] for r in rows])) for rate in RATES]


def _overview(rows: list[dict]) -> str:
    top, told = _hindsight(rows)
    noisy = np.array([r["noise"] != "none" for r in rows])
    found = {way: np.array([r["scores"][way] for r in rows]) for way in _ways()}
    lines: list[list[object]] = []
    for way, scores in (found | {"other seeds": told, "hindsight": top}).items():
        known = [r["seconds"][way] / r["seconds"]["0"] for r in rows if way in r["seconds"]]
        lines.append(
            [way, 100 * scores.mean(), 100 * (scores - top).mean(), 100 * scores[noisy].mean(),
             100 * scores[~noisy].mean(), np.mean(known) if known else float("nan")]
        )  # fmt: skip
    head = ["rate", "all cells", "beside hindsight", "noisy cells", "clean labels", "seconds"]
    return table(head, [[x if isinstance(x, str) else float(x) for x in line] for line in lines])


def _by_noise(rows: list[dict]) -> str:
    kinds = list(dict.fromkeys(r["noise"] for r in rows))
    lines: list[list[object]] = []
    for way in _ways():
        means = [100 * np.mean([r["scores"][way] for r in rows if r["noise"] == n]) for n in kinds]
        lines.append([way, *map(float, means)])
    return table(["rate", *kinds], lines)


if __name__ == "__main__":
    resumable(__doc__, ROWS, run, report, seeds=5)
