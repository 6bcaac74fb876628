"""Bad input is refused with an error that says what is wrong; good input is accepted silently."""

import importlib
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

AREAS = {
    path.stem: importlib.import_module(f"tests.corpus.{path.stem}")
    for path in sorted(Path(__file__).with_name("corpus").glob("[!_]*.py"))
}


def cases(kind):
    return [
        pytest.param(case, id=f"{area}: {name}")
        for area, module in AREAS.items()
        for name, case in getattr(module, kind).items()
    ]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("case", cases("BAD"))
def test_bad_input_is_refused(case):
    with pytest.raises((ValueError, TypeError), match=f"(?s){case.match}") as caught:
        case.call()
    assert isinstance(caught.value, case.error)


@pytest.mark.parametrize("call", cases("GOOD"))
def test_good_input_is_accepted(call):
    call()


def test_the_corpus_is_large():
    assert len(cases("BAD")) >= 250
    assert len(cases("GOOD")) >= 60
