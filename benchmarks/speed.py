"""Measure how fast a fit and a prediction are, beside the fastest alternatives.

    python benchmarks/speed.py               # missing or outdated cells, then the tables
    python benchmarks/speed.py --only fit    # only this part: fit, predict or memory
    python benchmarks/speed.py --table       # only write the tables
    python benchmarks/speed.py --quick       # print few rounds, keep nothing

Ratios of CPU time within interleaved rounds (medians), one thread, one network for all: a
multilayer perceptron with one hidden layer of 128.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import _cells
from _common import interleaved, setting, table
from _fingerprint import fingerprint

# ruff: isort: split
import numpy as np
import torch
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier

HIDDEN = 128
ROUNDS, QUICK_ROUNDS = 5, 3
SETS = ("100k x 50", "digits", "142 x 13")
BATCHES = (32, 128, 2048)
Arrays = tuple[np.ndarray, np.ndarray]


def datasets() -> dict[str, Arrays]:
    wide = make_classification(100_000, 50, n_informative=20, n_classes=5, random_state=0)
    sets = {
        "100k x 50": wide,
        "digits": load_digits(return_X_y=True),
        "142 x 13": tuple(a[:142] for a in load_wine(return_X_y=True)),
    }
    return {name: (X.astype(np.float32), y.astype(np.int64)) for name, (X, y) in sets.items()}


class Net(nn.Module):
    """The network of all contenders; MLPClassifier builds the same itself."""

    def __init__(self, n_in: int = 50, n_out: int = 5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def by_hand(X: np.ndarray, y: np.ndarray, epochs: int, batch: int) -> nn.Module:
    """The fastest loop we know: fused Adam, and a permutation taken in chunks of 64 batches."""
    X, y = torch.from_numpy((X - X.mean(0)) / (X.std(0) + 1e-8)), torch.from_numpy(y)
    net = Net(X.shape[1], int(y.max()) + 1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    for _ in range(epochs):
        for part in torch.randperm(len(X)).split(64 * batch):
            for xb, yb in zip(X[part].split(batch), y[part].split(batch), strict=True):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(xb), yb).backward()
                optimizer.step()
    return net


def ours(X: np.ndarray, y: np.ndarray, epochs: int, batch: int, **params: object):
    clf = NoisyLabelClassifier("ce", max_epochs=epochs, batch_size=batch, device="cpu")
    # Equal networks for all.
    clf.set_params(module__hidden=(HIDDEN,), module__dropout=0.0, module__bins=0)
    return clf.set_params(**params).fit(X, y)


def by_skorch(X: np.ndarray, y: np.ndarray, epochs: int, batch: int, **params: object):
    net = NeuralNetClassifier(
        Net,
        module__n_in=X.shape[1],
        module__n_out=int(y.max()) + 1,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=epochs,
        batch_size=batch,
        iterator_train__shuffle=True,
        verbose=0,
        **params,
    )
    return net.fit(X, y)


def by_mlp(X: np.ndarray, y: np.ndarray, epochs: int, batch: int):
    clf = MLPClassifier(
        (HIDDEN,), batch_size=min(batch, len(X)), max_iter=epochs, tol=0.0, n_iter_no_change=epochs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clf.fit(X, y)


FITS: dict[str, Callable[..., object]] = {
    "hand": by_hand,
    "ours": ours,
    "skorch": by_skorch,
    "skorch, no split": lambda *job: by_skorch(*job, train_split=None),
    "MLPClassifier": by_mlp,
}
# What is compared in a fit: a contender with the loop by hand, or with the one after the slash.
FIT_COLUMNS = ("ours", "skorch", "skorch, no split", "MLPClassifier", "skorch / ours")


def epochs_of(name: str, batch: int) -> int:
    """Enough for a measurable time."""
    return {32: 2, 128: 3, 2048: 10}[batch] if name == "100k x 50" else 20


def fit(name: str, batch: str, contender: str, rounds: int) -> dict[str, float]:
    """CPU time of a fit over that of the hand-written loop, or of another contender."""
    job = (*datasets()[name], epochs_of(name, int(batch)), int(batch))
    who, _, base = contender.partition(" / ")
    run = {
        "base": lambda: FITS[base or "hand"](*job),
        "run": lambda: FITS[who](*job),
    }
    return {"ratio": interleaved(run, rounds)["run"]}


def predict(name: str, batch: str, contender: str, rounds: int) -> dict[str, float]:
    """CPU time of predict_proba over that of the network applied by hand."""
    X, y = datasets()[name]
    hand = by_hand(X, y, 1, 2048)
    clf = ours(X, y, 1, 2048) if contender == "ours" else by_skorch(X, y, 1, 128)
    mean, std = torch.from_numpy(X.mean(0)), torch.from_numpy(X.std(0) + 1e-8)
    repeats = range(max(1, 100_000 // len(X)))

    def by_hand_predict() -> np.ndarray:
        with torch.no_grad():
            parts = [hand((x - mean) / std).softmax(-1) for x in torch.from_numpy(X).split(4096)]
        return torch.cat(parts).numpy()

    run = {
        "base": lambda: [by_hand_predict() for _ in repeats],
        "run": lambda: [clf.predict_proba(X) for _ in repeats],
    }
    return {"ratio": interleaved(run, rounds)["run"]}


def memory(name: str, batch: str, contender: str, rounds: int) -> dict[str, float]:
    """Peak memory beside X of a process that fits 1M x 100, less that of one that only makes X."""
    base, peak = (
        float(
            subprocess.run(
                [sys.executable, __file__, "--peak", who],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for who in ("nobody", contender)
    )
    # X of float64 is twice as large as that of the base.
    return {"MiB": peak - base - ("64" in contender) * 1e6 * 100 * 4 / 2**20}


PARTS: dict[str, Callable[..., dict[str, float]]] = {
    "fit": fit,
    "predict": predict,
    "memory": memory,
}
MEMORY = ("ours", "ours, float64 X", "hand")


def measure(
    part: str, name: str, batch: str, contender: str, rounds: int = ROUNDS
) -> dict[str, Any]:
    """The number of one contender."""
    values = PARTS[part](name, batch, contender, rounds)
    print(part, name, batch, contender, values, file=sys.stderr, flush=True)
    return values


@cache
def _code(part: str) -> str:
    parts = (PARTS[part], peak_of) if part == "memory" else (PARTS[part],)
    return fingerprint(*parts, METHODS["ce"], "scikit-learn", "skorch")


def code(part: str, name: str, batch: str, contender: str) -> str:
    """Fingerprint of what a cell depends on."""
    return _code(part)


CELLS = _cells.CellTable(
    "speed", key=("part", "data", "batch", "contender"), digits={"ratio": 3, "MiB": 0}, code=code
)


def keys(only: list[str] | None) -> Iterator[_cells.Key]:
    """All cells of the parts."""
    chosen = only or list(PARTS)
    for name in SETS if "fit" in chosen else ():
        for batch in BATCHES:
            for contender in FIT_COLUMNS:
                yield "fit", name, str(batch), contender
    for name in SETS if "predict" in chosen else ():
        for contender in ("ours", "skorch"):
            yield "predict", name, "", contender
    for contender in MEMORY if "memory" in chosen else ():
        yield "memory", "1M x 100", "128", contender


def report(rows: dict[_cells.Key, _cells.Row]) -> str:
    values = {key: row.values for key, row in rows.items()}

    def line(column: str, *keys: _cells.Key) -> list[object]:
        return [values[key][column] if key in values else "" for key in keys]

    text = ["# Speed", f"Table written {setting()}.", CELLS.origins(rows)]
    text.append("Times are ratios of CPU time, medians over rounds.")
    lines = [
        [name, batch, epochs_of(name, batch)]
        + line("ratio", *(("fit", name, str(batch), c) for c in FIT_COLUMNS))
        for name in SETS
        for batch in BATCHES
    ]
    text.append("## Fit, relative to the fastest hand-written loop")
    text.append(table(["data", "batch", "epochs", *FIT_COLUMNS], lines))
    head = ("ours", "skorch")
    lines = [[n, *line("ratio", *(("predict", n, "", c) for c in head))] for n in SETS]
    text.append("## predict_proba, relative to hand-written")
    text.append(table(["data", *head], lines))
    peaks = {c: line("MiB", ("memory", "1M x 100", "128", c))[0] for c in MEMORY}
    text.append("## Memory beside X, 1M x 100 float32, batch 128, one epoch")
    text.append(table(["", "extra peak"], [[c, f"{p:.0f} MiB"] for c, p in peaks.items() if p]))
    text += ["## Origin of the cells", CELLS.origin_table(rows)]
    return "\n\n".join(text)


def peak_of(who: str) -> float:
    kind = np.float64 if "64" in who else np.float32
    X = np.empty((1_000_000, 100), kind)
    rng = np.random.default_rng(0)
    for part in np.array_split(X, 100):
        part[:] = rng.standard_normal(part.shape)
    y = rng.integers(0, 5, len(X))
    torch.set_num_threads(1)
    # A first fit loads the libraries, so that only the second is counted.
    ours(X[:256].copy(), y[:256], 1, 128)
    if who.startswith("ours"):
        ours(X, y, 1, 128)
    elif who == "hand":
        _hand_in_place(X, y)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _hand_in_place(X: np.ndarray, y: np.ndarray) -> None:
    x, codes = torch.from_numpy(X), torch.from_numpy(y)
    net = Net(100, 5)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    for part in torch.randperm(len(x)).split(128):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[part]), codes[part]).backward()
        optimizer.step()


def main() -> None:
    parser = _cells.options(__doc__)
    parser.add_argument("--quick", action="store_true", help="print few rounds, keep nothing")
    parser.add_argument("--only", nargs="+", default=None, choices=list(PARTS))
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.peak:
        print(peak_of(chosen.peak))
    elif chosen.quick:
        todo = list(keys(chosen.only))
        rows = {k: _cells.Row(measure(*k, rounds=QUICK_ROUNDS), CELLS.origin(k)) for k in todo}
        print(report(rows))
    else:
        _cells.run(CELLS, chosen, lambda: keys(chosen.only), measure, report)


if __name__ == "__main__":
    main()
