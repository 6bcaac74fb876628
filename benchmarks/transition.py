"""Estimates of transition matrices and noise rates, beside those of cleanlab.

    SKNOISY_DATA=... python benchmarks/transition.py [n_seeds]

Cells are those of the robustness table but the images. All estimators but ``hoc``, which reads the
features, read the same probabilities: of the default classifier out of bag, or of logistic
regression in five folds. The true matrix counts the labels of the cell. ``surest`` was made on the
development half with seeds 100 to 102.
"""

from __future__ import annotations

import sys
import warnings
from collections import defaultdict
from collections.abc import Callable

from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch
from _data import home, load, noises
from robustness import DEVELOPMENT, SETS, SHIPPED
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
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


def probabilities(model: str, X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    if model == MODELS[0]:
        fitted = NoisyLabelClassifier(random_state=seed).fit(X, y)
        return fitted.method_.out_of_bag.double().numpy()
    clf = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(clf, X, y, cv=folds, method="predict_proba")


def by_cleanlab(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    from cleanlab.count import estimate_py_and_noise_matrices_from_probabilities as estimate

    return estimate(y, p)[1].T


def estimates(
    X: np.ndarray, y: np.ndarray, p: np.ndarray, clean: np.ndarray, trusted: np.ndarray
) -> dict[str, Callable[[], np.ndarray]]:
    checked = np.where(trusted, clean, y)
    spread = X.std(axis=0)
    scaled = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return {
        "most_confident": lambda: most_confident(y, p),
        "anchor_points": lambda: anchor_points(y, p),
        "confident_joint": lambda: confident_joint(y, p),
        "dual_t": lambda: dual_t(y, p),
        f"gold, {TRUSTED:.0%} trusted": lambda: gold(checked, p, trusted),
        "hoc": lambda: hoc(y, scaled),
        "cleanlab": lambda: by_cleanlab(y, p),
        "no noise": lambda: np.eye(p.shape[1]),
    }


def main() -> None:
    torch.set_num_threads(1)
    n_seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    names = [name for name in (SETS if home() else SHIPPED) if name != "fashion_mnist"]
    errors: dict[tuple, list[float]] = defaultdict(list)
    rates: dict[tuple, list[float]] = defaultdict(list)
    inside: dict[tuple, list[bool]] = defaultdict(list)
    for seed in range(n_seeds):
        for name, noise in ((each, noise) for each in names for noise in noises(each)):
            cell = load(name, noise, seed)
            k = int(max(cell.clean.max(), cell.y.max())) + 1
            true = transition_between(cell.clean, cell.y, k)
            wrong = float((cell.y != cell.clean).mean())
            trusted = np.random.default_rng(seed).random(len(cell.y)) < TRUSTED
            for model in MODELS:
                p = probabilities(model, cell.X, cell.y, seed)
                each = estimates(cell.X, cell.y, p, cell.clean, trusted)
                for who, estimate in each.items():
                    found = estimate()
                    key = (model, who, name, noise)
                    errors[key].append(float(abs(found - true).sum() / k))
                    rates[key].append(abs(noise_rate_from_transition(found, cell.y) - wrong))
                found_rate = noise_rate(cell.y, p, random_state=seed)
                inside[model, noise].append(found_rate.low <= wrong <= found_rate.high)
            print(seed, name, noise, file=sys.stderr, flush=True)
    save("transition", report(errors, rates, inside, n_seeds))


def report(errors: dict, rates: dict, inside: dict, n_seeds: int) -> str:
    text = [f"# Transition matrices\n\n{setting()}; seeds 0 to {n_seeds - 1}"]
    text.append(
        "Error of a matrix: sum of absolute differences from the true one, divided by the number "
        "of classes. Error of a rate: absolute difference. Means over cells."
    )
    real = ("aggre", "rand1", "worst", "worker")
    parts = {
        "development half": lambda name, noise: name in DEVELOPMENT and noise not in real,
        "report half": lambda name, noise: name not in DEVELOPMENT and noise not in real,
        "no noise": lambda name, noise: noise == "none",
        "CIFAR-10N": lambda name, noise: noise in ("aggre", "rand1", "worst"),
        "all noisy": lambda name, noise: noise != "none",
        "all": lambda name, noise: True,
    }
    for model in MODELS:
        for what, found in (("matrix", errors), ("rate", rates)):
            rows = []
            for who in dict.fromkeys(key[1] for key in found):
                own = {k[2:]: np.mean(v) for k, v in found.items() if k[:2] == (model, who)}
                means = [
                    np.mean([v for cell, v in own.items() if chosen(*cell)] or [np.nan])
                    for chosen in parts.values()
                ]
                rows.append([who, *(f"{m:.3f}" for m in means)])
            text.append(f"## Error of the {what}: {model}\n\n" + table([what, *parts], rows))
    rows = [
        [model, *(f"{np.mean(inside[model, noise]):.2f}" for noise in _kinds(inside))]
        for model in MODELS
    ]
    text.append(
        "## Share of intervals of `noise_rate` that hold the true rate (asked: .95)\n\n"
        + table(["probabilities", *_kinds(inside)], rows)
    )
    return "\n\n".join(text)


def _kinds(inside: dict) -> list[str]:
    return list(dict.fromkeys(noise for _, noise in inside))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
