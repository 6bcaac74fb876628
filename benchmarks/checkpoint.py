"""Measure what a checkpoint of each epoch costs.

    python benchmarks/checkpoint.py   # a minute

For several networks: the size of a checkpoint, the CPU and wall time of writing one (pickled,
hashed, synced to the disk), and both over the CPU time of an epoch. An epoch that is too short for
that can be given a larger ``checkpoint_every``.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from _common import save, setting, table

# ruff: isort: split
import numpy as np

from sknoisy import NoisyLabelClassifier
from sknoisy._training.checkpoint import FitCheckpoint

N_EPOCHS = 8
N_ROWS = {"MLP of 2 x 256": 40_000, "MLP of 2 x 1024": 8_000, "cnn9, 3 x 32 x 32": 64}


def training(name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Rows, and parameters of the classifier."""
    rng, n_rows = np.random.default_rng(0), N_ROWS[name]
    if name.startswith("cnn9"):
        return rng.random((n_rows, 3, 32, 32), np.float32), {"module": "cnn9"}
    hidden = (1024, 1024) if "1024" in name else (256, 256)
    return rng.random((n_rows, 50), np.float32), {"module__hidden": hidden}


def measure(name: str, method: str) -> list[object]:
    """Medians over the epochs after the first two, as a row of the table."""
    took: list[tuple[float, float]] = []
    written = FitCheckpoint.save

    def timed(*args: Any, **kwargs: Any) -> None:
        cpu, wall = time.process_time(), time.perf_counter()
        written(*args, **kwargs)
        took.append((time.process_time() - cpu, time.perf_counter() - wall))

    X, params = training(name)
    clf = NoisyLabelClassifier(method, max_epochs=N_EPOCHS, random_state=0, **params)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(FitCheckpoint, "save", timed):
        begin = time.process_time()
        clf.set_params(checkpoint=folder).fit(X, np.arange(len(X)) % 10)
        total = time.process_time() - begin
        size = max(path.stat().st_size for path in Path(folder).iterdir())
    cpu, wall = (statistics.median(part) for part in zip(*took[2:], strict=True))
    epoch = (total - sum(part[0] for part in took)) / N_EPOCHS
    megabytes = round(size / 1e6, 1)
    return [
        name,
        method,
        megabytes,
        *(round(1000 * t, 1) for t in (cpu, wall, epoch)),
        round(100 * wall / epoch, 1),
    ]


def main() -> None:
    """Print and save the table."""
    header = ["network", "method", "MB", "CPU ms", "wall ms", "epoch, CPU ms", "wall, % of epoch"]
    rows = [measure(name, method) for name in N_ROWS for method in ("ce", "elr")]
    lines = ["# Cost of a checkpoint of each epoch", "", setting(), "", table(header, rows)]
    save("checkpoint", "\n".join(lines))


if __name__ == "__main__":
    main()
