"""Measure how much faster two processes train one network together than one process.

    python benchmarks/processes.py            # about 5 minutes, two CPU processes over gloo
    python benchmarks/processes.py --table    # only write the table

Wall time of an epoch with ``device="accelerate"`` in two processes over that in one, each with one
thread, in alternating rounds. A ratio of one half would be ideal: the rows of a batch are divided,
while gathering outputs, averaging gradients, the loss and the step of the optimizer take as long in
each process as in one alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from functools import cache
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch

from sknoisy import METHODS, NoisyLabelClassifier

CHOSEN = ("ce", "elr", "co_teaching")
ROUNDS = 3


def data() -> dict[str, tuple[np.ndarray, dict]]:
    """Rows, and parameters of the classifier."""
    rng = np.random.default_rng(0)
    wide = {"module__hidden": (1024, 1024), "batch_size": 512}
    return {
        "images, 1 x 28 x 28, CNN": (rng.random((768, 1, 28, 28), np.float32), {}),
        "50 columns, MLP of 2 x 1024": (rng.random((4096, 50), np.float32), wide),
        "50 columns, MLP": (rng.random((4096, 50), np.float32), {}),
    }


def train(name: str) -> None:
    """Train in each of the launched processes; the first prints the seconds of an epoch."""
    torch.set_num_threads(1)
    seconds = {}
    X, params = data()[name]
    y = np.arange(len(X)) % 5
    for method in CHOSEN:
        clf = NoisyLabelClassifier(method, device="accelerate", max_epochs=3, random_state=0)
        clf.set_params(early_stopping=False, warmup=0, **params).fit(X, y)
        seconds[method] = statistics.median(clf.history_[1:, "dur"])
    if int(os.environ.get("RANK", 0)) == 0:
        print("SECONDS" + json.dumps(seconds))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def launched(n: int, name: str) -> dict[str, float]:
    """Seconds of an epoch of each method in n processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={n}", __file__, "--train", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("SECONDS"))
    return json.loads(line.removeprefix("SECONDS"))


def measure(name: str) -> dict[str, Any]:
    """Medians of the ratios of all rounds."""
    rounds = [(launched(1, name), launched(2, name)) for _ in range(ROUNDS)]
    return {m: statistics.median(two[m] / one[m] for one, two in rounds) for m in CHOSEN}


@cache
def code(name: str) -> str:
    """Fingerprint of what a cell depends on."""
    return fingerprint(measure, train, *(METHODS[method] for method in CHOSEN))


CELLS = _cells.CellTable("processes", key=("data",), digits=dict.fromkeys(CHOSEN, 3), code=code)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    lines = [[n, *rows[n,].values.values()] for n in data() if (n,) in rows]
    return "\n\n".join(
        [
            "# One network, two processes",
            f"Table written {setting()} in each process.",
            f"Wall time of an epoch in two processes over one, medians of {ROUNDS} rounds.",
            CELLS.origins(rows),
            table(["data", *CHOSEN], lines),
            "## Origin of the cells",
            CELLS.origin_table(rows),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2])
        sys.exit()
    chosen = _cells.options(__doc__).parse_args()
    _cells.run(CELLS, chosen, lambda: [(name,) for name in data()], measure, report)
