"""The import contracts in pyproject.toml fail when a module imports one that it must not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def copy(tmp_path):
    """A copy of the package whose files a test may change."""
    shutil.copytree(ROOT / "sknoisy", tmp_path / "sknoisy")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder):
    code = "from importlinter.cli import lint_imports_command as main; main()"
    options = ["--no-cache", "--no-logo"]
    return subprocess.run(
        [sys.executable, "-c", code, *options], cwd=folder, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "functional/losses.py",
            "from sknoisy.plots import _axes",
            "sknoisy.functional is not allowed to import sknoisy.plots",
        ),
        (
            "_runtime/devices.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sknoisy.classifier",
            "sknoisy._runtime is not allowed to import sknoisy.classifier",
        ),
        (
            "noise/_rates.py",
            "import sknoisy.metrics",
            "sknoisy.noise is not allowed to import sknoisy.metrics",
        ),
        (
            "search/_fold.py",
            "import sknoisy.search.smoothing_search",
            "No cycles are allowed in sknoisy.search.",
        ),
        ("noise/_rates.py", "import sknoisy", "- sknoisy.noise._rates -> sknoisy (l."),
        ("_training/loop.py", "import skorch", "- sknoisy._training.loop -> skorch (l."),
        (
            "functional/mixup.py",
            "import sknoisy._runtime.devices",
            "sknoisy.functional is not allowed to import sknoisy._runtime",
        ),
        (
            "methods/elr.py",
            "import sknoisy.methods.sop",
            "sknoisy.methods.elr is not allowed to import sknoisy.methods.sop",
        ),
        ("new.py", "", "sknoisy.new"),
    ],
    ids=[
        "up",
        "up under TYPE_CHECKING",
        "sideways",
        "circle",
        "package root",
        "skorch",
        "functional",
        "method from method",
        "module without a row",
    ],
)
def test_an_import_that_breaks_a_contract_is_reported(copy, file, line, message):
    with (copy / "sknoisy" / file).open("a") as module:
        module.write(f"\n{line}\n")
    result = lint_imports(copy)
    assert result.returncode == 1
    assert message in " ".join(result.stdout.split())
