"""On an accelerator nothing mixes devices, and no step waits for the host: found without one."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(backend_registration, "_setup_privateuseone_for_python_backend"),
        reason="this version of torch has no devices in Python",
    ),
]


def faults_of(group):
    """Run a group in a process of its own, and return a line for each fault."""
    command = [sys.executable, "-m", "tests.pretended_device.run", group]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.mark.parametrize("group", ["methods 0 2", "methods 1 2", "data", "settings"])
def test_no_step_mixes_devices_or_waits_for_the_host(group):
    assert faults_of(group) == []


def test_planted_faults_are_found():
    waits, mixes = faults_of("planted")
    assert "Waits: 16 times, 4 with fewer steps: wait: _local_scalar_dense" in waits
    assert "Mixes: RuntimeError: Expected all tensors to be on the same device" in mixes
