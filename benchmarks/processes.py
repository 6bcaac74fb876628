"""What several processes save that train one network together.

    python benchmarks/processes.py        # about 3 minutes, two CPU processes over gloo

Wall time of an epoch with ``device="accelerate"`` in two processes over that in one, each with one
thread; in rounds, one process after the other. Half of it would be all there is to gain: the rows
of a batch are divided, while the gather of outputs, the mean of gradients, the loss and the step of
the optimizer are done whole in each.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch

from sknoisy import NoisyLabelClassifier

METHODS = ("ce", "elr", "co_teaching")
ROUNDS = 3


def data() -> dict[str, tuple[np.ndarray, dict]]:
    rng = np.random.default_rng(0)
    wide = {"module__hidden": (1024, 1024), "batch_size": 512}
    return {
        "images, 1 x 28 x 28, CNN": (rng.random((768, 1, 28, 28), np.float32), {}),
        "50 columns, MLP of 2 x 1024": (rng.random((4096, 50), np.float32), wide),
        "50 columns, MLP": (rng.random((4096, 50), np.float32), {}),
    }


def measure() -> None:
    """Print the seconds of an epoch, in each of the launched processes but only from the first."""
    torch.set_num_threads(1)
    took = {}
    for name, (X, params) in data().items():
        y = np.arange(len(X)) % 5
        for method in METHODS:
            clf = NoisyLabelClassifier(method, device="accelerate", max_epochs=3, random_state=0)
            clf.set_params(early_stopping=False, warmup=0, **params).fit(X, y)
            took[f"{name}|{method}"] = statistics.median(clf.history_[1:, "dur"])
    if int(os.environ.get("RANK", 0)) == 0:
        print("TOOK" + json.dumps(took))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def launched(n: int) -> dict[str, float]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={n}", __file__, "--measure"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOOK"))
    return json.loads(line.removeprefix("TOOK"))


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure()
        sys.exit()
    rounds = [(launched(1), launched(2)) for _ in range(ROUNDS)]
    rows: list[list[object]] = []
    for name in data():
        keys = [f"{name}|{method}" for method in METHODS]
        ratios = [[two[key] / one[key] for one, two in rounds] for key in keys]
        rows.append([name, *map(statistics.median, ratios)])
    save(
        "processes",
        f"# One network, two processes\n\n{setting()} in each process; an epoch's wall time in two "
        f"over one, medians of {ROUNDS} rounds\n\n" + table(["data", *METHODS], rows),
    )
