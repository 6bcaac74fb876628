"""The code blocks of README, CONTRIBUTING and the pages of the documentation run, page by page."""

import re
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MARKDOWN = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RST = re.compile(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", re.MULTILINE)
PAGES = ["README.md", "CONTRIBUTING.md"] + [
    path.relative_to(ROOT).as_posix()
    for path in sorted((ROOT / "docs").glob("[!_]*.rst"))
    if RST.search(path.read_text())
]
# Modules in the code, and the module that must be installed for the block to run.
OPTIONAL = {
    "optuna": "optuna_integration",
    "pandas": "pandas",
    "sklearn.callback": "sklearn.callback",
    "skops": "skops",
    "onnxruntime": "onnxruntime",
    "torchvision": "torchvision",
}


def code_blocks(path):
    text = path.read_text()
    for match in (MARKDOWN if path.suffix == ".md" else RST).finditer(text):
        # Empty lines before a block let an error name the line of the document.
        yield "\n" * text.count("\n", 0, match.start(1)) + textwrap.dedent(match[1])


def is_installed(module):
    # A module that is already imported may have removed its specification.
    return module in sys.modules or find_spec(module) is not None


def can_run(code):
    return all(
        is_installed(needed)
        for name, needed in OPTIONAL.items()
        if re.search(rf"^(from|import) {name}\b", code, re.MULTILINE)
    )


# The documentation is built with the outputs of all pages.
SHORT = ("README.md", "CONTRIBUTING.md", "docs/index.rst", "docs/start.rst", "docs/checkpoint.rst")


@pytest.mark.parametrize(
    "name",
    [pytest.param(p, marks=pytest.mark.slow if p in SHORT else pytest.mark.long) for p in PAGES],
)
def test_code_blocks_run(name, tmp_path, monkeypatch):
    pytest.importorskip("pandas")  # find_label_issues returns a data frame
    monkeypatch.chdir(tmp_path)
    blocks = list(code_blocks(ROOT / name))
    assert blocks
    namespace = {"__name__": "notebook"}
    for code in filter(can_run, blocks):
        exec(compile(code, ROOT / name, "exec"), namespace)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
