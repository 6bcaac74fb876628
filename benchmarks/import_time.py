"""Measure what ``import sknoisy`` costs beside torch and scikit-learn.

    python benchmarks/import_time.py

CPU time of a new process, relative to one that imports torch and scikit-learn; the goal is 1.2.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from _common import interleaved, save, setting, table

CONTENDERS = {
    "torch and scikit-learn": "import torch, sklearn",
    "the same, with the modules that a user needs": (
        "import torch, sklearn.ensemble, sklearn.model_selection, sklearn.pipeline"
    ),
    "sknoisy": "import sknoisy",
    "sknoisy and all of its public modules": (
        "import sknoisy.transition, sknoisy.metrics, sknoisy.noise, sknoisy.crowds, sknoisy.plots"
    ),
}


def import_in_new_process(code: str) -> None:
    """Run one line in a new interpreter."""
    subprocess.run([sys.executable, "-c", code], check=True)


def cpu_seconds_of_children(run: Callable[[], object]) -> float:
    """CPU time of the processes that a call starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    calls = {name: partial(import_in_new_process, code) for name, code in CONTENDERS.items()}
    ratios = interleaved(calls, rounds=7, measure=cpu_seconds_of_children)
    lines: list[list[object]] = [[name, ratio] for name, ratio in ratios.items()]
    save(
        "import_time",
        "\n\n".join(
            [
                "# Import",
                f"Table written {setting()}.",
                "CPU time of a new process over that of one that imports torch and scikit-learn, "
                "medians over seven rounds.",
                table(["import", "ratio"], lines),
            ]
        ),
    )
