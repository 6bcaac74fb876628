"""Measure what the parts of the default method give, on the development half.

    python benchmarks/distillation.py            # what is missing or outdated, then the table
    python benchmarks/distillation.py --hours 1  # begin no cell after an hour
    python benchmarks/distillation.py --table    # only write the table

A cell is one fit: a variant of the default on a data set with one kind of noise and one seed,
scored by accuracy on clean test labels. The default was chosen on these cells, so the seeds are
others than those of the robustness benchmark. ``SKNOISY_DATA`` names the folder of the data.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from unittest import mock

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import code as code_of_data
from _data import home, load
from robustness import fit_and_score

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.methods import distilled_pool

SEEDS = (100, 101)
NOISES = {
    "wine": ("sym .4",),
    "german": ("sym .4", "asym", "instance .3", "none"),
    "digits": ("sym .6", "pair .3", "instance .3", "none"),
    "image": ("sym .4", "instance .3", "none"),
    "splice": ("sym .4", "asym"),
    "banana": ("sym .4",),
    "dry_bean": ("sym .6", "instance .3"),
    "magic": ("sym .4", "instance .3"),
    "satimage": ("sym .4", "asym", "instance .3", "none"),
    "spambase": ("sym .4", "asym"),
}
# Parameters of the estimator, and private constants of the method, that a variant changes.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "default": ({}, {}),
    "bagging": ({"method": "bagging"}, {}),
    "4 networks": ({"method__n_networks": 4}, {}),
    "100 trees": ({}, {"_N_TREES": 100}),
    "networks are the only judges": ({}, {"_MAX_COLUMNS": 0}),
    "networks are no judges": ({}, {"_JUDGING_EPOCHS": 0}),
    "15 epochs": ({"max_epochs": 15}, {}),
    "60 epochs": ({"max_epochs": 60}, {}),
    "batch_size=32": ({"batch_size": 32}, {}),
    "linear schedule": ({"lr_schedule": "linear"}, {}),
    "dropout .1": ({"module__dropout": 0.1}, {}),
    "no piecewise linear encoding": ({"module__bins": 0}, {}),
    "smoothing=.2": ({"smoothing": 0.2}, {}),
    "smoothing=-1": ({"smoothing": -1.0}, {}),
    "smoothing='auto'": ({"smoothing": "auto"}, {}),
    "transition_matrix=None": ({"method__transition_matrix": None}, {}),
}


def cells() -> Iterator[tuple[str, str, int]]:
    """Data set, noise and seed."""
    for seed in SEEDS:
        for name, noises in NOISES.items():
            for noise in noises:
                yield name, noise, seed


def measure(variant: str, name: str, noise: str, seed: int) -> dict[str, Any]:
    """One fit: accuracy on clean test labels, and its CPU seconds."""
    params, constants = VARIANTS[variant]
    cell, clf = load(name, noise, seed), NoisyLabelClassifier(random_state=seed, **params)
    with mock.patch.multiple(distilled_pool, **constants) if constants else mock.MagicMock():
        begin = time.process_time()
        accuracy = fit_and_score(clf, cell)
    return {"accuracy": accuracy, "seconds": time.process_time() - begin}


def code(variant: str, name: str, noise: str, seed: int) -> str:
    """Fingerprint of what a cell depends on."""
    method = METHODS[VARIANTS[variant][0].get("method", NoisyLabelClassifier().method)]
    return fingerprint(fit_and_score, *code_of_data(name, noise), NoisyLabelClassifier, method)


CELLS = _cells.CellTable(
    "distillation",
    key=("variant", "set", "noise", "seed"),
    digits={"accuracy": 5, "seconds": 2},
    code=code,
)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Compare each variant with the default, on the cells that both have run."""
    values: dict[str, dict[tuple, tuple[float, float]]] = defaultdict(dict)
    for (variant, *cell), row in rows.items():
        if variant in VARIANTS:
            accuracy, seconds = (float(row.values[name] or 0) for name in ("accuracy", "seconds"))
            values[str(variant)][tuple(cell)] = 100 * accuracy, seconds
    lines: list[list[object]] = []
    for variant in VARIANTS:
        both = [cell for cell in values[variant] if cell in values["default"]]
        line: list[object] = [variant]
        for is_clean in (False, True):
            chosen = [cell for cell in both if (cell[1] == "none") == is_clean]
            if len(chosen) < 2:
                line += ["", "", ""]
                continue
            ours = np.array([values[variant][cell][0] for cell in chosen])
            difference = ours - [values["default"][cell][0] for cell in chosen]
            error = difference.std(ddof=1) / len(chosen) ** 0.5
            line += [f"{ours.mean():.2f}", f"{difference.mean():+.2f} ± {error:.2f}", len(chosen)]
        seconds = [sum(values[v][cell][1] for cell in both) for v in (variant, "default")]
        lines.append([*line, f"{seconds[0] / seconds[1]:.2f}" if both else ""])
    head = [
        "variant", "noisy cells", "minus default", "cells", "clean labels", "minus default",
        "cells", "CPU time over default",
    ]  # fmt: skip
    text = (
        "Clean test accuracy in %, means over cells, and the difference to the default with its "
        f"standard error; seeds {SEEDS[0]} and {SEEDS[1]}, {len(NOISES)} sets of the development "
        "half. CPU times are sums over the same cells, measured in turn on one machine. "
        '"networks are the only judges": they are trained on the given labels of their half of '
        "the samples for ten epochs, and judge the others, instead of forests and kernels."
    )
    lead = ["# What the parts of the default method give", "", f"Table written {setting()}.", ""]
    tail = ["## Origin of the cells", "", CELLS.origin_table(rows)]
    return "\n".join([*lead, text, "", CELLS.origins(rows), "", table(head, lines), "", *tail])


if __name__ == "__main__":
    parser = _cells.options(__doc__)
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), metavar="VARIANT")
    chosen = parser.parse_args()
    if home() is None:
        sys.exit("Set SKNOISY_DATA to the folder of the data.")
    torch.set_num_threads(1)
    _cells.run(
        CELLS,
        chosen,
        keys=lambda: ((v, *cell) for cell in cells() for v in chosen.only),
        measure=measure,
        report=report,
    )
