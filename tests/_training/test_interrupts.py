"""Ctrl-C at random moments leaves estimators, searches and torch as they were."""

import json
import subprocess
import sys

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    # A worker that is stopped may print a line of its own.
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found = json.loads(lines[-1])
    assert not found["faults"]
    assert not found["left"], "processes are left"
    assert found["n"] == n, "too few calls were interrupted to tell"
