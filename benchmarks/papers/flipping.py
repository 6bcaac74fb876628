"""Repeat what papers say on flipping labels beside smoothing them: accuracy and calibration.

    python benchmarks/papers/flipping.py              # missing or outdated cells, then the table
    python benchmarks/papers/flipping.py --hours 2    # begin no cell after two hours
    python benchmarks/papers/flipping.py --table      # only write the table

Xie et al. (2016) replace a tenth of the labels by random ones, newly drawn in each step, which is
label smoothing in expectation. Müller et al. (2019) show that smoothing calibrates networks that
were trained on clean labels, Pereyra et al. (2017) propose the confidence penalty for the same
purpose, and Lukasik et al. (2020) smooth wrong labels. Their networks need a GPU; here an MLP is
trained on five sets, with clean labels and with symmetric noise, in the same way for all.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _cells
import _data
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from scipy.stats import ttest_rel

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.functional import one_hot, smooth_labels
from sknoisy.methods import Batch, DisturbLabel
from sknoisy.metrics import noise_corrected_calibration_error

SETS = ("digits", "optdigits", "satimage", "vehicle", "fashion_mnist")
NOISE = ("none", "sym .2", "sym .4")
RATES = (0.1, 0.2, 0.5)
N_BINS = 15
# Method, and its parameters.
CONTENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("ce", {}),
    **{f"smoothing {rate}": ("ce", {"smoothing": rate}) for rate in RATES},
    **{f"flipping {rate}": ("disturb_label", {"method__alpha": rate}) for rate in RATES},
    **{f"penalty {beta}": ("confidence_penalty", {"method__beta": beta}) for beta in RATES},
}
DRAWS = (1, 10, 100, 1000, 10000)
# Müller et al. 2019: calibration error in % without and with smoothing, and the rate.
MUELLER = {
    "CIFAR-100, ResNet-56": (15.0, 2.4, 0.05),
    "ImageNet, Inception-v4": (7.1, 3.5, 0.1),
}


def load(name: str, noise: str, seed: int) -> _data.Cell:
    """A cell of the robustness table; of images the pixels, with the noise of tables."""
    if name not in _data.REAL:
        return _data.load(name, noise, seed)
    cell = _data.load(name, "none", seed)
    kind, _, rate = noise.partition(" ")
    rng = np.random.default_rng(seed)
    X, X_test = (images.reshape(len(images), -1) for images in (cell.X, cell.X_test))
    return cell._replace(
        X=X, y=_data.NOISE[kind](X, cell.clean, float(rate or 0), rng), X_test=X_test
    )


def measure(name: str, noise: str, contender: str, seed: int) -> dict[str, Any]:
    """Accuracy, log loss and calibration error on clean test labels, and what is memorised."""
    X, y, clean, X_test, y_test = load(name, noise, seed)
    method, params = CONTENDERS[contender]
    clf = NoisyLabelClassifier(method, max_epochs=100, random_state=seed, **params)
    begin = time.process_time()
    clf.fit(X, y)
    seconds = time.process_time() - begin
    proba = clf.predict_proba(X_test)
    labels = y_test == clf.classes_[:, None]
    likelihood = proba.T[labels].clip(np.finfo(np.float32).tiny)
    wrong = y != clean
    return {
        "accuracy": float((clf.classes_[proba.argmax(axis=1)] == y_test).mean()),
        "ece": noise_corrected_calibration_error(
            y_test, proba, np.eye(len(clf.classes_)), n_bins=N_BINS, classes=clf.classes_
        ),
        "log_loss": float(-np.log(likelihood).mean()),
        "confidence": float(proba.max(axis=1).mean()),
        "memorised": float((clf.predict(X) == y)[wrong].mean()) if wrong.any() else None,
        "cpu": seconds,
    }


@cache
def _code(method: str, data: tuple[Any, ...]) -> str:
    return fingerprint(measure, load, *data, NoisyLabelClassifier, METHODS[method])


def code(name: str, noise: str, contender: str, seed: int) -> str:
    """Fingerprint of what a cell depends on."""
    data = (*_data.code(name, noise), _data.NOISE[noise.partition(" ")[0]])
    return _code(CONTENDERS[contender][0], data)


CELLS = _cells.CellTable(
    "flipping",
    key=("set", "noise", "contender", "seed"),
    digits={"accuracy": 5, "ece": 5, "log_loss": 4, "confidence": 5, "memorised": 5, "cpu": 1},
    code=code,
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """One seed of everything before the next."""
    if _data.home() is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    for seed in range(seeds):
        for name in SETS:
            for noise in NOISE:
                for contender in CONTENDERS:
                    yield name, noise, contender, seed


def values_of(
    rows: dict[_cells.Key, _cells.Row], noise: str, contender: str, column: str
) -> np.ndarray:
    """Values in %, in the same order for all contenders; empty if a cell is missing."""
    cells = sorted({(key[0], key[3]) for key in rows if key[1] == noise})
    found = [rows.get((name, noise, contender, seed)) for name, seed in cells]
    if not cells or None in found:
        return np.empty(0)
    return 100 * np.array([row.values[column] for row in found], dtype=float)  # type: ignore


def overview(rows: dict[_cells.Key, _cells.Row], column: str, minus: str | None = None) -> str:
    """Mean of each contender over sets and seeds, by kind of noise; of one column or of two."""
    noises = NOISE[1:] if column == "memorised" else NOISE
    lines: list[list[object]] = []
    for contender in CONTENDERS:
        line: list[object] = [contender]
        for noise in noises:
            values = values_of(rows, noise, contender, column)
            if minus is not None:
                values = values - values_of(rows, noise, contender, minus)
            sign = "" if minus is None else "+"
            line.append(f"{values.mean():{sign}.1f}" if len(values) else "")
        lines.append(line)
    return table(["contender", *noises], lines)


def differences(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Flipping minus smoothing of the same rate, with paired tests over sets and seeds."""
    lines: list[list[object]] = []
    for rate in RATES:
        for noise in NOISE:
            line: list[object] = [rate, noise]
            for column in ("accuracy", "ece"):
                pair = [
                    values_of(rows, noise, f"{kind} {rate}", column)
                    for kind in ("flipping", "smoothing")
                ]
                if not all(map(len, pair)):
                    break
                difference = (pair[0] - pair[1]).mean()
                line += [f"{difference:+.1f}", f"{ttest_rel(*pair).pvalue:.3f}"]
            else:
                lines.append(line)
    return table(["rate", "noise", "accuracy", "p", "calibration error", "p "], lines)


def expectation() -> str:
    """Distance of the mean gradient over draws from the gradient of smoothing, by rate."""
    torch.manual_seed(0)
    n, n_classes = 100, 10
    logits = torch.randn(n, n_classes, dtype=torch.float64)
    y = torch.arange(n) % n_classes
    batch = Batch(
        x=logits, y=y, target=one_hot(y, n_classes, torch.float64), weight=torch.full((n,), 1 / n),
        index=torch.arange(n), epoch=0,
    )  # fmt: skip
    lines: list[list[object]] = []
    for rate in RATES:
        # The gradient of cross-entropy by the logits is the prediction minus the target.
        smoothed = logits.softmax(dim=1) - smooth_labels(batch.target, rate)
        total = torch.zeros_like(logits)
        line: list[object] = [rate]
        for draw in range(1, DRAWS[-1] + 1):
            total += DisturbLabel(rate).prepare_batch(None, batch).target  # type: ignore[arg-type]
            if draw in DRAWS:
                mean = logits.softmax(dim=1) - total / draw
                line.append(f"{(mean - smoothed).norm() / smoothed.norm():.3f}")
        lines.append(line)
    return table(["rate", *(f"{draws} draws" for draws in DRAWS)], lines)


def beside_paper(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Calibration error on clean labels without and with smoothing."""
    lines: list[list[object]] = [
        [network, "paper", f"{before:.1f}", rate, f"{after:.1f}"]
        for network, (before, after, rate) in MUELLER.items()
    ]
    for name in SETS:
        for rate in RATES[:1]:
            own = {key: row for key, row in rows.items() if key[0] == name}
            pair = [values_of(own, "none", c, "ece") for c in ("nothing", f"smoothing {rate}")]
            if all(map(len, pair)):
                lines.append([name, "here", f"{pair[0].mean():.1f}", rate, f"{pair[1].mean():.1f}"])
    return table(["data", "", "without smoothing", "rate", "with smoothing"], lines)


def by_set(rows: dict[_cells.Key, _cells.Row], noise: str, column: str) -> str:
    """Mean over seeds, one column for each set."""
    lines: list[list[object]] = []
    for contender in CONTENDERS:
        line: list[object] = [contender]
        for name in SETS:
            own = {key: row for key, row in rows.items() if key[0] == name}
            values = values_of(own, noise, contender, column)
            line.append(f"{values.mean():.1f}" if len(values) else "")
        lines.append(line)
    return table(["contender", *SETS], lines)


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    """The page of results."""
    # Until a seed is complete its cells would compare contenders on different sets.
    seeds = [
        seed for seed in sorted({int(key[3]) for key in rows})
        if all((s, n, c, seed) in rows for s in SETS for n in NOISE for c in CONTENDERS)
    ]  # fmt: skip
    whole = {key: row for key, row in rows.items() if key[3] in seeds}
    text = [
        "# Flipping beside smoothing",
        f"Table written {setting()}.",
        f"Means over {', '.join(SETS)} and {len(seeds)} seed{'s' * (len(seeds) != 1)}, in %: the "
        "MLP of the library, 100 epochs, at most 2000 training rows; of the images, pixels at half "
        "their resolution. Test labels are clean. *none* has clean training labels; *sym .2* and "
        "*sym .4* have this fraction of wrong ones, all other classes equally likely. *nothing* is "
        "cross-entropy; *smoothing*, *flipping* and *penalty* have the rate or the weight that "
        f"follows. The calibration error is the mean distance of confidence and accuracy over "
        f"{N_BINS} bins.",
        CELLS.origins(rows),
        "## Accuracy",
        overview(whole, "accuracy"),
        "## Calibration error",
        overview(whole, "ece"),
        "## Confidence minus accuracy",
        overview(whole, "confidence", minus="accuracy"),
        "## Wrong labels that are memorised",
        overview(whole, "memorised"),
        "## Flipping minus smoothing",
        differences(whole),
        "## In expectation",
        "Relative distance of the mean gradient of flipping, over draws of the labels, from the "
        "gradient of smoothing with the same rate; 100 random logits of ten classes.",
        expectation(),
        "## Beside the paper",
        beside_paper(whole),
    ]
    for noise in NOISE:
        for column, words in (("accuracy", "accuracy"), ("ece", "calibration error")):
            text += [f"## {noise}: {words} of each set", by_set(whole, noise, column)]
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=3).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
