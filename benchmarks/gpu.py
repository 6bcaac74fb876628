"""Measure training on a GPU beside hand-written loops; without one, only print CPU figures.

    python benchmarks/gpu.py              # all parts, a few minutes; writes results/gpu.md
    python benchmarks/gpu.py --only images search
    python benchmarks/gpu.py --quick      # small sizes

Each figure is printed, and kept in ``raw/gpu.jsonl``, as soon as it is measured. Without a GPU
sizes are small, and no table is written.

images
    Samples per second of ``fit`` on CIFAR-size images: a hand-written loop with the same network,
    precision and random views on the device; ``fit``; ``fit`` with compile=True; ``fit`` with rows
    that stay on the host; and skorch with a DataLoader.
table
    The same for an MLP, and a loop captured in a CUDA graph.
search
    Seconds of 11 smoothing rates on 5 folds trained together, beside one training.
waits
    Times that a step waits for the device, and the peak of its memory.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import _cells
from _common import save, setting, table

# ruff: isort: split
import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.functional import make_augment
from sknoisy.networks import CNN, MLP, resnet18

Measured = Iterator[tuple[str, float, str]]
GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
PRECISION = "bf16-mixed" if GPU else "float32"


def seconds(run: Callable[[], object], repeats: int = 2) -> float:
    """The shortest of several times, after one that warms up."""
    times = []
    for _ in range(repeats + 1):
        _synchronize()
        begin = time.perf_counter()
        run()
        _synchronize()
        times.append(time.perf_counter() - begin)
    return min(times[1:])


def _synchronize() -> None:
    if GPU:
        torch.cuda.synchronize()


def images(quick: bool) -> Measured:
    """Samples per second on images."""
    n, batch, epochs = (2_000, 256, 1) if quick else (50_000, 512, 3)
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(n, 3, 32, 32)).astype(np.uint8)
    y = rng.integers(0, 10, size=n)
    network = CNN if quick else resnet18

    def ours(**params: Any) -> Callable[[], object]:
        settings = {"module": network, "augment": "weak", "precision": PRECISION}
        settings |= {"batch_size": batch, "max_epochs": epochs, "random_state": 0, **params}
        return lambda: NoisyLabelClassifier("ce", **settings).fit(X, y)

    def skorch() -> object:
        net = NeuralNetClassifier(
            network, criterion=nn.CrossEntropyLoss, module__n_in=3, module__n_out=10,
            device=str(DEVICE), optimizer=torch.optim.Adam, lr=1e-3, batch_size=batch,
            max_epochs=epochs, verbose=0, train_split=None,
            iterator_train__num_workers=0 if quick else 8,
        )  # fmt: skip
        return net.fit(X.astype(np.float32) / 255, y)

    def on_host() -> object:
        with mock.patch("sknoisy._data.rows._fits", lambda data, device: False):
            return ours()()

    contenders = {
        "hand-written loop": lambda: hand_written(network(3, 10), X, y, batch, epochs),
        "fit": ours(),
        "fit, rows on the host": on_host,
        "skorch with a DataLoader": skorch,
    }
    if GPU:
        contenders["fit, compile=True"] = ours(compile=True)
    for name, run in contenders.items():
        yield name, n * epochs / seconds(run, 1), "samples/s"


def hand_written(
    network: nn.Module, X: np.ndarray, y: np.ndarray, batch: int, epochs: int
) -> nn.Module:
    """Train with data, order and random views on the device, and no wait in a step."""
    network = network.to(DEVICE, memory_format=torch.channels_last)
    rows, labels = torch.from_numpy(X).to(DEVICE), torch.from_numpy(y).to(DEVICE)
    augment = make_augment("weak", X.shape[1:]) if X.ndim == 4 else nn.Identity()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    network.train()
    for _ in range(epochs):
        for index in torch.randperm(len(rows), device=DEVICE).split(batch):
            x = augment(rows[index].float())
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=PRECISION == "bf16-mixed"):
                logits = network(x)
            loss = nn.functional.cross_entropy(logits.float(), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network


def columns(quick: bool) -> Measured:
    """Samples per second on a table."""
    n, batch, epochs = (10_000, 128, 2) if quick else (200_000, 512, 5)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 50)).astype(np.float32), rng.integers(0, 10, size=n)
    settings: dict[str, Any] = {"module": MLP, "batch_size": batch, "max_epochs": epochs}
    contenders: dict[str, Callable[[], object]] = {
        "hand-written loop": lambda: hand_written(MLP(50, 10), X, y, batch, epochs),
        "fit": lambda: NoisyLabelClassifier("ce", **settings, random_state=0).fit(X, y),
    }
    if GPU:
        contenders["CUDA graph"] = lambda: graphed(X, y, batch, epochs)
    for name, run in contenders.items():
        yield name, n * epochs / seconds(run), "samples/s"


def graphed(X: np.ndarray, y: np.ndarray, batch: int, epochs: int) -> nn.Module:
    """Train with a step that is captured once and replayed."""
    network = MLP(X.shape[1], 10).to(DEVICE).train()
    rows, labels = torch.from_numpy(X).to(DEVICE), torch.from_numpy(y).to(DEVICE)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True, capturable=True)
    x, target = rows[:batch].clone(), labels[:batch].clone()

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), target).backward()
        optimizer.step()

    other = torch.cuda.Stream()
    other.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(other):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(other)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for _ in range(epochs):
        for index in torch.randperm(len(rows), device=DEVICE).split(batch):
            if len(index) == batch:
                x.copy_(rows[index])
                target.copy_(labels[index])
                graph.replay()
    return network


def search(quick: bool) -> Measured:
    """Seconds of a search beside one training."""
    n, epochs = (1_000, 3) if quick else (20_000, 10)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 50)).astype(np.float32), rng.integers(0, 10, size=n)
    clf = NoisyLabelClassifier("ce", max_epochs=epochs, random_state=0)
    grid = [-8, -6, -4, -2, -1, -0.5, 0, 0.2, 0.4, 0.6, 0.8]
    yield "one training", seconds(lambda: clf.fit(X, y)), "s"
    together = SmoothingSearchCV(clf, smoothing=grid, cv=5, refit=False)
    yield "55 trainings together", seconds(lambda: together.fit(X, y), 1), "s"


def waits(quick: bool) -> Measured:
    """Waits in a step, from two numbers of steps, and the peak of memory."""
    n = 2_000 if quick else 20_000
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(n, 3, 32, 32)).astype(np.uint8)
    y = rng.integers(0, 10, size=n)
    if not GPU:
        return
    for method in ("ce", "elr", "dividemix", "distilled_pool"):
        counts = []
        torch.cuda.reset_peak_memory_stats()
        for batch in (500, 50):
            clf = NoisyLabelClassifier(method, batch_size=batch, max_epochs=2, random_state=0)
            torch.cuda.set_sync_debug_mode("warn")
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                clf.fit(X, y)
            torch.cuda.set_sync_debug_mode("default")
            counts.append(sum("synchroniz" in str(w.message) for w in caught))
        # Steps of the second fit more than of the first, in two epochs.
        more = 2 * n * (1 / 50 - 1 / 500)
        yield f"{method}, waits for each step", (counts[1] - counts[0]) / more, ""
        yield f"{method}, peak memory", torch.cuda.max_memory_allocated() / 2**20, "MiB"


PARTS = {"images": images, "table": columns, "search": search, "waits": waits}


def main(chosen: argparse.Namespace) -> None:
    quick = chosen.quick or not GPU
    lines: list[list[object]] = []
    _cells.RAW.mkdir(exist_ok=True)
    with (_cells.RAW / "gpu.jsonl").open("a", buffering=1) as out:
        for part in chosen.only:
            for name, value, unit in PARTS[part](quick):
                print(f"{part}: {name}: {value:.4g} {unit}", flush=True)
                row = {"part": part, "name": name, "value": value, "unit": unit}
                out.write(json.dumps(row | {"commit": _cells.commit(), "quick": quick}) + "\n")
                lines.append([part, name, f"{value:.4g} {unit}"])
    if not GPU or quick:
        print("These are figures of small sizes: the table needs a GPU, and no --quick.")
        return
    title = f"# On a GPU\n\n{torch.cuda.get_device_name()}; {setting()}.\n"
    save("gpu", f"{title}\n{table(['part', 'what', 'measured'], lines)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS, metavar="PART")
    parser.add_argument("--quick", action="store_true", help="small sizes, and no table")
    torch.set_num_threads(1)
    main(parser.parse_args())
