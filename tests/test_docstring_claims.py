"""What docstrings say about "the robustness benchmark" is what its committed results say."""

import re
from pathlib import Path

import pytest

from sknoisy import METHODS

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results" / "robustness.md"
MADE = ("sym .2", "sym .4", "sym .6", "pair .3", "asym", "instance .3")
NOISY = (*MADE, "worker", "aggre", "rand1", "worst")
HUMAN_IMAGES = ("aggre", "rand1", "worst")

pytestmark = pytest.mark.skipif(not RESULTS.exists(), reason="no results of benchmarks")


def accuracies():
    """Return the accuracy in % of each method with each kind of noise, and its mean."""
    text = RESULTS.read_text()
    found = {}
    for title in ("Mean over noisy cells: all sets", "Each kind of noise"):
        section = text.split(f"## {title}\n")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("|")]
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
        for row in rows:
            numbers = [float(re.match(r"[\d.]+", cell)[0]) for cell in row[1:]]
            found.setdefault(row[0], {}).update(zip(head[1:], numbers, strict=True))
    return found


def better(one, other, kinds):
    table = accuracies()
    return all(table[one][kind] > table[other][kind] for kind in kinds)


def mean(method):
    return accuracies()[method]["noisy cells"]


def on_clean(method):
    return accuracies()[method]["clean labels"]


def gain(one, other, kind):
    return accuracies()[one][kind] - accuracies()[other][kind]


CLAIMS = {
    "nce_rce": lambda: all(
        mean("nce_rce") >= mean(m)
        for m, kind in METHODS.items()
        if kind.n_networks == 1 and m in accuracies() and m != "bagging"
    ),
    "synthetic": lambda: better("synthetic", "ce", NOISY),
    "mae": lambda: mean("mae") > max(mean("gce"), mean("sce")),
    "bootstrap": lambda: 0 < mean("bootstrap") - mean("ce") < 1.5,
    "sce": lambda: better("sce", "ce", NOISY) and mean("sce") < mean("mae"),
    "meta_label_net": lambda: (
        mean("co_teaching") > mean("meta_label_net") > mean("ce") + 5
    ),
    "fine": lambda: better("fine", "ce", NOISY),
    "gce": lambda: (
        better("gce", "ce", NOISY) and mean("gce") < min(mean("mae"), mean("nce_rce"))
    ),
    "co_teaching": lambda: (
        sum(mean("co_teaching") < mean(m) for m in METHODS if m in accuracies()) <= 3
        and abs(on_clean("co_teaching") - on_clean("ce")) < 0.5
    ),
    "elr_plus": lambda: better("elr_plus", "elr", HUMAN_IMAGES),
    "bagging": lambda: (
        abs(on_clean("bagging") - on_clean("distilled_pool")) < 0.5
        and mean("distilled_pool") > mean("bagging")
    ),
    "backward": lambda: (
        abs(gain("backward", "forward", "pair .3")) < 0.5
        and better("backward", "forward", set(MADE) - {"pair .3"})
    ),
    "mixup": lambda: 1 < mean("mixup") - mean("ce") < 5,
    "forward": lambda: (
        9 < gain("forward", "ce", "pair .3") < 11 and mean("forward") < mean("bagging")
    ),
    "dividemix": lambda: (
        all(better("dividemix", m, HUMAN_IMAGES[1:]) for m in METHODS
            if m in accuracies() and m != "dividemix")
    ),
    "elr": lambda: (
        all(gain("elr", "ce", kind) > 4 for kind in set(MADE) - {"asym"})
        and better("bagging", "elr", NOISY)
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", CLAIMS)
def test_a_claim_about_the_benchmark_holds(method):
    assert CLAIMS[method]()


def test_every_claim_is_checked():
    claiming = {
        name
        for name, kind in METHODS.items()
        if "robustness benchmark" in " ".join((kind.__doc__ or "").split())
    }
    assert claiming == set(CLAIMS)
