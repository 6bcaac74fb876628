"""The figures of benchmarks/reliability.py stay below their limits."""

import pytest
from reliability import FIGURES, measure, write

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def figures():
    """Figures by name; they are written if all were measured."""
    measured = {}
    yield measured
    if set(measured) == set(FIGURES):
        print(write(measured))


# Judges of the default method see a copy of all rows, and keep kernel features of 20,000 of them.
_UNMET = pytest.mark.xfail(reason="takes more memory than the limit", strict=True)
_CASES = [
    pytest.param(name, marks=_UNMET if name in ("1 million rows", "memory-mapped file") else ())
    for name in FIGURES
]


@pytest.mark.parametrize("name", _CASES)
def test_figure_is_below_its_limit(name, figures):
    figures[name] = measure(name)
    print(name, figures[name])
    assert figures[name].is_met, figures[name]
