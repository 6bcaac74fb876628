"""Repeat what the papers of ELR and MixNN say on memorisation, epoch by epoch.

    python benchmarks/papers/memorisation.py              # missing cells, then the table
    python benchmarks/papers/memorisation.py --hours 2    # begin no cell after two hours
    python benchmarks/papers/memorisation.py --table      # only write the table

Liu et al. (2020) train a ResNet-34 on CIFAR-10 with 40 % symmetric noise: with cross-entropy it
first predicts the true class of mislabelled images, then memorises their wrong labels; with ELR it
does not. Lu and He (2024) mix neighbours to the same end (``synthetic``). Here two small networks
are trained on 3,000 images of Fashion-MNIST, where a CPU can follow them for long enough. Learning
rates, batches and epochs were chosen so that cross-entropy memorises nearly all wrong labels;
nothing was chosen by the figures of another method.
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
from _common import setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from _data import Cell, home
from _images import _FASHION, _halved
from skorch.callbacks import Callback

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.noise import corrupt_labels
from sknoisy.recipes import recipe

N_TRAIN = 3000
EPOCHS = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100)
NOISE = ("0.4", "0.6")
NETWORKS: dict[str, dict[str, Any]] = {
    "mlp": {"lr": 0.001, "batch_size": 128},
    "cnn": {"lr": 0.003, "batch_size": 64},
}
_RECIPE = recipe("synthetic")
_SHARE = EPOCHS[-1] / _RECIPE["max_epochs"]
# Method, and parameters beside those of the network.
CONTENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ce": ("ce", {}),
    "elr": ("elr", {}),
    "elr, no warm-up": ("elr", {"warmup": 0}),
    "elr, beta=0": ("elr", {"method__beta": 0.0, "warmup": 0}),
    "mixup": ("mixup", {}),
    "synthetic": ("synthetic", {}),
    "synthetic, every 10th": ("synthetic", {"method__correct_every": 10}),
    "synthetic, recipe": (
        "synthetic",
        {
            "method__mix_clean": _RECIPE["method__mix_clean"],
            "method__correct_every": round(_SHARE * _RECIPE["method__correct_every"]),
            "method__linear_until": round(_SHARE * _RECIPE["method__linear_until"]),
            "warmup": round(_SHARE * _RECIPE["warmup"]),
        },
    ),
}
# The larger network takes minutes: without variants, and only with 40 % noise.
ON_CNN = ("ce", "elr", "mixup", "synthetic", "synthetic, recipe")
# What is recorded of an epoch, in words.
CURVES = {
    "test": "clean test accuracy",
    "corrected": "wrong labels, true class predicted",
    "memorised": "wrong labels, memorised",
    "right": "clean labels, predicted",
}
# Liu et al. 2020, CIFAR-10, symmetric noise: contender, the other, noise, accuracies of both, and
# the noise of ours beside it. ResNet-34 at the epoch with the best accuracy on noisy validation
# labels; without momentum (beta=0) a figure of their ablation; mixup from their table of other
# work, at the best epoch.
PUBLISHED = (
    ("elr", "ce", "0.4", 89.15, 81.88, "0.4"),
    ("elr", "ce", "0.6", 86.12, 74.14, "0.6"),
    ("elr, no warm-up", "ce", "0.4", 89.15, 81.88, "0.4"),
    ("elr, no warm-up", "ce", "0.6", 86.12, 74.14, "0.6"),
    ("elr, beta=0", "elr, no warm-up", "0.6", 38.0, 86.12, "0.6"),
    ("mixup", "ce", "0.5", 87.1, 79.4, "0.4"),
    ("mixup", "ce", "0.5", 87.1, 79.4, "0.6"),
)
# Of the authors' code (ELR 934af53, MixNN 99e4b12), after 60 epochs of an MLP on Fashion-MNIST
# with 40 % symmetric noise, two runs.
AUTHORS = {
    "ce": (55.5, 56.2),
    "elr, no warm-up": (78.0, 78.6),
    "synthetic": (79.3, 79.3),
    "synthetic, every 10th": (73.5, 74.0),
    "synthetic, recipe": (74.0, 74.6),
}
AUTHORS_EPOCH = 60


class Curves(Callback):
    """Record what is predicted after some epochs; nothing is chosen by it."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.values: dict[str, float] = {}

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        epoch = len(net.history)
        if epoch not in EPOCHS:
            return
        X, y, clean, X_test, y_test = self.cell
        predicted = net.predict_proba(X).argmax(axis=1)
        wrong = y != clean
        found = {
            "test": net.predict_proba(X_test).argmax(axis=1) == y_test,
            "corrected": (predicted == clean)[wrong],
            "memorised": (predicted == y)[wrong],
            "right": (predicted == y)[~wrong],
        }
        self.values |= {f"{name}@{epoch}": float(hits.mean()) for name, hits in found.items()}


def load(network: str, noise: str, seed: int) -> Cell:
    """The first images, flat or at half their resolution, with symmetric noise as in the papers."""
    folder = home()
    assert folder is not None
    data = np.load(folder / _FASHION)
    X, X_test = data["X_train"][:N_TRAIN], data["X_test"]
    if network == "mlp":
        X, X_test = (images.reshape(len(images), -1).astype(np.float32) for images in (X, X_test))
    else:
        X, X_test = _halved(X), _halved(X_test)
    clean = data["y_train"][:N_TRAIN].astype(int)
    y = corrupt_labels(clean, float(noise), kind="symmetric_inclusive", random_state=seed)
    return Cell(X, y, clean, X_test, data["y_test"].astype(int))


def measure(network: str, contender: str, noise: str, seed: int) -> dict[str, Any]:
    """One fit: the curves."""
    method, params = CONTENDERS[contender]
    cell = load(network, noise, seed)
    curves = Curves(cell)
    clf = NoisyLabelClassifier(
        method, max_epochs=EPOCHS[-1], callbacks=[curves], random_state=seed,
        **NETWORKS[network], **params,
    )  # fmt: skip
    begin = time.process_time()
    clf.fit(cell.X, cell.y)
    return curves.values | {"cpu": time.process_time() - begin}


@cache
def _code(method: str) -> str:
    return fingerprint(measure, NoisyLabelClassifier, METHODS[method])


CELLS = _cells.CellTable(
    "memorisation",
    key=("network", "contender", "noise", "seed"),
    digits={f"{name}@{epoch}": 5 for name in CURVES for epoch in EPOCHS} | {"cpu": 1},
    code=lambda network, contender, *_: _code(CONTENDERS[contender][0]),
)


def keys(seeds: int) -> Iterator[_cells.Key]:
    """One seed of everything before the next."""
    if home() is None:
        # Not an error: `make bench` runs the others.
        print("not run: needs SKNOISY_DATA", file=sys.stderr)
        return
    for seed in range(seeds):
        for network in NETWORKS:
            for noise in NOISE if network == "mlp" else NOISE[:1]:
                for contender in contenders_on(network):
                    yield network, contender, noise, seed


def contenders_on(network: str) -> tuple[str, ...]:
    """The larger network has fewer."""
    return tuple(CONTENDERS) if network == "mlp" else ON_CNN


def complete(rows: dict[_cells.Key, _cells.Row]) -> dict[_cells.Key, _cells.Row]:
    """Leave out seeds that some contenders lack: the others would be compared on more seeds."""
    return {
        (network, contender, noise, seed): row
        for (network, contender, noise, seed), row in rows.items()
        if all((network, other, noise, seed) in rows for other in contenders_on(str(network)))
    }


def curves_of(
    rows: dict[_cells.Key, _cells.Row], network: str, contender: str, noise: str, name: str
) -> np.ndarray:
    """Values in %, one row for each seed, one column for each of EPOCHS."""
    runs = [row.values for key, row in rows.items() if key[:3] == (network, contender, noise)]
    values = [[float(v[f"{name}@{epoch}"]) for epoch in EPOCHS] for v in runs]  # type: ignore
    return 100 * np.array(values).reshape(-1, len(EPOCHS))


def summary(rows: dict[_cells.Key, _cells.Row], network: str, noise: str) -> str:
    """The best and the last epoch of each contender."""
    lines: list[list[object]] = []
    for contender in CONTENDERS:
        test, *others = (curves_of(rows, network, contender, noise, name) for name in CURVES)
        if not len(test):
            continue
        best = sorted(EPOCHS[i] for i in test.argmax(axis=1))
        lines.append([
            contender, spread(test.max(axis=1)), f"{best[0]} to {best[-1]}", spread(test[:, -1]),
            *(spread(values[:, -1]) for values in others), len(test),
        ])  # fmt: skip
    head = ["contender", "best epoch", "which", "last epoch", *list(CURVES.values())[1:], "seeds"]
    return table(head, lines)


def curve_table(rows: dict[_cells.Key, _cells.Row], network: str, noise: str, name: str) -> str:
    """One line for each contender: the mean over seeds after each epoch."""
    lines: list[list[object]] = []
    for contender in CONTENDERS:
        runs = curves_of(rows, network, contender, noise, name)
        if len(runs):
            lines.append([contender, *(f"{value:.1f}" for value in runs.mean(axis=0))])
    return table(["contender", *map(str, EPOCHS)], lines)


def beside_paper(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Differences of two contenders, in the paper and here at the best and the last epoch."""
    lines: list[list[object]] = []
    for contender, other, noise, value, of_other, ours in PUBLISHED:
        paper = f"{value - of_other:+.1f} ({value} - {of_other})"
        line: list[object] = [f"{contender} - {other}", noise, paper, ours]
        for network in NETWORKS:
            pair = [curves_of(rows, network, c, ours, "test") for c in (contender, other)]
            if not all(map(len, pair)):
                line += ["", ""]
                continue
            best, last = (
                np.mean(pick(pair[0])) - np.mean(pick(pair[1]))
                for pick in (lambda runs: runs.max(axis=1), lambda runs: runs[:, -1])
            )
            line += [f"{best:+.1f}", f"{last:+.1f}"]
        lines.append(line)
    ours_from = [f"{network}, {epoch}" for network in NETWORKS for epoch in ("best", "last")]
    return table(["difference", "noise, paper", "paper", "noise, here", *ours_from], lines)


def beside_code(rows: dict[_cells.Key, _cells.Row]) -> str:
    """Accuracy of the authors' code and of this library, after as many epochs."""
    lines: list[list[object]] = []
    for contender, theirs in AUTHORS.items():
        runs = curves_of(rows, "mlp", contender, "0.4", "test")
        if len(runs):
            lines.append([contender, ", ".join(f"{value:.1f}" for value in theirs),
                          spread(runs[:, EPOCHS.index(AUTHORS_EPOCH)])])  # fmt: skip
    return table(["contender", "authors' code", "here"], lines)


def spread(values: np.ndarray) -> str:
    """Mean and standard deviation over seeds."""
    return f"{values.mean():.1f} ± {values.std():.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    """The page of results."""
    rows = complete(rows)
    cases = [
        (network, noise)
        for network in NETWORKS
        for noise in NOISE
        if any(key[:3:2] == (network, noise) for key in rows)
    ]
    text = [
        "# Memorisation, epoch by epoch",
        f"Table written {setting()}.",
        f"{N_TRAIN} training and 5,000 test images of Fashion-MNIST, {EPOCHS[-1]} epochs without "
        "augmentation, Adam; symmetric noise as in the papers: labels drawn again from all ten "
        "classes, so that a tenth of them stay right. *mlp*: the network of the library for flat "
        "pixels, lr=.001, batches of 128. *cnn*: that for images, here of 14 x 14 pixels, "
        "lr=.003, batches of 64. The same for all contenders, chosen so that cross-entropy "
        "memorises. Figures in %, mean and standard deviation over seeds, after epochs "
        f"{', '.join(map(str, EPOCHS))}. No clean label is used in training; *best epoch* is the "
        "best of these by clean test labels. The contenders *elr* and *synthetic* have the "
        "defaults of the library; *synthetic, recipe* has the settings of the authors' code, with "
        "its epochs scaled from 300 to 100.",
        CELLS.origins(rows),
    ]
    for network, noise in cases:
        text += [f"## {network}, {noise}: best and last epoch",
                 summary(rows, network, noise)]  # fmt: skip
    text += [
        "## Beside the paper",
        beside_paper(rows),
        "## Beside the authors' code",
        beside_code(rows),
    ]
    for network, noise in cases:
        for name, words in CURVES.items():
            text += [f"## {network}, {noise}: {words}",
                     curve_table(rows, network, noise, name)]  # fmt: skip
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


if __name__ == "__main__":
    chosen = _cells.options(__doc__, seeds=3).parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    _cells.run(CELLS, chosen, lambda: keys(chosen.seeds), measure, report)
