"""The API page of the documentation lists every public name, and no other."""

import importlib
import operator
import re
from pathlib import Path

import pytest

import sknoisy

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
