"""Functions of all benchmarks: one thread, interleaved rounds, and results with versions."""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import datetime  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy")


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of one call."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


def interleaved(
    contenders: Mapping[str, Callable[[], Any]],
    rounds: int,
    measure: Callable[[Callable[[], Any]], float] = cpu_seconds,
) -> dict[str, float]:
    """Measure contenders relative to the first, as the median over rounds.

    In each round all run in turn, in an order that rotates, and ratios are of the same round: a
    busy machine or one whose speed drifts does not change them. One more round warms up.
    """
    names = list(contenders)
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        took = {name: measure(contenders[name]) for name in order}
        for name in names if turn else ():
            ratios[name].append(took[name] / took[names[0]])
    return {name: statistics.median(values) for name, values in ratios.items()}


def setting() -> str:
    """Describe date, versions and machine of a result in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{datetime.date.today()}; Python {platform.python_version()}, {versions}; "
        f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    )


def table(header: list[str], rows: list[list[object]]) -> str:
    """Write a Markdown table; floats with two digits."""
    text = [[f"{c:.2f}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    lines = [header, ["---"] * len(header), *text]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def save(name: str, text: str) -> None:
    """Print a result and write it to the folder of results."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
