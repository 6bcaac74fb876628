"""Fingerprints change with the code that a number depends on, and with nothing else."""

import importlib
import itertools

import _fingerprint
import pytest
from _fingerprint import fingerprint

from sknoisy import METHODS, NoisyLabelClassifier

COUNT = itertools.count()
SCRIPT = """
STEP = 2
UNUSED = 3

def helper(x):
    return x + STEP

def other(x):
    return x - UNUSED

def measure(x):
    if x < 0:
        raise ValueError("The value is negative.")
    return helper(x)
"""


@pytest.fixture
def hash_of(tmp_path, monkeypatch):
    """Write scripts and return the fingerprint of ``measure`` in the last of them."""

    def hashed(*scripts, name="measure"):
        folder = tmp_path / str(next(COUNT))
        folder.mkdir()
        monkeypatch.setattr(_fingerprint, "BENCHMARKS", folder)
        monkeypatch.syspath_prepend(folder)
        _fingerprint._file_of.cache_clear()
        for i, text in enumerate(scripts):
            # A module is imported by a name of its own, so that each is read anew.
            (folder / f"script_{folder.name}_{i}.py").write_text(text.replace("HERE", folder.name))
        module = importlib.import_module(f"script_{folder.name}_{len(scripts) - 1}")
        return fingerprint(getattr(module, name))

    yield hashed
    _fingerprint._file_of.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def measure(x):", "def measure(x: float) -> float:"),
        ("def measure(x):\n", 'def measure(x):\n    """Measure x."""\n'),
        ("    return helper(x)", "    # The helper adds.\n    return (\n        helper(x)\n    )"),
        ("The value is negative.", "x must not be negative."),
        ("x - UNUSED", "x * UNUSED"),
        ("UNUSED = 3", "UNUSED = 4"),
    ],
)
def test_prose_and_unused_definitions_do_not_count(hash_of, old, new):
    assert SCRIPT != SCRIPT.replace(old, new)
    assert hash_of(SCRIPT) == hash_of(SCRIPT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return helper(x)", "return 2 * helper(x)"),
        ("x + STEP", "x * STEP"),
        ("STEP = 2", "STEP = 3"),
        ("x < 0", "x < 1"),
        ("ValueError", "TypeError"),
    ],
)
def test_all_that_a_measurement_uses_counts(hash_of, old, new):
    assert hash_of(SCRIPT) != hash_of(SCRIPT.replace(old, new))


@pytest.mark.parametrize(
    "importing",
    [
        "from script_HERE_0 import helper\ndef measure(x):\n    return helper(x)",
        "def measure(x):\n    from script_HERE_0 import helper\n    return helper(x)",
        "import script_HERE_0 as library\ndef measure(x):\n    return library.helper(x)",
        "from script_HERE_0 import helper as f\ndef measure(x):\n    return f(x)",
    ],
)
def test_imported_definitions_count(hash_of, importing):
    changed = SCRIPT.replace("x + STEP", "x * STEP")
    assert hash_of(SCRIPT, importing) != hash_of(changed, importing)


def test_what_a_module_imports_counts_where_the_module_is_used_as_a_whole(hash_of):
    between = "from script_HERE_0 import helper"
    last = "import script_HERE_1 as library\ndef measure(x):\n    return library.helper(x)"
    changed = SCRIPT.replace("x + STEP", "x * STEP")
    assert hash_of(SCRIPT, between, last) != hash_of(changed, between, last)


def test_a_definition_that_only_moves_to_another_file_does_not_count(hash_of):
    moved = SCRIPT.replace("def measure", "def unused")
    measure = SCRIPT[SCRIPT.index("def measure") :]
    assert hash_of(SCRIPT) == hash_of(moved, "from script_HERE_0 import helper\n" + measure)


def test_local_names_are_not_taken_for_definitions(hash_of):
    script = SCRIPT.replace(
        "def measure(x):", "def measure(x, other=1):\n    UNUSED = [x for x in x]"
    )
    assert hash_of(script) == hash_of(script.replace("x - ", "x * ").replace("UNUSED = 3", ""))
    listed = "every = [f for f in (helper, other)]\ndef unused(f):\n    return f"
    script = SCRIPT + listed.replace("def unused(f)", "def measure(f)")
    assert hash_of(script) == hash_of(script.replace("x - ", "x * "))


def test_definitions_in_branches_count(hash_of):
    script = (
        "try:\n    from missing import f\nexcept ImportError:\n    def f(x):\n        return x\n"
        "def measure(x):\n    return f(x)"
    )
    assert hash_of(script) != hash_of(script.replace("return x\n", "return -x\n"))


def test_a_name_that_cannot_be_followed_is_an_error(hash_of):
    importing = "from script_HERE_0 import late\ndef measure(x):\n    return late(x)"
    lazy = "def __getattr__(name):\n    return abs"
    with pytest.raises(LookupError, match="does not define 'late'"):
        hash_of(lazy, importing)


def test_packages_count_by_version(monkeypatch):
    before = fingerprint("scikit-learn")
    monkeypatch.setattr(_fingerprint, "version", lambda package: "0.0")
    assert fingerprint("scikit-learn") != before


def test_a_method_depends_on_its_own_code_and_on_no_other_method():
    hashes = {name: fingerprint(NoisyLabelClassifier, METHODS[name]) for name in METHODS}
    assert len(set(hashes.values())) == len(METHODS)
    start = [_fingerprint._definition(part) for part in (NoisyLabelClassifier, METHODS["elr"])]
    classes = {getattr(s, "name", None) for s in _fingerprint._reached(start)}
    assert {"ELR", "Method", "MLP", "NoisyLabelClassifier"} <= classes
    assert not classes & {"DivideMix", "CoTeaching", "FINE", "SmoothingSearchCV"}
