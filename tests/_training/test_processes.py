"""One network trained by several processes, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sknoisy import METHODS, SmoothingSearchCV
from tests._training import launched

pytest.importorskip("accelerate")


def launch(*arguments):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command += [str(root / "tests" / "_training" / "launched.py"), *map(str, arguments)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_processes(tmp_path):
    """One launch for all, as it takes longer than what is launched."""
    printed = launch(tmp_path / "found")
    check_that_every_method_learned_what_it_learns_alone(tmp_path)
    names = [name for name in vars(launched) if name.startswith("check_")]
    assert len(names) > 10
    for name in names:
        for rank in (0, 1):
            assert f"{name} passed in {rank}" in printed
    assert printed.count("train_loss") == 1


def check_that_every_method_learned_what_it_learns_alone(tmp_path):
    first, second = (np.load(tmp_path / f"found{rank}.npz") for rank in (0, 1))
    for name in METHODS:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        alone = launched.learned(name, "cpu")
        np.testing.assert_allclose(first[name], alone, atol=1e-9, err_msg=name)


def test_without_a_launcher_it_is_one_process(table):
    X, y = table
    # On a machine with a GPU "auto" and accelerate choose the same device, too.
    with_accelerate, alone = short(device="accelerate").fit(X, y), short().fit(X, y)
    assert with_accelerate.net_.device == alone.net_.device
    np.testing.assert_array_equal(with_accelerate.predict_proba(X), alone.predict_proba(X))


def test_the_package_that_is_missing_is_named(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=r"needs the package accelerate: pip install 'sknoisy"):
        short(device="accelerate").fit(*table)


def test_a_search_at_once_takes_one_device(table):
    search = SmoothingSearchCV(short(device="accelerate"), [0, 0.2])
    with pytest.raises(TypeError, match="on one device; use GridSearchCV"):
        search.fit(*table)
