"""Measure how well mislabelled samples are found, and at what cost, beside cleanlab.

    SKNOISY_DATA=... python benchmarks/label_issues.py           # missing or outdated cells, tables
    SKNOISY_DATA=... python benchmarks/label_issues.py --table   # only write the tables

Real label errors: MNIST's test set (probabilities as published with the verified errors), one
answer of the crowd on music_genre, and CIFAR-10N on features of 10,000 images. On the latter two
``find_label_issues`` takes one fit of the default classifier; cleanlab takes predictions of the
same classifier, and of MLPClassifier, from five folds, which is how it is meant to be used. The
weight of ``label_quality_`` was chosen on the development half with seed 100. Planted flips of 1 to
10 % on ten tables of the report half, and published probabilities of strong networks on CIFAR-10,
show precision and recall of the samples returned, and their expected number.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, home, load
from _data import code as code_of_data
from robustness import DEFAULT
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.metrics import issue_average_precision, issue_precision_at_k

NOISY = (
    ("music_genre", "worker"), ("cifar10_features", "aggre"), ("cifar10_features", "rand1"),
    ("cifar10_features", "worst"),
)  # fmt: skip
MNIST = ("mnist", "verified errors")
CIFAR = tuple(
    ("cifar10", f"{kind} {model}")
    for kind in ("planted", "aggre", "worst")
    for model in ("resnet18", "swin")
)
TABLES = (
    "breast_cancer", "diabetes", "heart", "twonorm", "waveform", "optdigits", "page_blocks",
    "phoneme", "kr_vs_kp", "vehicle",
)  # fmt: skip
FLIPS = ("flips .01", "flips .03", "flips .05", "flips .1")
FOUND = ("precision ours", "recall ours", "precision cleanlab", "recall cleanlab")
OURS, QUALITY = "find_label_issues", "label_quality_"
RANKS = ("self_confidence", "normalized_margin", "adjusted self_confidence")
RANKINGS = (OURS, QUALITY, *(f"cleanlab, {rank}" for rank in RANKS))


def from_probabilities(y: np.ndarray, p: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """Scores of our ranking and of those of cleanlab, from the same probabilities."""
    from cleanlab.filter import find_label_issues as find_by_cleanlab
    from cleanlab.rank import get_label_quality_scores as quality_of

    issues = find_label_issues(p, y, return_all=True)
    qualities = {OURS: issues["quality"].sort_index().to_numpy()}
    qualities |= {f"cleanlab, {rank}": quality_of(y, p, method=rank) for rank in RANKS[:2]}
    adjusted = quality_of(y, p, method="self_confidence", adjust_pred_probs=True)
    qualities[f"cleanlab, {RANKS[2]}"] = adjusted
    by_cleanlab = find_by_cleanlab(y, p)
    counts = {"ours": issues.attrs["n_wrong"], "cleanlab": by_cleanlab.sum()}
    found = {"ours": returned(issues), "cleanlab": by_cleanlab}
    return scored(qualities, counts, wrong) | rows_found(found, wrong)


def returned(issues: Any) -> np.ndarray:
    """Mask of the samples that are returned as issues, from the table of all."""
    ordered = issues.sort_index()
    return (ordered["given"] != ordered["suggested"]).to_numpy()


def rows_found(found: dict[str, np.ndarray], wrong: np.ndarray) -> dict[str, float]:
    """Precision and recall of the samples that are returned."""
    values = {}
    for who, mask in found.items():
        values[f"precision {who}"] = float(wrong[mask].mean()) if mask.any() else 1.0
        values[f"recall {who}"] = float(wrong[mask].sum() / wrong.sum())
    return values


def scored(
    qualities: dict[str, np.ndarray], counts: dict[str, float], wrong: np.ndarray
) -> dict[str, float]:
    """Average precision and precision of rankings; expected numbers over the true one."""
    n = int(wrong.sum())
    values = {"noise rate": float(wrong.mean())}
    for name, quality in qualities.items():
        values[f"AP {name}"] = float(issue_average_precision(wrong, quality))
        values[f"P {name}"] = float(issue_precision_at_k(wrong, quality, n))
    return values | {f"expected {who}": float(count / n) for who, count in counts.items()}


def one_fit(cell: Cell, seed: int) -> dict[str, float]:
    """Scores from one fit of the default classifier."""
    begin = time.process_time()
    clf = NoisyLabelClassifier(random_state=seed).fit(cell.X, cell.y)
    issues = find_label_issues(clf, cell.y, return_all=True)
    seconds = time.process_time() - begin
    qualities = {OURS: issues["quality"].sort_index().to_numpy(), QUALITY: clf.label_quality_}
    counts = {"ours": issues.attrs["n_wrong"]}
    wrong = cell.y != cell.clean
    found = rows_found({"ours": returned(issues)}, wrong)
    return {**scored(qualities, counts, wrong), **found, "seconds": seconds}


def folds_of_forest(cell: Cell, seed: int) -> dict[str, float]:
    """Scores from five folds of a random forest."""
    return _folds(RandomForestClassifier(random_state=seed), cell, seed)


def folds_of_default(cell: Cell, seed: int) -> dict[str, float]:
    """Scores from five folds of the default classifier."""
    return _folds(NoisyLabelClassifier(random_state=seed), cell, seed)


def folds_of_mlp(cell: Cell, seed: int) -> dict[str, float]:
    """Scores from five folds of scikit-learn's perceptron."""
    mlp = MLPClassifier((128, 128), max_iter=100, random_state=seed)
    return _folds(make_pipeline(StandardScaler(), mlp), cell, seed)


def _folds(clf: ClassifierMixin, cell: Cell, seed: int) -> dict[str, float]:
    begin = time.process_time()
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    p = cross_val_predict(clf, cell.X, cell.y, cv=cv, method="predict_proba")
    seconds = time.process_time() - begin
    return {**from_probabilities(cell.y, p, cell.y != cell.clean), "seconds": seconds}


def mnist(folder: Path) -> dict[str, float]:
    """Scores from the published probabilities."""
    d = np.load(folder / "label_errors" / "mnist.npz", allow_pickle=True)
    y, p = d["given"].astype(int), d["pyx"].astype(float)
    names, wrong = list(d["vote_names"]), np.zeros(len(y), dtype=bool)
    # Verified: three of five people saw another label, or none or several.
    wrong[d["cand_index"][d["cand_votes"][:, names.index("given")] <= 2]] = True
    return from_probabilities(y, p, wrong)


def cifar(noise: str, folder: Path) -> dict[str, float]:
    """Scores from the published probabilities of strong networks."""
    d, name = (
        np.load(folder / "label_errors" / "cifar10_probabilities.npz"),
        noise.replace(" ", "_"),
    )
    y, true = d[f"{name}_given"].astype(int), d[f"{name}_true"].astype(int)
    p = d[f"{name}_proba"].astype(float)
    return from_probabilities(y, p / p.sum(axis=1, keepdims=True), y != true)


def with_flips(name: str, rate: float, seed: int) -> Cell:
    """A table with an exact fraction of labels flipped to another class."""
    cell, rng = load(name, "none", seed), np.random.default_rng(seed)
    y, k = cell.clean.copy(), int(cell.clean.max()) + 1
    rows = rng.choice(len(y), round(rate * len(y)), replace=False)
    y[rows] = (y[rows] + rng.integers(1, k, len(rows))) % k
    return cell._replace(y=y)


SOURCES: dict[str, Callable[..., dict[str, float]]] = {
    "given probabilities": mnist,
    "one fit": one_fit,
    "5 folds of default": folds_of_default,
    "5 folds of MLP": folds_of_mlp,
    "5 folds of forest": folds_of_forest,
}


def measure(name: str, noise: str, seed: int, source: str) -> dict[str, Any]:
    """Scores of all rankings from one source of probabilities."""
    print(name, noise, seed, source, file=sys.stderr, flush=True)
    if name == MNIST[0]:
        return mnist(home())
    if name == "cifar10":
        return cifar(noise, home())
    if noise in FLIPS:
        return SOURCES[source](with_flips(name, float(noise.split()[1]), seed), seed)
    return SOURCES[source](load(name, noise, seed), seed)


def code(name: str, noise: str, seed: int, source: str) -> str:
    """Fingerprint of what a cell depends on."""
    packages = () if source == "one fit" else ("scikit-learn", "cleanlab")
    data: tuple[Callable[..., object], ...] = ()
    if noise in FLIPS:
        data = (with_flips,)
    elif name not in (MNIST[0], "cifar10"):
        data = code_of_data(name, noise)
    return fingerprint(SOURCES[source], METHODS[DEFAULT], *data, *packages)


CELLS = _cells.CellTable(
    "label_issues",
    key=("set", "noise", "seed", "source"),
    digits=dict.fromkeys(
        ("noise rate", *(f"{score} {r}" for r in RANKINGS for score in ("AP", "P"))), 5
    )
    | dict.fromkeys(FOUND, 4)
    | {"expected ours": 4, "expected cleanlab": 4, "seconds": 2},
    code=code,
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """All sources of all sets."""
    if home() is None or find_spec("cleanlab") is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA and cleanlab", file=sys.stderr)
        return
    given, *fitted, forest = SOURCES
    for name, noise in (MNIST, *CIFAR):
        yield name, noise, 0, given
    for name in TABLES:
        for noise in FLIPS:
            for source in ("one fit", forest):
                yield name, noise, 0, source
    for name, noise in NOISY:
        for seed in range(seeds):
            for source in fitted:
                yield name, noise, seed, source


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    seeds = sorted({key[2] for key in rows})
    text = [
        "# Finding label issues",
        f"Table written {setting()}.",
        f"AP: average precision in finding mislabelled samples; P@wrong: precision among as many "
        "as are mislabelled; expected / true: the estimated number of mislabelled samples over "
        f"the true one; CPU seconds. Means over seeds {seeds}.",
        CELLS.origins(rows),
    ]
    header = ["", "AP", "P@wrong", "expected / true", "seconds"]
    for name, noise in (MNIST, *CIFAR, *NOISY):
        inside = {key: row.values for key, row in rows.items() if key[:2] == (name, noise)}
        if not inside:
            continue
        rate = np.mean([values["noise rate"] for values in inside.values()])
        lines = [
            _line(f"{ranking}, {source}", ranking, runs)
            for source in SOURCES
            if (runs := [v for key, v in inside.items() if key[3] == source])
            for ranking in RANKINGS
            if runs[0][f"AP {ranking}"] is not None
        ]
        text.append(f"## {name}, {noise}: {100 * rate:.2f} % mislabelled")
        text.append(table(header, lines))
    text += [
        "## Samples returned: planted flips, means over ten tables, and CIFAR-10",
        _found(rows),
    ]
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


def _found(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Precision and recall of the samples returned, and the expected number."""
    columns = ("precision", "recall", "expected")
    lines = []
    for noise in (*FLIPS, *(noise for _, noise in CIFAR)):
        for source in ("one fit", "5 folds of forest", "given probabilities"):
            runs = [row.values for key, row in rows.items() if (key[1], key[3]) == (noise, source)]
            for who, rank in (("ours", OURS), ("cleanlab", f"cleanlab, {RANKS[0]}")):
                kept = [run for run in runs if run.get(f"precision {who}") is not None]
                if kept:
                    names = [f"{c} {who}" for c in columns] + [f"AP {rank}"]
                    means = [f"{np.mean([run[name] for run in kept]):.2f}" for name in names]
                    lines.append([f"{noise}, {source}: {who}", *means])
    return table(["", "precision", "recall", "expected / true", "AP"], lines)


def _line(title: str, ranking: str, runs: list[dict[str, Any]]) -> list[object]:
    who = {OURS: "ours", QUALITY: None}.get(ranking, "cleanlab")
    columns = {f"AP {ranking}": 3, f"P {ranking}": 3, f"expected {who}": 2, "seconds": 0}
    line: list[object] = [title]
    for column, digits in columns.items():
        values = [run[column] for run in runs if run.get(column) is not None]
        line.append(f"{np.mean(values):.{digits}f}" if values else "")
    return line


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=1).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
