"""What the benchmarks share: one thread, interleaved rounds, and results with versions."""

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

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy")


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time each contender once a round, in turn; the median CPU seconds of each.

    One uncounted round warms up. CPU time and turns keep a busy machine out of the ratios.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_number in range(rounds + 1):
        for name, run in contenders.items():
            begin = time.process_time()
            run()
            if round_number:
                seconds[name].append(time.process_time() - begin)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def setting() -> str:
    """The date, versions and machine a result belongs to, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{datetime.date.today()}; Python {platform.python_version()}, {versions}; "
        f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    )


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with two digits."""
    text = [[f"{c:.2f}" if isinstance(c, float) else str(c) for c in row] for row in rows]
    lines = [header, ["---"] * len(header), *text]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def save(name: str, text: str) -> None:
    """Print a result and write it beside the script that made it."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
