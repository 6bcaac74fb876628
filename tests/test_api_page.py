"""The API page of the documentation lists every public name, and no other, and explains it."""

import importlib
import inspect
import operator
import re
from pathlib import Path

import pytest

import sknoisy
from sknoisy.methods import Method

PAGE = Path(__file__).parent.parent / "docs" / "api.rst"
ENTRY = re.compile(r"^(?:   |\.\. py:data:: )(sknoisy\.[\w.]+)$", re.MULTILINE)
MODULES = ["sknoisy", *(f"sknoisy.{name}" for name in sknoisy._MODULES)]


def test_every_public_name_is_on_the_api_page():
    entries = ENTRY.findall(PAGE.read_text())
    # The page includes a list of the classes in METHODS, which docs/conf.py writes.
    listed = [operator.attrgetter(entry.removeprefix("sknoisy."))(sknoisy) for entry in entries]
    listed += sknoisy.METHODS.values()
    missing = [
        f"{module}.{name}"
        for module in map(importlib.import_module, MODULES)
        for name in module.__all__
        # A name that two modules export is listed once.
        if not any(getattr(module, name) is entry for entry in listed)
    ]
    assert not missing


@pytest.mark.parametrize("entry", ENTRY.findall(PAGE.read_text()))
def test_entry_of_the_api_page_is_public(entry):
    module, _, name = entry.rpartition(".")
    assert name in importlib.import_module(module).__all__


# ---- docstrings ----------------------------------------------------------------------------------

# They read files of hundreds of megabytes, which a test does not have.
READS_FILES = re.compile(r"sknoisy\.datasets\.(fetch|load)_(?!image_folder)")
OBJECTS = {
    entry: made
    for entry in ENTRY.findall(PAGE.read_text())
    if callable(made := operator.attrgetter(entry.removeprefix("sknoisy."))(sknoisy))
} | {f"sknoisy.methods.{cls.__name__}": cls for cls in sknoisy.METHODS.values()}


def sections(made):
    """Return the numpydoc sections of a docstring by their names."""
    parts = re.split(r"^(\w[\w ]+)\n-+$", inspect.getdoc(made), flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def parameters(made):
    """Return the parameters that a caller may pass by name."""
    # Method.__new__ takes any, to refuse wrong ones with a hint.
    is_method = isinstance(made, type) and issubclass(made, Method)
    listed = inspect.signature(made.__init__ if is_method else made).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p for p in listed if p.kind not in kinds and p.name != "self"]


@pytest.mark.parametrize("entry", OBJECTS)
def test_docstring_names_every_parameter_and_its_default(entry):
    made = OBJECTS[entry]
    documented = sections(made)
    text = documented.get("Parameters", "") + documented.get("Attributes", "")
    for parameter in parameters(made):
        types = re.search(rf"^(?:\w+, )*{parameter.name}(?:, \w+)* : (.*)$", text, re.MULTILINE)
        assert types, parameter.name
        assert parameter.default is parameter.empty or "default=" in types[1], parameter.name


@pytest.mark.parametrize("entry", [entry for entry in OBJECTS if not READS_FILES.match(entry)])
def test_docstring_has_an_example_that_runs(entry):
    # The examples are run as tests, too.
    assert ">>> " in sections(OBJECTS[entry])["Examples"]


@pytest.mark.parametrize("entry", OBJECTS)
def test_docstring_says_what_a_function_returns(entry):
    made = OBJECTS[entry]
    assert isinstance(made, type) or {"Returns", "Yields"} & set(sections(made))


@pytest.mark.parametrize("cls", dict.fromkeys(sknoisy.METHODS.values()))
def test_docstring_of_a_method_names_its_source(cls):
    assert re.search(r"\b(19|20)\d\d\b", sections(cls)["References"])
