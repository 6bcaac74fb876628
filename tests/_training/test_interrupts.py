"""Ctrl-C at random moments leaves estimators, searches and torch as they were."""

import contextlib
import json
import os
import subprocess
import sys

import psutil
import pytest

from tests._training.interrupted import KINDS

# A search in processes starts new workers after each Ctrl-C.
# test_faults.py interrupts a grid search in the short form.
SHORT = [(kind, 10) for kind in KINDS if kind in ("fit", "partial_fit", "SmoothingSearchCV")]
LONG = [(kind, 20 if kind.endswith("jobs") else 200) for kind in KINDS]


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        *(pytest.param(*case, marks=pytest.mark.slow) for case in SHORT),
        *(pytest.param(*case, marks=pytest.mark.long) for case in LONG),
    ],
)
def test_ctrl_c_at_random_moments(kind, n):
    command = [sys.executable, "-m", "tests._training.interrupted", kind, str(n), str(n)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        out, error = program.communicate(timeout=3600)
    assert program.returncode == 0, error
    # A worker that is stopped may print a line of its own.
    lines = [line for line in out.splitlines() if line.startswith("{")]
    found = json.loads(lines[-1])
    assert not found["faults"]
    assert found["n"] == n, "too few calls were interrupted to tell"
    # Idle workers wait for the next search, but end with the program.
    _, left = psutil.wait_procs(processes_of_session(program.pid), timeout=20)
    assert not left, [process.cmdline() for process in left]


def processes_of_session(leader):
    """The processes of a session that still run."""
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left
