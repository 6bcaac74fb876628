"""Whether a negative smoothing rate ever ruins a network, and what it gains under noise.

Clean test accuracy at the end of training, for every rate and noise: the estimator's defaults, the
same without the bound on the logits, and the same with early stopping on noisy labels.
Cross-entropy under the same bound is there too, to tell what the bound does from what the rate
does. Five seeds; the defaults were proposed on others, and compared with their runner-up on these.
``--quick`` runs one seed of few rates.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknoisy import NoisyLabelClassifier
from sknoisy.functional import logit_bound_for_rate
from sknoisy.search._fit import fit_candidates

RATES = (-256, -64, -16, -8, -6, -4, -2, -1, -0.5, 0, 0.2, 0.4, 0.6, 0.8)
FEWER_RATES = (-256, -64, -8, -2, -0.5, 0, 0.4)
NOISE = (0.0, 0.2, 0.4, 0.6)
RECIPES = {
    "default": {},
    "no bound": {"logit_bound": None},
    "early stopping": {"early_stopping": True},
}
LOADERS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}


def split(name: str, noise: float, seed: int) -> tuple[np.ndarray, ...]:
    """Half to train on, with a share of its labels flipped to another class; half to test on."""
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


def run(name: str, noise: float, recipe: str, rates: list[float], seed: int) -> list[tuple]:
    """Clean test accuracy and log-loss of each rate; they are trained at once."""
    torch.set_num_threads(1)
    X, y, X_test, y_test = split(name, noise, seed)
    params = (
        {"logit_bound": logit_bound_for_rate(0.0)} if recipe == "bound for all" else RECIPES[recipe]
    )
    small = {"batch_size": 32} if len(X) < 500 else {}
    clf = NoisyLabelClassifier("ce", random_state=seed, **small, **params)
    found = []
    for fitted in fit_candidates([clone(clf).set_params(smoothing=r) for r in rates], X, y):
        if isinstance(fitted, Exception):
            raise fitted
        p = np.clip(fitted.predict_proba(X_test).astype(float), 1e-7, 1.0)
        loss = log_loss(y_test, p / p.sum(1, keepdims=True))
        found.append((float((p.argmax(1) == y_test).mean()), loss))
    return found


def rates_of(name: str, recipe: str, rates: tuple[float, ...]) -> list[float]:
    """All rates for what is asked of the defaults, fewer beside it."""
    full = name in ("digits", "synthetic") and recipe == "default"
    kept = [r for r in rates if full or r in FEWER_RATES]
    return [r for r in kept if recipe != "no bound" or r < 0]


def cells(names: list[str], rates: tuple[float, ...]) -> Iterator[tuple[str, float, str, list]]:
    for name in names:
        for noise in NOISE:
            if name == "breast_cancer" and noise > 0.5:
                continue  # More than half of binary labels wrong: the other class is learned.
            for recipe in RECIPES:
                yield name, noise, recipe, rates_of(name, recipe, rates)
            yield name, noise, "bound for all", [0.0]


def verdict(mean: dict, rates: tuple[float, ...]) -> str:
    """What was asked of the defaults, and what came out."""
    rows = []
    for name in ("digits", "synthetic"):
        base = mean[name, 0.0, 0, "default"]
        inner = [r for r in rates if -8 <= r <= 0.4]
        worst = min(inner, key=lambda r: mean[name, 0.0, r, "default"])
        lost = 100 * (mean[name, 0.0, worst, "default"] - base)
        rows.append([name, 0.0, f"worst rate of -8 to .4 on clean labels: {worst}", f"{lost:+.1f}"])
        for noise in (0.4, 0.6):
            best = max((r for r in rates if r < 0), key=lambda r: mean[name, noise, r, "default"])
            gain = 100 * (mean[name, noise, best, "default"] - mean[name, noise, 0, "default"])
            rows.append([name, noise, f"best negative rate: {best}", f"{gain:+.1f}"])
    return table(["data", "noise", "", "points beside cross-entropy"], rows)


def accuracy(runs: list[tuple[float, float]]) -> str:
    """Mean and standard deviation over seeds, in %."""
    found = 100 * np.array([right for right, _ in runs])
    return f"{found.mean():.1f} ({found.std():.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--data", nargs="+", default=["digits", "synthetic", "breast_cancer", "wine"]
    )
    args = parser.parse_args()
    seeds = range(1) if args.quick else range(5)
    rates = (-8, -1, 0, 0.4) if args.quick else RATES
    todo = [(*cell, seed) for cell in cells(args.data, rates) for seed in seeds]
    print(f"{len(todo)} trainings", file=sys.stderr)
    results = Parallel(args.jobs, verbose=1)(delayed(run)(*job) for job in todo)
    found: dict[tuple, list[tuple[float, float]]] = {}
    for (name, noise, recipe, tried, _), outcome in zip(todo, results, strict=True):
        for rate, result in zip(tried, outcome, strict=True):
            found.setdefault((name, noise, rate, recipe), []).append(result)
    mean = {cell: float(np.mean([a for a, _ in runs])) for cell, runs in found.items()}
    text = [
        "# Stability of negative smoothing",
        f"{setting()}; seeds {list(seeds)}; clean test accuracy in %, mean (standard deviation)",
        "Defaults of the estimator (100 epochs, batch 128, or 32 below 500 training rows); half of "
        "each set to test on. *synthetic*: 4000 x 20, 5 classes. Breast cancer stops at .4: above "
        "one half of wrong binary labels the other class is learned.",
    ]
    if {"digits", "synthetic"} <= set(args.data):
        text += ["## What was asked", verdict(mean, rates)]
    for name in args.data:
        for recipe in RECIPES:
            rows = []
            shown = rates_of(name, recipe, rates)
            for noise in NOISE:
                cell = [found.get((name, noise, rate, recipe)) for rate in shown]
                bounded = found.get((name, noise, 0.0, "bound for all"))
                if bounded and recipe == "default":
                    cell.append(bounded)
                if all(cell):
                    rows.append([noise, *map(accuracy, cell)])
            head = ["noise \\ rate", *map(str, shown)]
            text += [
                f"## {name}, {recipe}",
                table([*head, "0, bounded"] if recipe == "default" else head, rows),
            ]
    losses = []
    shown = [rate for rate in FEWER_RATES if rate in rates]
    for name in args.data:
        for noise in NOISE:
            cell = [found.get((name, noise, rate, "default")) for rate in shown]
            if all(cell):
                losses.append([name, noise, *(float(np.mean([v for _, v in c])) for c in cell)])
    head = ["data", "noise", *map(str, shown)]
    text += ["## Log-loss on clean test labels, default", table(head, losses)]
    done = "\n\n".join(text)
    if args.quick:
        print(done)
    else:
        save("smoothing_stability", done)


if __name__ == "__main__":
    main()
