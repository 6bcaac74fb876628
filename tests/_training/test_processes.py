"""One network trained by several processes, over gloo."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from sknoisy import SmoothingSearchCV
from tests._training import launched
from tests.factories import short

pytest.importorskip("accelerate")

ROOT = Path(__file__).parents[2]
CHECKS = list(launched.all_checks())


def launch(folder, checks):
    """Run checks in two processes, which stop at the first error; return what they printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(ROOT / "tests" / "_training" / "launched.py"), str(folder), *checks]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    return done.stdout + done.stderr


def read_errors(folder):
    """Return the errors of each check: one per process, None where the check passed."""
    errors = defaultdict(list)
    for path in folder.glob("*.jsonl"):
        for name, error in map(json.loads, path.read_text().splitlines()):
            errors[name].append(error)
    return errors


def run_all_checks(folder):
    """Return the error of each check, or None; each launch goes on after the last error."""
    outcomes = {}
    while pending := [name for name in CHECKS if name not in outcomes]:
        printed = launch(folder, pending)
        for name, errors in read_errors(folder).items():
            if len(errors) == 2 or any(errors):
                outcomes[name] = next(filter(None, errors), None)
        if pending[0] not in outcomes:
            outcomes[pending[0]] = printed
    return outcomes


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory):
    """Outcomes of the checks, launched together, as a launch takes longer than most checks."""
    folder = tmp_path_factory.getbasetemp()
    # Test processes of pytest-xdist share the results of the first that asks for them.
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "two_processes"
    with FileLock(f"{folder}.lock"):
        results = folder / "outcomes.json"
        if not results.exists():
            folder.mkdir()
            results.write_text(json.dumps(run_all_checks(folder)))
        return json.loads(results.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_two_processes(check, outcomes):
    if outcomes[check]:
        pytest.fail(outcomes[check], pytrace=False)


def test_without_a_launcher_there_is_one_process(table):
    X, y = table
    accelerated = short(device="accelerate").fit(X, y)
    alone = short(device=accelerated.net_.device).fit(X, y)
    np.testing.assert_array_equal(accelerated.predict_proba(X), alone.predict_proba(X))


def test_the_missing_package_is_named(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"needs the package accelerate: pip install 'sknoisy"):
        short(device="accelerate").fit(*table)


def test_a_vectorised_search_is_refused(table):
    search = SmoothingSearchCV(short(device="accelerate"), [0, 0.2])
    with pytest.raises(TypeError, match="on one device; use GridSearchCV"):
        search.fit(*table)
