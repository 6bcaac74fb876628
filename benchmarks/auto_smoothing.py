"""What rate of smoothing serves best, and how near ``smoothing="auto"`` comes to it.

    python benchmarks/auto_smoothing.py              # what is not measured yet, then the table
    python benchmarks/auto_smoothing.py --hours 2    # stop after about so long
    python benchmarks/auto_smoothing.py --table      # only write the table

Cross-entropy on the cells of ``robustness.py``: every fixed rate; "auto"; the rate that theory
alone names for the noise that "auto" found; the rate with the best accuracy on a fifth of the noisy
labels, held out (then trained on all); and the best so of the rate of "auto", four times that and a
quarter.
The constants of "auto" were chosen on the development half, on seeds of 120 to 122.
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
from sknoisy._at_once import train_at_once
from sknoisy.smoothing import rate_for

KEY = ("set", "noise", "seed")
ROWS = RESULTS / "auto_smoothing.jsonl"
RATES = (-256.0, -64.0, -16.0, -4.0, -1.0, 0.0, 0.2, 0.4)
CHOSEN = ("auto", "theory alone", "noisy validation", "both")


def fitted(cell: Cell, smoothing: str | float, seed: int) -> NoisyLabelClassifier:
    return NoisyLabelClassifier("ce", smoothing=smoothing, random_state=seed).fit(cell.X, cell.y)


def all_fitted(cell: Cell, rates: list[float], seed: int) -> list[NoisyLabelClassifier]:
    """Fit all rates, at once; but for rounding they are what they would be alone."""
    candidates = [NoisyLabelClassifier("ce", smoothing=r, random_state=seed) for r in rates]
    outcome = train_at_once(candidates, cell.X, cell.y)
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


def measure(name: str, noise: str, seed: int) -> dict[str, Any]:
    """Clean test accuracy of every way in one cell, what was chosen, and CPU seconds."""
    cell = load(name, noise, seed)
    k = len(np.unique(np.concatenate([cell.clean, cell.y])))
    scores: dict[str, float] = {}
    rates: dict[str, float] = {}
    seconds: dict[str, float] = {}

    def run(way: str, smoothing: str | float) -> NoisyLabelClassifier:
        begin = time.process_time()
        clf = fitted(cell, smoothing, seed)
        seconds[way] = round(seconds.get(way, 0) + time.process_time() - begin, 2)
        scores[way], rates[way] = float(clf.score(cell.X_test, cell.y_test)), float(clf.smoothing_)
        return clf

    def choose(way: str, among: list[float]) -> None:
        begin = time.process_time()
        best = best_held_out(cell, among, seed)
        seconds[way] = round(time.process_time() - begin, 2)
        run(way, best)

    run("0", 0.0)
    begin = time.process_time()
    for rate, clf in zip(RATES, all_fitted(cell, list(RATES), seed), strict=True):
        scores[f"{rate:g}"] = float(clf.score(cell.X_test, cell.y_test))
        rates[f"{rate:g}"] = rate
    together = round((time.process_time() - begin) / len(RATES), 2)
    seconds |= {f"{rate:g}": together for rate in RATES if rate != 0}
    found = run("auto", "auto").noise_rate_
    run("theory alone", rate_for(found, k))
    choose("noisy validation", list(RATES))
    auto = rates["auto"]
    choose("both", [4 * auto, auto, auto / 4])
    wrong = float((cell.y != cell.clean).mean())
    return {
        "set": name, "noise": noise, "seed": seed, "scores": scores, "rates": rates,
        "seconds": seconds, "wrong": wrong, "found": float(found),
    }  # fmt: skip


def run(hours: float, share: tuple[int, int], seeds: int) -> None:
    """Measure what is not known yet."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    mine = [c for c in cells() if c[2] < seeds and c[0] != "fashion_mnist"][share[0] :: share[1]]
    measure_missing(ROWS, KEY, mine, measure, hours)


def report() -> str:
    rows = list(known(ROWS, KEY).values())
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
