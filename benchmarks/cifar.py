"""Compare methods on images with noisy labels: CIFAR-10 and CIFAR-10N, or Fashion-MNIST on a CPU.

    SKNOISY_DATA=... python benchmarks/cifar.py --fashion             # the table for a CPU
    SKNOISY_DATA=... python benchmarks/cifar.py --scale 0.1           # a tenth of the epochs
    SKNOISY_DATA=... python benchmarks/cifar.py --only ce nls --noise worst
    SKNOISY_DATA=... python benchmarks/cifar.py --table               # only write the tables

A cell is one fit, scored on clean test labels after the last epoch. No clean label is used in
training or to choose an epoch. The accuracy of the best epoch is shown beside it, because papers
report it: it needs clean test labels.

On CIFAR-10 methods have the published settings of ``sknoisy.recipes``, with epochs multiplied by
``--scale``; this needs a GPU. On Fashion-MNIST all have the small network of the library and the
same short schedule. Smoothing rates were fixed beforehand, for all kinds of noise.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import _cells
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import home
from _images import CIFAR_NOISES, FASHION_NOISES, load_images
from skorch.callbacks import Callback

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.recipes import recipe

DEFAULT = NoisyLabelClassifier().method
# Method, and parameters beside the schedule.
FASHION: dict[str, tuple[str, dict[str, Any]]] = {
    "ce": ("ce", {}),
    "ls": ("ce", {"smoothing": 0.2}),
    "nls": ("ce", {"smoothing": -1.0}),
    "elr": ("elr", {}),
    "sop": ("sop", {}),
    "dividemix": ("dividemix", {}),
    "default": (DEFAULT, {}),
}
_BASE = "negative_smoothing"
_PLUS = ("method__consistency", "method__balance", "method__prior")
# Recipe, and what is changed in it; None removes a parameter.
CIFAR: dict[str, tuple[str, dict[str, Any]]] = {
    "ce": (_BASE, {"smoothing": 0.0}),
    "ls": (_BASE, {"smoothing": 0.2}),
    "nls": (_BASE, {"smoothing": -1.0, "logit_bound": "auto"}),
    "elr": ("elr", {}),
    "elr_plus": ("elr_plus", {}),
    "synthetic": ("synthetic", {}),
    "dividemix": ("dividemix", {}),
    "sop": ("sop_plus", {"method": "sop", **dict.fromkeys(_PLUS), "augment": "weak"}),
    "sop_plus": ("sop_plus", {}),
}
# Last epoch on the worst labels, independent rerun with 3 seeds.
ANCHORS = {"ce": 68.3, "elr": 87.8, "elr_plus": 91.3, "dividemix": 92.5, "sop_plus": 92.7}
FASHION_EPOCHS = 20
# Parameters that count epochs.
_EPOCHS = ("warmup", "max_epochs", "method__ramp_epochs", "method__linear_until",
           "method__correct_every", "method__start_epoch", "method__interval")  # fmt: skip


class TestAccuracy(Callback):
    """Record the accuracy on the clean test labels after each epoch; nothing is chosen by it."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.X, self.y = X, y

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        hits = net.predict_proba(self.X).argmax(axis=1) == self.y
        net.history.record("test_accuracy", float(hits.mean()))


def make(data: str, contender: str, scale: float, seed: int) -> NoisyLabelClassifier:
    """A contender, ready to fit."""
    if data == "fashion":
        method, params = FASHION[contender]
        params = {"augment": "weak", "max_epochs": round(scale * FASHION_EPOCHS), **params}
        return NoisyLabelClassifier(method, random_state=seed, **params)
    name, changes = CIFAR[contender]
    params = {k: v for k, v in (recipe(name) | changes).items() if v is not None}
    for part in _EPOCHS:
        if params.get(part):
            params[part] = max(1, round(scale * params[part]))
    precision = "bf16-mixed" if torch.cuda.is_available() else "float32"
    return NoisyLabelClassifier(**params, precision=precision, random_state=seed)


def measure(data: str, contender: str, noise: str, scale: str, seed: int) -> dict[str, Any]:
    """One fit: accuracy of the fitted model and of its best epoch on clean test labels."""
    cell = load_images(data, noise)
    clf = make(data, contender, float(scale), seed)
    clf.set_params(callbacks=[TestAccuracy(cell.X_test, cell.y_test)])
    begin, cpu = time.perf_counter(), time.process_time()
    clf.fit(cell.X, cell.y)
    used = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}
    accuracy = clf.score(cell.X_test, cell.y_test)
    epochs = [row["test_accuracy"] for row in clf.history_]
    print(data, contender, noise, seed, accuracy, max(epochs), used, file=sys.stderr, flush=True)
    return {"accuracy": accuracy, "best": max(epochs), "by_epoch": epochs, **used}


def code(data: str, contender: str) -> str:
    """Fingerprint of what a cell depends on."""
    method = FASHION[contender][0] if data == "fashion" else recipe(CIFAR[contender][0])["method"]
    return fingerprint(make, load_images, TestAccuracy, NoisyLabelClassifier, METHODS[method])


CELLS = _cells.CellTable(
    "cifar",
    key=("data", "contender", "noise", "scale", "seed"),
    digits={"accuracy": 5, "best": 5, "seconds": 1, "cpu": 1},
    code=lambda data, contender, *_: code(data, contender),
)


def keys(chosen: Any) -> Iterator[_cells.Key]:
    """Seed by seed, the cheap contenders first."""
    if home() is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    if not chosen.fashion and not torch.cuda.is_available():
        print("CIFAR-10 not run: needs a GPU; --fashion is for a CPU", file=sys.stderr)
        return
    data = "fashion" if chosen.fashion else "cifar10"
    contenders, noises = (FASHION, FASHION_NOISES) if chosen.fashion else (CIFAR, CIFAR_NOISES)
    for seed in range(chosen.seeds):
        for contender in chosen.only or contenders:
            for noise in chosen.noise or noises:
                yield data, contender, noise, f"{chosen.scale:g}", seed


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    parts = ["# Images with noisy labels", f"Table written {setting()}.", CELLS.origins(rows)]
    for data, scale in sorted({(str(key[0]), str(key[3])) for key in rows}):
        inside = {key: row for key, row in rows.items() if (key[0], key[3]) == (data, scale)}
        parts += [*_section(data, float(scale)), _table(data, inside)]
    return "\n\n".join([*parts, "## Origin of the cells", CELLS.origin_table(rows)])


def _section(data: str, scale: float) -> tuple[str, str]:
    shared = (
        "Accuracy on clean test labels in %, mean and standard deviation over seeds. *last*: after "
        "the last epoch, or after the epoch at which a method stops by itself; no clean label is "
        "used. *best*: of the best epoch, which takes clean test labels to find."
    )
    if data == "fashion":
        title = "## Fashion-MNIST, 12,000 training and 5,000 test images"
        text = (
            "Images at half their resolution, 14 x 14; the `CNN` of the library; Adam with lr=.001 "
            f"in batches of 128 for {round(scale * FASHION_EPOCHS)} epochs, a short schedule; "
            '`augment="weak"`; other parameters are defaults, except smoothing=.2 of `ls` and -1 '
            "of `nls`. Feature-dependent noise has 34.7 % wrong labels, class-dependent 34.8 %, "
            "both published vectors. The seed is that of the fit alone. CPU seconds include the "
            "test of each epoch."
        )
    else:
        title = "## CIFAR-10 and CIFAR-10N"
        text = f"Published settings of `sknoisy.recipes`, with {scale:g} of their epochs."
    return title, f"{text} {shared}"


def _table(data: str, rows: dict[_cells.Key, _cells.Row]) -> str:
    noises = [n for n in (*FASHION_NOISES, *CIFAR_NOISES) if any(key[2] == n for key in rows)]
    lines: list[list[object]] = []
    for contender in FASHION if data == "fashion" else CIFAR:
        line: list[object] = [contender]
        own = {key: row for key, row in rows.items() if key[1] == contender}
        for noise in noises:
            runs = [row.values for key, row in own.items() if key[2] == noise]
            line += [_spread(runs, "accuracy"), _spread(runs, "best")]
        if own:
            seconds = np.mean([row.values["cpu"] for row in own.values()])
            seeds = len({key[4] for key in own})
            anchor = [ANCHORS.get(contender, "")] if data == "cifar10" else []
            lines.append([*line, f"{seconds:.0f}", seeds, *anchor])
    anchor = ["worst, last: rerun of others"] if data == "cifar10" else []
    columns = [f"{noise}, {part}" for noise in noises for part in ("last", "best")]
    return table(["contender", *columns, "CPU seconds", "seeds", *anchor], lines)


def _spread(runs: list[dict[str, _cells.Value]], column: str) -> str:
    values = 100 * np.array([run[column] for run in runs], dtype=float)
    if len(values) < 2:
        return "".join(f"{value:.1f} (one seed)" for value in values)
    return f"{values.mean():.1f} ± {values.std():.1f}"


if __name__ == "__main__":
    parser = _cells.options(__doc__, seeds=3)
    parser.add_argument("--fashion", action="store_true", help="Fashion-MNIST, for a CPU")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the numbers of epochs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these contenders")
    parser.add_argument("--noise", nargs="+", metavar="NAME", help="only these kinds of noise")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen), measure, report)
