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


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_below_its_limit(name, figures):
    figures[name] = measure(name)
    print(name, figures[name])
    assert figures[name].is_met, figures[name]
