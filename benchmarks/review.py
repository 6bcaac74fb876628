"""Measure how many labels a reviewer corrects per look, by the order in which rows are looked at.

    SKNOISY_DATA=... python benchmarks/review.py           # missing or outdated cells, tables
    SKNOISY_DATA=... python benchmarks/review.py --table   # only write the tables

An expert, who answers with the clean label, looks at the first 2 to 20 % of the rows; so a look
corrects a label if the label was wrong. Where people labelled the rows, the answers of another
annotator are tried too: labels corrected minus clean labels replaced, per look. Orders: of
``next_to_check`` and of the quality alone, from one fit of the default classifier; at random; and
of cleanlab, from five folds of the same classifier and of a random forest. The weight of the
ambiguity was chosen with seed 100, on tables that are not among these and on the sets of people.
"4 sheets" is the loop: four times 5 % of the rows, with a new fit to the corrected labels after
each, from which the next sheet comes.
"""

from __future__ import annotations

import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, home, load, real_arrays
from _data import code as code_of_data
from robustness import DEFAULT
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.issues import apply_review, find_label_issues, next_to_check, review_sheet

REAL = (
    ("music_genre", "worker"), ("cifar10_features", "aggre"), ("cifar10_features", "rand1"),
    ("cifar10_features", "worst"),
)  # fmt: skip
PLANTED = (
    ("optdigits", "sym .2"), ("phoneme", "asym"), ("kr_vs_kp", "sym .4"), ("vehicle", "pair .3"),
    ("waveform", "instance .3"), ("page_blocks", "sym .2"),
)  # fmt: skip
# Another person's answers are known for these.
OTHER_ANNOTATOR = (("music_genre", "worker"), ("cifar10_features", "rand1"))
BUDGETS = (0.02, 0.05, 0.1, 0.2)
N_SHEETS = 4

Order = Callable[[Cell, int], np.ndarray]


def by_next_to_check(cell: Cell, seed: int) -> np.ndarray:
    """Rows in the order of next_to_check, after one fit."""
    return next_to_check(_fitted(cell, seed), cell.y, len(cell.y)).to_numpy()


def by_quality(cell: Cell, seed: int) -> np.ndarray:
    """Rows in the order of their quality, after one fit."""
    return find_label_issues(_fitted(cell, seed), cell.y, return_all=True).index.to_numpy()


def at_random(cell: Cell, seed: int) -> np.ndarray:
    """Rows in random order."""
    return np.random.default_rng([seed, 1]).permutation(len(cell.y))


def by_cleanlab(cell: Cell, seed: int) -> np.ndarray:
    """Rows in cleanlab's default order, from five folds of the default classifier."""
    return _ranked_by_cleanlab(NoisyLabelClassifier(random_state=seed), "self_confidence", cell)


def by_cleanlab_margin(cell: Cell, seed: int) -> np.ndarray:
    """Rows in the order of cleanlab's margin, from five folds of the default classifier."""
    return _ranked_by_cleanlab(NoisyLabelClassifier(random_state=seed), "normalized_margin", cell)


def by_cleanlab_forest(cell: Cell, seed: int) -> np.ndarray:
    """Rows in cleanlab's default order, from five folds of a forest."""
    return _ranked_by_cleanlab(RandomForestClassifier(random_state=seed), "self_confidence", cell)


def in_sheets(cell: Cell, seed: int) -> np.ndarray:
    """Rows in the order in which four sheets show them, each from a fit to all answers before."""
    y, trusted, rows = cell.y, None, []
    for _ in range(N_SHEETS):
        clf = NoisyLabelClassifier(random_state=seed).fit(cell.X, y)
        budget = round(BUDGETS[-1] / N_SHEETS * len(y))
        sheet = review_sheet(clf, y, budget=budget, trusted=trusted)
        sheet["new"] = cell.clean[sheet["row"]]
        y, trusted = apply_review(y, sheet, trusted=trusted, classes=np.unique(cell.clean))
        rows.append(sheet["row"].to_numpy())
    return np.concatenate(rows)


ORDERS: dict[str, Order] = {
    "next_to_check": by_next_to_check,
    "quality alone": by_quality,
    "random": at_random,
    "cleanlab, self_confidence, 5 folds of default": by_cleanlab,
    "cleanlab, normalized_margin, 5 folds of default": by_cleanlab_margin,
    "cleanlab, self_confidence, 5 folds of forest": by_cleanlab_forest,
    "next_to_check, 4 sheets": in_sheets,
}


def _fitted(cell: Cell, seed: int) -> NoisyLabelClassifier:
    return NoisyLabelClassifier(random_state=seed).fit(cell.X, cell.y)


def _ranked_by_cleanlab(clf: ClassifierMixin, method: str, cell: Cell) -> np.ndarray:
    from cleanlab.rank import get_label_quality_scores

    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    p = cross_val_predict(clf, cell.X, cell.y, cv=cv, method="predict_proba")
    return get_label_quality_scores(cell.y, p, method=method).argsort(kind="stable")


def other_answers(name: str, noise: str, seed: int, y: np.ndarray) -> np.ndarray:
    """The labels of another annotator for the rows of a cell; where there is none, y."""
    given = real_arrays(name, home())[4]
    rows = np.random.default_rng(seed).permutation(len(next(iter(given.values()))))[: len(y)]
    if name == "cifar10_features":
        return np.load(home() / "cifar10" / "labels.npz")["cifar10n_rand2"][rows].astype(int)
    answers = given["answers"]
    # The draws of the data, to learn who gave the label, and then another one.
    rng = np.random.default_rng([seed, zlib.crc32(f"{name}/{noise}".encode())])
    first = np.where(answers >= 0, rng.random(answers.shape), -1).argmax(axis=1)
    others = answers.copy()
    others[np.arange(len(answers)), first] = -1
    pick = np.where(others >= 0, rng.random(answers.shape), -1).argmax(axis=1)
    second = others[np.arange(len(answers)), pick].astype(int)[rows]
    return np.where(second >= 0, second, y)


def measure(name: str, noise: str, seed: int, order: str) -> dict[str, Any]:
    """Corrected labels per look, and the accuracy after a fit to the corrected labels."""
    print(name, noise, seed, order, file=sys.stderr, flush=True)
    cell = load(name, noise, seed)
    rows, wrong = ORDERS[order](cell, seed), cell.y != cell.clean
    values: dict[str, Any] = {"noise rate": float(wrong.mean())}
    for budget in BUDGETS:
        values[f"expert {budget}"] = float(wrong[rows[: round(budget * len(rows))]].mean())
    if order == "next_to_check, 4 sheets":
        # The order holds the rows of the sheets only.
        for budget in BUDGETS:
            looked = rows[: round(budget * len(cell.y))]
            values[f"expert {budget}"] = float(wrong[looked].mean())
        values |= _accuracies(cell, seed, rows)
    elif (name, noise) in OTHER_ANNOTATOR:
        answers = other_answers(name, noise, seed, cell.y)
        net = (answers == cell.clean).astype(int) - (cell.y == cell.clean)
        for budget in BUDGETS:
            values[f"annotator {budget}"] = float(net[rows[: round(budget * len(rows))]].mean())
    return values


def _accuracies(cell: Cell, seed: int, rows: np.ndarray) -> dict[str, float]:
    """Test accuracy before the review, with corrected labels, and with them as trusted."""
    y, trusted = cell.y.copy(), np.zeros(len(cell.y), dtype=bool)
    y[rows], trusted[rows] = cell.clean[rows], True
    fits = {"before": (cell.y, None), "corrected": (y, None), "trusted": (y, trusted)}
    return {
        f"accuracy {what}": float(
            NoisyLabelClassifier(random_state=seed)
            .fit(cell.X, labels, trusted=mask)
            .score(cell.X_test, cell.y_test)
        )
        for what, (labels, mask) in fits.items()
    }


ACCURACIES = tuple(f"accuracy {what}" for what in ("before", "corrected", "trusted"))


def code(name: str, noise: str, seed: int, order: str) -> str:
    """Fingerprint of what a cell depends on."""
    packages = ("scikit-learn", "cleanlab") if "cleanlab" in order else ()
    others = (other_answers,) if (name, noise) in OTHER_ANNOTATOR else ()
    parts = (ORDERS[order], METHODS[DEFAULT], *code_of_data(name, noise), *others)
    return fingerprint(*parts, *packages)


CELLS = _cells.CellTable(
    "review",
    key=("set", "noise", "seed", "order"),
    digits={
        "noise rate": 5,
        **{f"{who} {budget}": 5 for who in ("expert", "annotator") for budget in BUDGETS},
        **dict.fromkeys(ACCURACIES, 5),
    },
    code=code,
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """All orders of all sets; those of cleanlab where it is installed."""
    if home() is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    has_cleanlab = find_spec("cleanlab") is not None
    for seed in range(seeds):
        for name, noise in (*PLANTED, *REAL):
            for order in ORDERS:
                if has_cleanlab or "cleanlab" not in order:
                    yield name, noise, seed, order


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    seeds = sorted({key[2] for key in rows})
    percents = [f"{100 * budget:.0f} %" for budget in BUDGETS]
    text = [
        "# Which rows to look at",
        f"Table written {setting()}.",
        f"Means over seeds {seeds}{_fewer_seeds(rows, seeds)}.",
        CELLS.origins(rows),
        "## Labels corrected per look, in multiples of random order, after 10 % of the rows",
        "Random order corrects as many labels per look as are wrong (first column).",
        _multiples(rows),
        "## Labels corrected per look, by the number of looks",
    ]
    for name, noise in (*REAL, *PLANTED):
        lines = _lines(rows, name, noise, "expert")
        if lines:
            text += [f"### {name}, {noise}", table(["looks", *percents], lines)]
    text += [
        "## Another annotator looks: corrected minus newly wrong labels, per look",
        "A second person, who errs too, replaces the labels. Random order is near 0 if both err "
        "alike.",
    ]
    for name, noise in OTHER_ANNOTATOR:
        lines = _lines(rows, name, noise, "annotator")
        if lines:
            text += [f"### {name}, {noise}", table(["looks", *percents], lines)]
    text += [
        "## Accuracy on clean test labels before and after four sheets (20 % of the rows)",
        _accuracy_table(rows),
        "## Origin of the cells",
        CELLS.origin_table(rows),
    ]
    return "\n\n".join(text)


def _fewer_seeds(rows: dict[_cells.Key, _cells.Row], seeds: list[Any]) -> str:
    """Name the sets that were measured with fewer seeds."""
    of_sets: dict[Any, set[Any]] = {}
    for name, _, seed, _ in rows:
        of_sets.setdefault(name, set()).add(seed)
    fewer = [f"{name}: {sorted(s)}" for name, s in of_sets.items() if len(s) < len(seeds)]
    return f" ({', '.join(fewer)})" if fewer else ""


def _means(rows: dict[_cells.Key, _cells.Row], *where: str) -> Callable[[str], float | None]:
    """Return a function from a column to its mean over seeds."""
    runs = [row.values for key, row in rows.items() if (key[0], key[1], key[3]) == where]

    def mean(column: str) -> float | None:
        values = [run[column] for run in runs if run.get(column) is not None]
        return float(np.mean(values)) if values else None

    return mean


def _multiples(rows: dict[_cells.Key, _cells.Row]) -> str:
    lines = []
    for name, noise in (*REAL, *PLANTED):
        rate = _means(rows, name, noise, "random")("noise rate")
        if rate is None:
            continue
        line: list[object] = [f"{name}, {noise}", f"{rate:.3f}"]
        for order in ORDERS:
            value = _means(rows, name, noise, order)("expert 0.1")
            line.append("" if value is None else f"{value / rate:.2f}")
        lines.append(line)
    return table(["", "wrong", *ORDERS], lines)


def _lines(
    rows: dict[_cells.Key, _cells.Row], name: str, noise: str, who: str
) -> list[list[object]]:
    lines = []
    for order in ORDERS:
        mean = _means(rows, name, noise, order)
        values = [mean(f"{who} {budget}") for budget in BUDGETS]
        if values[0] is not None:
            lines.append([order, *("" if v is None else f"{v:.3f}" for v in values)])
    return lines


def _accuracy_table(rows: dict[_cells.Key, _cells.Row]) -> str:
    lines = []
    for name, noise in (*REAL, *PLANTED):
        mean = _means(rows, name, noise, "next_to_check, 4 sheets")
        values = [mean(column) for column in ACCURACIES]
        if values[0] is not None:
            lines.append([f"{name}, {noise}", *(f"{100 * v:.1f}" for v in values if v is not None)])
    return table(["", "before", "labels corrected", "corrected and trusted"], lines)


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=2).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
