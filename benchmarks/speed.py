"""How fast a fit, a prediction and a method are, beside the best that others do.

Prints ratios of CPU time within interleaved rounds (medians), one thread, one network for all: an
MLP with one hidden layer of 128. ``--quick`` runs fewer rounds and ``--only`` a part of fit,
predict and memory; ``--methods`` writes the table of methods instead, of which ``--only`` prints
some beside cross-entropy.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise

from _common import cpu_seconds, interleaved, save, setting, table

# ruff: isort: split
import numpy as np
import torch
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.neural_network import MLPClassifier
from skorch import NeuralNetClassifier
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier

HIDDEN = 128
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
    """The network of every contender but MLPClassifier, which builds the same."""

    def __init__(self, n_in: int = 50, n_out: int = 5) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_in, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def by_hand(X: np.ndarray, y: np.ndarray, epochs: int, batch: int) -> nn.Module:
    """The limit to be near: fused Adam, and a permutation taken in chunks of 64 batches."""
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
    return clf.fit(X, y)


def fit_table(rounds: int) -> str:
    rows = []
    for name, (X, y) in datasets().items():
        for batch in (32, 128, 2048):
            epochs = 20 if len(X) < 10_000 else {32: 2, 128: 3, 2048: 10}[batch]
            job = (X, y, epochs, batch)
            run: dict[str, Callable[[], object]] = {
                "hand": lambda job=job: by_hand(*job),
                "ours": lambda job=job: ours(*job),
                "skorch": lambda job=job: by_skorch(*job),
                "skorch, no split": lambda job=job: by_skorch(*job, train_split=None),
                "MLPClassifier": lambda job=job: _quiet(by_mlp, *job),
            }
            took = interleaved(run, rounds)
            ratios = [took[k] for k in list(run)[1:]]
            rows.append([name, batch, epochs, *ratios, took["skorch"] / took["ours"]])
            print(rows[-1], file=sys.stderr, flush=True)
    header = ["data", "batch", "epochs", "ours", "skorch", "skorch, no split", "MLPClassifier"]
    return "## Fit, relative to the best hand-written loop\n\n" + table(
        [*header, "skorch / ours"], rows
    )


def _quiet(run: Callable, *job: object) -> object:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return run(*job)


def predict_table(rounds: int) -> str:
    rows = []
    for name, (X, y) in datasets().items():
        clf = ours(X, y, 1, 2048)
        plain = by_skorch(X, y, 1, 128)
        hand = by_hand(X, y, 1, 2048)
        mean, std = X.mean(0), X.std(0) + 1e-8
        repeat = max(1, 100_000 // len(X))

        def by_hand_predict(X=X, hand=hand, mean=mean, std=std) -> np.ndarray:
            with torch.no_grad():
                x = torch.from_numpy(X)
                parts = [hand((part - mean) / std).softmax(-1) for part in x.split(4096)]
            return torch.cat(parts).numpy()

        mean, std = torch.from_numpy(mean), torch.from_numpy(std)
        run = {
            "hand": lambda f=by_hand_predict, mean=mean, std=std, n=repeat: [
                f(mean=mean, std=std) for _ in range(n)
            ],
            "ours": lambda clf=clf, X=X, n=repeat: [clf.predict_proba(X) for _ in range(n)],
            "skorch": lambda net=plain, X=X, n=repeat: [net.predict_proba(X) for _ in range(n)],
        }
        took = interleaved(run, rounds)
        rows.append([name, took["ours"], took["skorch"]])
        print(rows[-1], file=sys.stderr, flush=True)
    return "## predict_proba, relative to hand-written\n\n" + table(
        ["data", "ours", "skorch"], rows
    )


# Passes over a batch that the idea of a method needs, forward and backward: networks multiply, and
# a scan before each epoch is one forward pass.
PASSES = {
    "elr_plus": (2 * 2, 2),  # the networks, and their averages on the batch as it is
    "synthetic": (3, 1),  # features, a scan, and the mixed batch
    "co_teaching": (2, 2),
    "bagging": (8, 8),
    "dividemix": (2 * 5, 2 * 2),  # a scan, and two views to guess labels and to train
    "fine": (2, 1),  # a scan
    "co_learning": (3, 3),  # three views
    "meta_label_net": (5, 4),  # features, a step tried, what comes of it, a gradient's gradient
}
WIDE, BATCH = (512, 512), 128
# Multiplications for each sample besides, on features as wide as the last hidden layer.
BESIDES = {
    "synthetic": BATCH * WIDE[-1],  # distances in the batch
    "fine": WIDE[-1] ** 2,  # the Gram matrix
    # A projection of two layers of two views, and products of all views with all and of samples.
    "co_learning": 3 * 2 * 2 * WIDE[-1] ** 2 + (3 * 4 + 1) * BATCH * WIDE[-1],
}


def needed(method: str, n_in: int, n_out: int) -> float:
    """Multiplications of a method in those of ce; a backward pass is worth two forward ones."""
    sizes = (n_in, *WIDE, n_out)
    network = sum(a * b for a, b in pairwise(sizes))
    forward, backward = PASSES.get(method, (1, 1))
    return (forward + 2 * backward + BESIDES.get(method, 0) / network) / 3


def method_table(rounds: int, only: list[str] | None) -> str:
    """Time of an epoch beside cross-entropy: what a long training takes beyond a short one."""
    X, y = datasets()["100k x 50"]
    places = {
        "10k x 50, wide": (X[:10_000], y[:10_000], WIDE, 1, 5),
        "100k x 50": (X, y, (HIDDEN,), 1, 3),
        "digits": (*datasets()["digits"], (HIDDEN,), 5, 25),
        "142 x 13": (*datasets()["142 x 13"], (HIDDEN,), 20, 120),
    }
    jobs = {key: {"method": key} for key in METHODS}
    jobs["ce, smoothing=-1"] = {"method": "ce", "smoothing": -1.0}
    jobs["ce, early_stopping"] = {"method": "ce", "early_stopping": True, "n_iter_no_change": 1000}
    jobs = {key: job for key, job in jobs.items() if key == "ce" or only is None or key in only}
    took = {}
    for name, place in places.items():
        run = {key: lambda job=job, place=place: _epochs(*place, job) for key, job in jobs.items()}
        took[name] = interleaved(run, rounds, measure=lambda epochs: epochs())
        print(name, took[name], file=sys.stderr, flush=True)
    rows = []
    wide = next(iter(took))
    for key, job in jobs.items():
        need = needed(job["method"], X.shape[1], int(y.max()) + 1)
        state = bytes_per_sample(key) if key in METHODS else ""
        each = [took[name][key] for name in took]
        rows.append([key, *each, need, took[wide][key] / need, state])
    header = ["method", *took, "needed", "wide / needed", "bytes per sample"]
    note = (
        f"One hidden layer of {HIDDEN}, where fixed costs of each operation show, or {WIDE} "
        "(wide), where arithmetic does. Needed: multiplications of the idea there, in those of ce. "
        "Bytes per sample: tables kept for 10 classes in float32."
    )
    return f"## Methods, an epoch relative to ce (batch {BATCH})\n\n{note}\n\n{table(header, rows)}"


def _epochs(
    X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], short: int, long: int, job: dict
) -> float:
    """CPU time of a number of epochs, without what a training costs once."""
    settings = {"warmup": 0, "early_stopping": False, "module__hidden": hidden, **job}
    whole, part = (
        cpu_seconds(lambda epochs=epochs: ours(X, y, epochs, BATCH, **settings))
        for epochs in (long, short)
    )
    return whole - part


def bytes_per_sample(method: str) -> int:
    """Bytes of state for each training row, from what two sizes of training sets differ by."""
    X, y = datasets()["digits"]
    kept = []
    for n in (600, 1200):
        clf = NoisyLabelClassifier(method, max_epochs=2, warmup=1, device="cpu").fit(X[:n], y[:n])
        kept.append(sum(buffer.nbytes for buffer in clf.method_.buffers()))
    return round((kept[1] - kept[0]) / 600)


def memory_table() -> str:
    """Peak memory beside X of a process that fits 1M x 100, less one that only makes X."""
    peaks = {}
    for who in ("nobody", "ours", "ours, float64 X", "hand"):
        done = subprocess.run(
            [sys.executable, __file__, "--peak", who], capture_output=True, text=True, check=True
        )
        peaks[who] = float(done.stdout)
    base = peaks.pop("nobody")
    base64 = base + 1e6 * 100 * 4 / 2**20
    rows = [[who, f"{p - (base64 if '64' in who else base):.0f} MiB"] for who, p in peaks.items()]
    text = table(["", "extra peak"], rows)
    return "## Memory beside X, 1M x 100 float32, batch 128, one epoch\n\n" + text


def peak_of(who: str) -> float:
    kind = np.float64 if "64" in who else np.float32
    X = np.empty((1_000_000, 100), kind)
    rng = np.random.default_rng(0)
    for part in np.array_split(X, 100):
        part[:] = rng.standard_normal(part.shape)
    y = rng.integers(0, 5, len(X))
    torch.set_num_threads(1)
    # Each contender's libraries are warm, so that only the fit is counted.
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", default=None)
    parser.add_argument("--methods", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.peak:
        print(peak_of(args.peak))
        return
    rounds = 3 if args.quick else 5
    if args.methods:
        text = f"# Cost of methods\n\n{setting()}; medians of {rounds} rounds\n\n"
        text += method_table(rounds, args.only)
        print(text) if args.only else save("methods", text)
        return
    parts = {
        "fit": lambda: fit_table(rounds),
        "predict": lambda: predict_table(rounds),
        "memory": memory_table,
    }
    text = f"# Speed\n\n{setting()}; medians of {rounds} rounds\n\n"
    names = args.only or list(parts)
    text += "\n\n".join(parts[name]() for name in names)
    if args.quick or len(names) < len(parts):
        print(text)
    else:
        save("speed", text)


if __name__ == "__main__":
    main()
