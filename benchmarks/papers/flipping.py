"""Repeat what papers say on flipping labels beside smoothing them: accuracy and calibration.

    python benchmarks/papers/flipping.py              # missing or outdated cells, then the table
    python benchmarks/papers/flipping.py --hours 2    # begin no cell after two hours
    python benchmarks/papers/flipping.py --table      # only write the table

Xie et al. (2016) replace a tenth of the labels by random ones, newly drawn in each step, which is
label smoothing in expectation. Müller et al. (2019) show that smoothing calibrates networks that
were trained on right labels, Pereyra et al. (2017) propose the confidence penalty for the same
purpose, and Lukasik et al. (2020) smooth wrong labels. Their networks need a GPU; here an MLP is
trained on five sets, with right labels and with symmetric noise, in the same way for all.
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
from sknoisy.metrics import noise_corrected_calibration_error

SETS = ("digits", "optdigits", "satimage", "vehicle", "fashion_mnist")
NOISE = ("none", "sym .2", "sym .4")
RATES = (0.1, 0.2, 0.5)
N_BINS = 15
# Method, and its parameters.
CONTENDERS: dict[str, tuple[str, dict[str, float]]] = {
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


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    return CELLS.origins(rows)


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=3).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
