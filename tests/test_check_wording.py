"""tools/check_wording.py reports banned phrases and variable names, and nothing else."""

import pytest

from tools.check_wording import check


def findings(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return [(line, message) for _, line, message in check(folder)]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("README.md", "# Title\n\nNetworks learn labels By\nheart.\n", 3),
        ("docs/guide.rst", "\nAll rates at once.\n", 2),
        ("sknoisy/a.py", "x = 1  # trained at\n# once\n", 1),
        ("sknoisy/a.py", 'def f():\n    """Return.\n\n    The likeliest class.\n    """\n', 4),
        ("sknoisy/a.py", 'raise ValueError(\n    f"all {x} at "\n    "once"\n)\n', 2),
        ("examples/plot_a.py", "# %%\n# What the noise hangs on.\n", 2),
        ("benchmarks/results/a.md", "which hang on the sample\n", 1),
        ("tests/methods/test_a.py", "\n\ndef " + "test_all_rates_at_once(table):\n    pass\n", 3),
    ],
)
def test_a_banned_phrase_is_reported_with_its_line(tmp_path, name, text, line):
    [(found_line, message)] = findings(tmp_path, name, text)
    assert found_line == line
    assert " -> " in message


@pytest.mark.parametrize(
    "code", ["own = 1", "for own in x: pass", "def f(own): pass", "(own := 1)"]
)
def test_a_banned_variable_name_is_reported(tmp_path, code):
    [(line, message)] = findings(tmp_path, "sknoisy/a.py", f"\n{code}\n")
    assert line == 2
    assert "'own'" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sknoisy/a.py", "def at(once): return once  # a hook of its own\nx = at.once\n"),
        ("sknoisy/a.py", "x.own = own.place(found=one)\n"),
        ("README.md", "Make sure that masks match. The slopestyle of a rightlabel.\n"),
        ("docs/_generated.rst", "at once\n"),
        ("tests/test_a.py", "# at once\nat_once = 1\n"),
    ],
)
def test_code_and_other_words_are_not_reported(tmp_path, name, text):
    assert findings(tmp_path, name, text) == []
