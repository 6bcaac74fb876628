"""What a user can import, and what an import costs."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import sknoisy

ROOMS = (
    "crowds", "dask", "datasets", "embeddings", "ensemble", "functional", "issues", "methods",
    "metrics", "model_selection", "networks", "noise", "plots", "recipes", "search", "transition",
)  # fmt: skip
GONE = (
    "augment", "beliefs", "correction", "data", "distributed", "inputs", "losses", "mixing",
    "noise_report", "runtime", "smoothing", "training",
)  # fmt: skip


def run(code):
    """Run code in a fresh interpreter, in which a warning is an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_room_is_there_without_a_second_import():
    lines = [f"assert sknoisy.{room}.__name__ == 'sknoisy.{room}'" for room in ROOMS]
    run("\n".join(["import sknoisy", f"assert set({ROOMS!r}) <= set(dir(sknoisy))", *lines]))


def test_public_rooms_are_those_without_an_underscore():
    modules = {module.name for module in pkgutil.iter_modules(sknoisy.__path__)}
    assert {name for name in modules if not name.startswith("_")} == {*ROOMS, "classifier"}


def test_the_package_names_what_users_start_with():
    names = [
        "METHODS",
        "NoisyLabelClassifier",
        "SmoothingSearchCV",
        "audit",
        "find_label_issues",
        "load",
    ]
    assert sorted(sknoisy.__all__) == names
    assert all(hasattr(sknoisy, name) for name in names)


@pytest.mark.parametrize("name", GONE)
def test_there_are_no_aliases_of_old_modules(name):
    with pytest.raises(AttributeError, match=f"module 'sknoisy' has no attribute '{name}'"):
        getattr(sknoisy, name)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"sknoisy.{name}")


def test_a_misspelt_attribute_is_named():
    with pytest.raises(AttributeError, match="has no attribute 'plotz'"):
        sknoisy.plotz


@pytest.mark.slow
def test_matplotlib_is_not_imported_before_it_is_used():
    code = "import sys, sknoisy; print(*({'matplotlib', 'sknoisy.plots'} & set(sys.modules)))"
    assert run(code).split() == []


@pytest.mark.parametrize("module", ["sknoisy", *(f"sknoisy.{name}" for name in sknoisy._MODULES)])
def test_every_public_name_can_be_imported(module):
    """A star import failed at a name that was renamed."""
    exec(f"from {module} import *", {})
