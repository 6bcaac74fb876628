"""Measure whether a negative smoothing rate ever ruins a network, and what it gains under noise.

    python benchmarks/smoothing_stability.py              # missing or outdated cells, then tables
    python benchmarks/smoothing_stability.py --hours 2    # begin no cell after two hours
    python benchmarks/smoothing_stability.py --table      # only write the tables
    python benchmarks/smoothing_stability.py --quick      # print one seed of few rates

Clean test accuracy at the end of training, for every rate and noise rate: with default settings,
without the bound on the logits, and with early stopping on noisy labels. Cross-entropy under the
same bound tells the effect of the bound from that of the rate. Five seeds; the defaults were
proposed on others, and compared with the second best on these.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import logit_bound_for_rate
from sknoisy.search._fit import fit_candidates

RATES = (-256, -64, -16, -8, -6, -4, -2, -1, -0.5, 0, 0.2, 0.4, 0.6, 0.8)
FEWER_RATES = (-256, -64, -8, -2, -0.5, 0, 0.4)
QUICK_RATES = (-8, -1, 0, 0.4)
NOISE = (0.0, 0.2, 0.4, 0.6)
RECIPES = {
    "default": {},
    "no bound": {"logit_bound": None},
    "early stopping": {"early_stopping": True},
}
BOUND_FOR_ALL = "bound for all"
SETS = ("digits", "synthetic", "breast_cancer", "wine")
LOADERS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}


def split(name: str, noise: float, seed: int) -> tuple[np.ndarray, ...]:
    """Half to train on, with a fraction of its labels flipped to another class; half to test on."""
    if name == "synthetic":
        X, y = make_classification(
            4000, 20, n_informative=12, n_classes=5, class_sep=2.0, flip_y=0.0, random_state=seed
        )
    else:
        X, y = LOADERS[name](return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=seed)
    rng = np.random.RandomState(1000 + seed)
    flipped = rng.rand(len(y)) < noise
    other = (y + rng.randint(1, y.max() + 1, len(y))) % (y.max() + 1)
    return X, np.where(flipped, other, y), X_test, y_test


def rates_of(name: str, recipe: str) -> list[float]:
    """All rates for the tables with default settings, fewer for the others."""
    if recipe == BOUND_FOR_ALL:
        return [0]
    full = name in ("digits", "synthetic") and recipe == "default"
    kept = RATES if full else FEWER_RATES
    return [rate for rate in kept if recipe != "no bound" or rate < 0]


def trained(
    name: str, noise: float, recipe: str, rates: Iterable[float], seed: int
) -> dict[str, float]:
    """Clean test accuracy and log-loss at each rate; all are trained together."""
    X, y, X_test, y_test = split(name, noise, seed)
    bounded = {"logit_bound": logit_bound_for_rate(0.0)}
    params = bounded if recipe == BOUND_FOR_ALL else RECIPES[recipe]
    small = {"batch_size": 32} if len(X) < 500 else {}
    clf = NoisyLabelClassifier("ce", random_state=seed, **small, **params)
    candidates = [clone(clf).set_params(smoothing=rate) for rate in rates]
    values = {}
    for rate, fitted in zip(rates, fit_candidates(candidates, X, y), strict=True):
        if isinstance(fitted, Exception):
            raise fitted
        p = np.clip(fitted.predict_proba(X_test).astype(float), 1e-7, 1.0)
        values[f"accuracy {rate}"] = float((p.argmax(1) == y_test).mean())
        values[f"log-loss {rate}"] = float(log_loss(y_test, p / p.sum(1, keepdims=True)))
    return values


def measure(name: str, noise: str, recipe: str, seed: int) -> dict[str, Any]:
    """All rates of one recipe."""
    return trained(name, float(noise), recipe, rates_of(name, recipe), seed)


@cache
def _code() -> str:
    return fingerprint(measure, METHODS["ce"])


def code(name: str, noise: str, recipe: str, seed: int) -> str:
    """Fingerprint of what a cell depends on: the same for all."""
    return _code()


CELLS = _cells.CellTable(
    "smoothing_stability",
    key=("set", "noise", "recipe", "seed"),
    digits={f"accuracy {rate}": 5 for rate in RATES} | {f"log-loss {rate}": 4 for rate in RATES},
    code=code,
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """One seed of everything before the next."""
    for seed in range(seeds):
        for name in SETS:
            for noise in NOISE:
                if name == "breast_cancer" and noise > 0.5:
                    continue  # With most binary labels flipped, the other class is learned.
                for recipe in (*RECIPES, BOUND_FOR_ALL):
                    yield name, str(noise), recipe, seed


class Runs:
    """Accuracies and losses over the seeds of a combination of set, noise, recipe and rate."""

    def __init__(self, rows: dict[_cells.Key, _cells.Row]) -> None:
        self.rows = rows

    def values(self, what: str, name: str, noise: float, recipe: str, rate: float) -> list[float]:
        """One number for each seed that was run."""
        inside = (name, str(noise), recipe)
        values = [r.values.get(f"{what} {rate}") for k, r in self.rows.items() if k[:3] == inside]
        return [v for v in values if v is not None]

    def mean(self, *combination: Any) -> float:
        """Mean accuracy over seeds in %, or nan."""
        runs = self.values("accuracy", *combination)
        return 100 * float(np.mean(runs)) if runs else np.nan

    def accuracy(self, *combination: Any) -> str:
        """Mean and standard deviation over seeds, in %."""
        runs = 100 * np.array(self.values("accuracy", *combination))
        return f"{runs.mean():.1f} ({runs.std():.1f})" if len(runs) else ""


def gains(runs: Runs, rates: Iterable[float]) -> str:
    """The worst rate on clean labels and the best negative rate on noisy ones."""
    lines: list[list[object]] = []
    for name in ("digits", "synthetic"):
        base = runs.mean(name, 0.0, "default", 0)
        inner = [r for r in rates if -8 <= r <= 0.4]
        worst = min(inner, key=lambda r: runs.mean(name, 0.0, "default", r))
        lost = runs.mean(name, 0.0, "default", worst) - base
        title = f"worst rate of -8 to .4 on clean labels: {worst}"
        lines.append([name, 0.0, title, f"{lost:+.1f}"])
        for noise in (0.4, 0.6):
            negative = [r for r in rates if r < 0]
            best = max(negative, key=lambda r: runs.mean(name, noise, "default", r))
            base = runs.mean(name, noise, "default", 0)
            gain = runs.mean(name, noise, "default", best) - base
            lines.append([name, noise, f"best negative rate: {best}", f"{gain:+.1f}"])
    return table(["data", "noise", "", "points beside cross-entropy"], lines)


def accuracies(runs: Runs, name: str, recipe: str) -> str:
    """One line for each noise rate, one column for each rate of smoothing."""
    combinations = {str(rate): (recipe, rate) for rate in rates_of(name, recipe)}
    if recipe == "default":
        combinations["0, bounded"] = (BOUND_FOR_ALL, 0)
    lines = [
        [noise, *(runs.accuracy(name, noise, *c) for c in combinations.values())] for noise in NOISE
    ]
    return table(["noise \\ rate", *combinations], [line for line in lines if any(line[1:])])


def losses(runs: Runs) -> str:
    """Mean log-loss over seeds, of the rates that all sets have."""
    lines: list[list[object]] = []
    for name in SETS:
        for noise in NOISE:
            cells = [runs.values("log-loss", name, noise, "default", r) for r in FEWER_RATES]
            if all(cells):
                lines.append([name, noise, *(float(np.mean(cell)) for cell in cells)])
    return table(["data", "noise", *map(str, FEWER_RATES)], lines)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    runs, seeds = Runs(rows), sorted({key[3] for key in rows})
    text = [
        "# Stability of negative smoothing",
        f"Table written {setting()}.",
        f"Clean test accuracy in %, mean (standard deviation) over seeds {seeds}. Default settings "
        "of the estimator (100 epochs, batch 128, or 32 below 500 training rows); half of each set "
        "to test on. *synthetic*: 4000 x 20, 5 classes. Breast cancer stops at .4: with more than "
        "half of binary labels flipped the other class is learned.",
        CELLS.origins(rows),
        "## Losses and gains",
        gains(runs, RATES),
    ]
    for name in SETS:
        for recipe in RECIPES:
            text += [f"## {name}, {recipe}", accuracies(runs, name, recipe)]
    text += ["## Log-loss on clean test labels, default", losses(runs)]
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


def quick() -> str:
    """Losses and gains of one seed at few rates."""
    origin = _cells.Origin("", "", "", "")
    rows = {
        (name, str(noise), "default", 0): _cells.Row(
            trained(name, noise, "default", QUICK_RATES, seed=0), origin
        )
        for name in ("digits", "synthetic")
        for noise in (0.0, 0.4, 0.6)
    }
    return gains(Runs(rows), QUICK_RATES)


if __name__ == "__main__":
    parser = _cells.options(__doc__, seeds=5)
    parser.add_argument("--quick", action="store_true", help="print one seed of few rates")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if chosen.quick:
        print(quick())
    else:
        _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
