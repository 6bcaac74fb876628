"""The examples in README, CONTRIBUTING and the user guide run as they stand, one after another."""

import re
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MARKDOWN = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RST = re.compile(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", re.MULTILINE)


def blocks(path):
    text = path.read_text()
    for found in (MARKDOWN if path.suffix == ".md" else RST).finditer(text):
        # Empty lines before a block let an error name the line of the document.
        yield "\n" * text.count("\n", 0, found.start(1)) + textwrap.dedent(found[1])


def runs_here(code):
    needs = {"pandas": "pandas", "skops": "skops", "sklearn.callback": "sklearn.callback"}
    needs |= {"sknoisy.issues": "pandas", "optuna": "optuna_integration"}
    return all(
        # One that is imported may have taken its specification away.
        needed in sys.modules or find_spec(needed)
        for name, needed in needs.items()
        if re.search(rf"^(from|import) {name}\b", code, re.MULTILINE)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/user_guide.rst", "docs/searching.rst"]
)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = list(blocks(ROOT / name))
    assert found
    namespace = {"__name__": "notebook"}
    for code in filter(runs_here, found):
        exec(compile(code, ROOT / name, "exec"), namespace)
