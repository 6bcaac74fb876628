"""What the benchmarks share: one thread, interleaved rounds, and results with versions."""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse  # noqa: E402
import datetime  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterable, Mapping  # noqa: E402
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
    """What is measured of each contender relative to the first, as the median over rounds.

    All run in turn within a round, in an order that rotates, and are compared within it, so that
    neither a busy machine nor one whose speed drifts gets into the ratios. One round warms up.
    """
    names = list(contenders)
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        found = {name: measure(contenders[name]) for name in order}
        for name in names if turn else ():
            ratios[name].append(found[name] / found[names[0]])
    return {name: statistics.median(found) for name, found in ratios.items()}


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


def known(path: Path, names: tuple[str, ...]) -> dict[tuple, dict[str, Any]]:
    """Rows measured before, by the values they have under these names; later lines count."""
    if not path.exists():
        return {}
    rows = map(json.loads, path.read_text().splitlines())
    return {tuple(row[name] for name in names): row for row in rows}


def measure_missing(
    path: Path,
    names: tuple[str, ...],
    keys: Iterable[tuple],
    measure: Callable[..., dict[str, Any]],
    hours: float,
) -> None:
    """Measure what is not known yet, a line for each as soon as it is done."""
    done, end = known(path, names), time.monotonic() + 3600 * hours
    with path.open("a", buffering=1) as out:
        for key in keys:
            if key in done:
                continue
            if time.monotonic() > end:
                return
            out.write(json.dumps(measure(*key)) + "\n")


def resumable(
    doc: str, path: Path, run: Callable[..., None], report: Callable[[], str], **defaults: int
) -> None:
    """The command line of a benchmark whose rows are measured one by one, by several processes.

    ``run(hours, share, ...)`` also takes the options that have these defaults.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--table", action="store_true", help="only write the table")
    parser.add_argument("--hours", type=float, default=1e9)
    parser.add_argument("--share", default="0/1", help="i/n: every n-th row, for n processes")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    if not options.table:
        i, n = map(int, options.share.split("/"))
        run(options.hours, (i, n), **{name: getattr(options, name) for name in defaults})
    if path.exists() and path.stat().st_size:
        save(path.stem, report())


def save(name: str, text: str) -> None:
    """Print a result and write it beside the script that made it."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
