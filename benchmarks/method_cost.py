"""Measure what each method costs: time of an epoch over that of cross-entropy, and state kept.

    python benchmarks/method_cost.py                     # missing or outdated cells, then table
    python benchmarks/method_cost.py --only elr bagging  # only these methods
    python benchmarks/method_cost.py --table             # only write the table
    python benchmarks/method_cost.py --quick             # print few rounds, keep nothing

Ratios of CPU time within interleaved rounds (medians), one thread; networks and data are those of
``speed.py``. The result is ``results/methods.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import _cells
from _common import cpu_seconds, interleaved, setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from speed import HIDDEN, QUICK_ROUNDS, ROUNDS, datasets, ours

from sknoisy import METHODS, NoisyLabelClassifier

# Passes over a batch that a method needs, forward and backward: networks multiply, and an
# evaluation pass before each epoch is one forward pass.
PASSES = {
    "gjs": (2, 2),  # two views
    "sop_plus": (2, 2),  # a sample and a view
    "elr_plus": (2 * 2, 2),  # the networks, and their averages on the unmixed batch
    "synthetic": (3, 1),  # features, an evaluation pass, and the mixed batch
    "co_teaching": (2, 2),
    "jocor": (2, 2),
    "bagging": (8, 8),
    "distilled_pool": (2, 2),  # without its judges, which are asked once
    "dividemix": (2 * 5, 2 * 2),  # an evaluation pass, and two views to guess labels and to train
    "fine": (2, 1),  # an evaluation pass
    "co_learning": (3, 3),  # three views
    "ssr": (2, 1),  # an evaluation pass
    "l2rw": (3, 5),  # the gradient of trusted samples, a second-order gradient
    "meta_label_net": (5, 4),  # features, a virtual step, its loss, a second-order gradient
}
WIDE, BATCH = (512, 512), 128
# Further multiplications for each sample, on features as wide as the last hidden layer.
FURTHER = {
    "synthetic": BATCH * WIDE[-1],  # distances in the batch
    "fine": WIDE[-1] ** 2,  # the Gram matrix
    # A projection of two layers of two views, and products of all views with all and of samples.
    "co_learning": 3 * 2 * 2 * WIDE[-1] ** 2 + (3 * 4 + 1) * BATCH * WIDE[-1],
}


def needed(method: str, n_in: int, n_out: int) -> float:
    """Multiplications of a method over those of ce; a backward pass counts as two forward ones."""
    sizes = (n_in, *WIDE, n_out)
    network = sum(a * b for a, b in pairwise(sizes))
    forward, backward = PASSES.get(method, (1, 1))
    return (forward + 2 * backward + FURTHER.get(method, 0) / network) / 3


# Of each place: data, rows, hidden layers, and epochs of a short and of a long training.
PLACES = {
    "10k x 50, wide": ("100k x 50", 10_000, WIDE, 1, 5),
    "100k x 50": ("100k x 50", 100_000, (HIDDEN,), 1, 3),
    "digits": ("digits", 10_000, (HIDDEN,), 5, 25),
    "142 x 13": ("142 x 13", 142, (HIDDEN,), 20, 120),
}
STATE = "bytes per sample"
SMOOTHED, STOPPED = "ce, smoothing=-1", "ce, early_stopping"
JOBS: dict[str, dict[str, object]] = {
    **{name: {"method": name} for name in METHODS},
    SMOOTHED: {"method": "ce", "smoothing": -1.0},
    STOPPED: {"method": "ce", "early_stopping": True, "n_iter_no_change": 1000},
}


def measure(name: str, place: str, rounds: int = ROUNDS) -> dict[str, Any]:
    """Time of an epoch over that of cross-entropy; or the state that each sample needs."""
    if place == STATE:
        return {"bytes": bytes_per_sample(name)}
    values = {"ratio": 1.0 if name == "ce" else epoch_ratio(JOBS[name], place, rounds)}
    print(name, place, values, file=sys.stderr, flush=True)
    return values


def epoch_ratio(job: dict[str, object], place: str, rounds: int) -> float:
    """Time of an epoch over that of cross-entropy."""
    name, n, *others = PLACES[place]
    X, y = (a[:n] for a in datasets()[name])
    run = {
        "ce": lambda: _epochs(X, y, *others, {"method": "ce"}),
        "job": lambda: _epochs(X, y, *others, job),
    }
    return interleaved(run, rounds, measure=lambda epochs: epochs())["job"]


@cache
def code(name: str, place: str) -> str:
    """Fingerprint of what a cell of the table of methods depends on."""
    measured = bytes_per_sample if place == STATE else epoch_ratio
    return fingerprint(measured, METHODS["ce"], METHODS[str(JOBS[name]["method"])])


CELLS = _cells.CellTable(
    "methods", key=("method", "data"), digits={"ratio": 3, "bytes": 0}, code=code
)


def keys(only: list[str] | None) -> Iterator[_cells.Key]:
    """All places of all methods."""
    for place in (*PLACES, STATE):
        for name in only or JOBS:
            if place != STATE or name in METHODS:
                yield name, place


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    rows = {key: row for key, row in rows.items() if key[0] in JOBS}
    values = {key: row.values for key, row in rows.items()}
    wide, n_in, n_out = next(iter(PLACES)), 50, 5
    lines: list[list[object]] = []
    for name, job in JOBS.items():
        ratios: list[Any] = [values.get((name, p), {}).get("ratio", "") for p in PLACES]
        state = values.get((name, STATE), {}).get("bytes")
        need = needed(str(job["method"]), n_in, n_out)
        if any(ratios):
            over = ratios[0] / need if ratios[0] else ""
            lines.append([name, *ratios, need, over, "" if state is None else int(state)])
    header = ["method", *PLACES, "needed", f"{wide.split()[-1]} / needed", STATE]
    return "\n\n".join(
        [
            "# Cost of methods",
            f"Table written {setting()}.",
            CELLS.origins(rows),
            f"## Methods, an epoch relative to ce (batch {BATCH})",
            f"Ratios of CPU time, medians over rounds. One hidden layer of {HIDDEN}, where fixed "
            f"costs of each operation dominate, or {WIDE} (wide), where arithmetic does. Needed: "
            "multiplications that the method needs there, over those of ce. Bytes per sample: "
            "tables kept for 10 classes in float32.",
            table(header, lines),
            "## Origin of the cells",
            CELLS.origin_table(rows),
        ]
    )


def _epochs(
    X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], short: int, long: int, job: dict
) -> float:
    """CPU time of some epochs, without the fixed cost of a training."""
    settings = {"warmup": 0, "early_stopping": False, "module__hidden": hidden, **job}
    whole, part = (
        cpu_seconds(lambda epochs=epochs: ours(X, y, epochs, BATCH, **settings))
        for epochs in (long, short)
    )
    return whole - part


def bytes_per_sample(method: str) -> int:
    """Bytes of state for each training row, from the difference of two sizes of training sets."""
    X, y = datasets()["digits"]
    kept = []
    for n in (600, 1200):
        clf = NoisyLabelClassifier(method, max_epochs=2, warmup=1, device="cpu").fit(X[:n], y[:n])
        kept.append(sum(buffer.nbytes for buffer in clf.method_.buffers()))
    return round((kept[1] - kept[0]) / 600)


if __name__ == "__main__":
    parser = _cells.options(__doc__)
    parser.add_argument("--quick", action="store_true", help="print few rounds, keep nothing")
    parser.add_argument("--only", nargs="+", default=None, choices=list(JOBS), metavar="METHOD")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.quick:
        todo = list(keys(chosen.only))
        print(
            report({k: _cells.Row(measure(*k, rounds=QUICK_ROUNDS), CELLS.origin(k)) for k in todo})
        )
    else:
        _cells.run(CELLS, chosen, lambda: keys(chosen.only), measure, report)
