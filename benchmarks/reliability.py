"""Measure memory and time of large data, and whether anything grows over many fits.

Each figure has a limit, which ``tests/benchmarks/test_reliability.py`` checks.

    python benchmarks/reliability.py               # all figures
    python benchmarks/reliability.py "1000 classes"

A figure is measured in a process of its own, so that its memory is its own. Each is a row of
``results/reliability.md``.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _cells import commit
from _common import RESULTS, setting, table

_MIB = 2**20


class Figure(NamedTuple):
    """A figure and its limit."""

    value: float
    limit: float
    unit: str
    remark: str = ""

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit


def _peak(run: Callable[[], object]) -> float:
    """Highest resident memory in MiB beyond what it was before, by polling."""
    import psutil

    process, ended = psutil.Process(), threading.Event()
    gc.collect()
    before = peak = process.memory_info().rss

    def poll() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            # Pages of a mapped file are not the process's own.
            info = process.memory_info()
            peak = max(peak, info.rss - info.shared + shared)

    shared = process.memory_info().shared
    thread = threading.Thread(target=poll)
    thread.start()
    try:
        run()
    finally:
        ended.set()
        thread.join()
    return (peak - before) / _MIB


def _default(**params: Any) -> Any:
    from sknoisy import NoisyLabelClassifier

    return NoisyLabelClassifier(random_state=0, **params)


def _warmed_up() -> None:
    """Fit once, so that imports and caches are there."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 100)), np.arange(300) % 10
    _default(max_epochs=3).fit(X, y).predict(X)


def _labelled(X: np.ndarray, n_classes: int) -> np.ndarray:
    return np.digitize(X[:, 0], np.quantile(X[:5000, 0], np.linspace(0, 1, n_classes + 1)[1:-1]))


def million_rows(n: int = 1_000_000, limit: float = 200) -> Figure:
    """Peak memory beyond X of a fit to 1,000,000 x 100 numbers in double precision, 10 classes."""
    _warmed_up()
    X = np.random.default_rng(0).normal(size=(n, 100))
    y = _labelled(X, 10)
    peak = _peak(lambda: _default(max_epochs=2, early_stopping=False).fit(X, y))
    return Figure(peak, limit, "MiB", f"{n} rows, 2 epochs")


def mapped_file(n: int = 1_000_000, limit: float = 200) -> Figure:
    """Peak memory of a fit to a memory-mapped file that is larger than the memory it may use."""
    _warmed_up()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "X.npy"
        X = np.lib.format.open_memmap(path, "w+", np.float64, (n, 100))
        for start in range(0, n, 50_000):
            X[start : start + 50_000] = rng.normal(size=(min(50_000, n - start), 100))
        y = _labelled(X, 10)
        X.flush()
        del X
        mapped = np.load(path, mmap_mode="r")
        peak = _peak(lambda: _default(max_epochs=2, early_stopping=False).fit(mapped, y))
    return Figure(peak, limit, "MiB", f"file of {n * 800 / _MIB:.0f} MiB, 2 epochs")


def thousand_classes(n: int = 6000, k: int = 1000, limit: float = 3.0) -> Figure:
    """CPU time of the default with 1000 classes and 6000 rows, relative to a random forest."""
    from sklearn.datasets import make_blobs
    from sklearn.ensemble import RandomForestClassifier

    from sknoisy.noise import corrupt_labels

    _warmed_up()
    X, y = make_blobs(n, 20, centers=k, cluster_std=2.0, random_state=0)
    y = corrupt_labels(y, 0.2, random_state=0)
    seconds = []
    for clf in (RandomForestClassifier(random_state=0), _default()):
        start = time.process_time()
        clf.fit(X, y)
        seconds.append(time.process_time() - start)
    forest, default = seconds
    return Figure(
        default / forest, limit, "times", f"{default:.0f} s of CPU, forest {forest:.0f} s"
    )


def many_columns(n: int = 500, d: int = 20_000, limit: float = 250) -> Figure:
    """Peak memory beyond X of a fit to 500 rows of 20,000 columns."""
    _warmed_up()
    X = np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)
    y = _labelled(X, 5)
    start = time.process_time()
    peak = _peak(lambda: _default(max_epochs=5).fit(X, y))
    seconds = time.process_time() - start
    return Figure(peak, limit, "MiB", f"{seconds:.1f} s of CPU for 5 epochs")


def _grown(run: Callable[[], object], n: int) -> dict[str, float]:
    """Growth of memory in MiB, handles and threads over many calls, after a tenth of them."""
    import psutil

    process, first = psutil.Process(), {}
    now: dict[str, float] = {}
    for i in range(n):
        run()
        if i in (n // 10, n - 1):
            gc.collect()
            now = {
                "memory": process.memory_info().rss / _MIB,
                "handles": process.num_fds(),
                "threads": process.num_threads(),
            }
            first = first or now
    return {name: now[name] - first[name] for name in now}


def many_fits(n: int = 500, limit: float = 5.0) -> Figure:
    """Memory that 500 fits of small data leave behind."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
    grown = _grown(lambda: _default(method="elr", max_epochs=2).fit(X, y), n)
    return _growth(grown, n, "fits", limit)


def many_predictions(n: int = 5000, limit: float = 5.0) -> Figure:
    """Memory that 5000 predictions leave behind."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)).astype(np.float32), np.arange(60) % 3
    clf = _default(method="ce", max_epochs=2).fit(X, y)
    return _growth(_grown(lambda: clf.predict_proba(X), n), n, "predictions", limit)


def _growth(grown: dict[str, float], n: int, what: str, limit: float) -> Figure:
    handles, threads = int(grown["handles"]), int(grown["threads"])
    remark = f"{n} {what}; handles {handles:+d}, threads {threads:+d}"
    # A handle or a thread for each call would be a leak, too.
    value = grown["memory"] if max(handles, threads) <= 0 else np.inf
    return Figure(value, limit, "MiB", remark)


FIGURES: dict[str, Callable[..., Figure]] = {
    "1 million rows": million_rows,
    "memory-mapped file": mapped_file,
    "1000 classes": thousand_classes,
    "20,000 columns": many_columns,
    "500 fits": many_fits,
    "5000 predictions": many_predictions,
}


def measure(name: str) -> Figure:
    """Measure a figure in a process of its own."""
    command = [sys.executable, str(Path(__file__)), name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Figure(*json.loads(done.stdout.splitlines()[-1]))


def write(figures: dict[str, Figure]) -> str:
    """Write the results file, and return it; figures that were not measured keep their rows."""
    path = RESULTS / "reliability.md"
    rows = _earlier_rows(path.read_text()) if path.exists() else {}
    for name, figure in figures.items():
        title = str(FIGURES[name].__doc__).rstrip(".")
        met = "" if figure.is_met else "not met; "
        measured, limit = f"{figure.value:.1f} {figure.unit}", f"{figure.limit:g} {figure.unit}"
        rows[title] = [title, measured, limit, f"{met}{figure.remark}", commit()]
    titles = [str(function.__doc__).rstrip(".") for function in FIGURES.values()]
    kept = [rows[title] for title in titles if title in rows]
    text = f"# Reliability\n\n{setting()}\n\n## Large data and long use\n\n"
    text += table(["figure", "measured", "limit", "remark", "commit"], kept) + "\n"
    path.write_text(text)
    return text


def _earlier_rows(text: str) -> dict[str, list[object]]:
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: [*line, ""][:5] for line in lines[2:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=list(FIGURES))
    parser.add_argument("--json", action="store_true", help="print one figure as JSON")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    if args.json:
        print(json.dumps(FIGURES[args.name]()))
        return
    names = [args.name] if args.name else list(FIGURES)
    figures = {name: measure(name) for name in names}
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    write(figures)


if __name__ == "__main__":
    main()
