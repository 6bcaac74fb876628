"""Data sets with noisy labels for the benchmarks: real noise, or synthetic where there is none.

Sets that do not ship with scikit-learn are read from the folder named by ``SKNOISY_DATA``.
"""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.preprocessing import OneHotEncoder

MAX_TRAIN, MAX_TEST = 2000, 2000

SHIPPED = ("digits", "breast_cancer", "wine")
UCI = ("banana", "diabetes", "german", "heart", "image", "splice", "twonorm", "waveform")
TABULAR = (
    "adult", "dry_bean", "kr_vs_kp", "magic", "optdigits", "page_blocks", "phoneme", "satimage",
    "spambase", "vehicle", "waveform_40",
)  # fmt: skip
REAL = {
    "music_genre": ("worker",),
    "cifar10_features": ("aggre", "rand1", "worst"),
    "fashion_mnist": ("feature_dependent_35", "class_dependent_35", "fdiv_uniform_low"),
}
MADE = ("none", "sym .2", "sym .4", "sym .6", "pair .3", "asym", "instance .3")
KINDS = (*MADE, *(kind for kinds in REAL.values() for kind in kinds))
_REAL_TRAIN = {"music_genre": 700, "cifar10_features": 10000, "fashion_mnist": MAX_TRAIN}


class Cell(NamedTuple):
    """One training set with noisy labels, and a clean test set."""

    X: np.ndarray
    y: np.ndarray
    clean: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def home() -> Path | None:
    """The folder of the data, or None."""
    folder = os.environ.get("SKNOISY_DATA")
    return Path(folder) if folder else None


def noises(name: str) -> tuple[str, ...]:
    """The kinds of noise a data set is tried with; of "sym .6" two classes would keep nothing."""
    if name in REAL:
        return ("none", *REAL[name])
    binary = len(np.unique(_table(name)[1])) == 2
    return tuple(n for n in MADE if not (binary and n in ("sym .6", "pair .3")))


def load(name: str, noise: str, seed: int) -> Cell:
    """A cell of the benchmark; the split and the noisy labels follow the seed."""
    rng = np.random.default_rng([seed, zlib.crc32(f"{name}/{noise}".encode())])
    if name in REAL:
        return _real(name, noise, seed, rng)
    kind, _, rate = noise.partition(" ")
    return _synthetic(name, partial(NOISE[kind], rate=float(rate or 0), rng=rng), seed)


def code(name: str, noise: str) -> tuple[Callable[..., object], ...]:
    """What the data of a cell depends on, for its fingerprint: not the list of all sets."""
    return (_real,) if name in REAL else (_synthetic, NOISE[noise.partition(" ")[0]])


def _synthetic(name: str, corrupted: Callable[..., np.ndarray], seed: int) -> Cell:
    X, y, groups = _table(name)
    train, test = _split(X, y, groups, seed)
    train, test = train[:MAX_TRAIN], test[:MAX_TEST]
    return Cell(X[train], corrupted(X[train], y[train]), y[train], X[test], y[test])


# Rates are fractions of labels that differ from the true ones.
def _no_noise(X: np.ndarray, y: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    return y.copy()


def _symmetric(X: np.ndarray, y: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Every other class is equally likely."""
    k = int(y.max()) + 1
    transition = (1 - rate) * np.eye(k) + rate / (k - 1) * (1 - np.eye(k))
    return _draw(transition[y], rng)


def _pair(X: np.ndarray, y: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Each class turns into the next."""
    k = int(y.max()) + 1
    transition = (1 - rate) * np.eye(k) + rate * np.roll(np.eye(k), 1, axis=1)
    return _draw(transition[y], rng)


def _asymmetric(X: np.ndarray, y: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Of two classes, class 1 turns into 0 at .3 and 0 into 1 at .1; of more, each second at .4."""
    k = int(y.max()) + 1
    transition = np.eye(k)
    if k == 2:
        transition = np.array([[0.9, 0.1], [0.3, 0.7]])
    else:
        flipped = np.arange(k) % 2 == 0
        to = np.roll(np.eye(k), 1, axis=1)
        transition[flipped] = 0.6 * np.eye(k)[flipped] + 0.4 * to[flipped]
    return _draw(transition[y], rng)


def _draw(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (rng.random((len(p), 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1)


def _instance_dependent(
    X: np.ndarray, y: np.ndarray, rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Part-dependent noise (Xia et al. 2020): the class a sample turns into depends on X."""
    k = int(y.max()) + 1
    spread = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    Z /= np.linalg.norm(Z, axis=1, keepdims=True) + 1e-12
    W = rng.normal(size=(k, X.shape[1], k)) * np.sqrt(X.shape[1])
    scores = np.einsum("ij,ijk->ik", Z, W[y])
    scores[np.arange(len(y)), y] = -np.inf
    flip = np.clip(rng.normal(rate, 0.1, len(y)), 0, 1)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p *= (flip / p.sum(axis=1))[:, None]
    p[np.arange(len(y)), y] = 1 - flip
    return _draw(p, rng)


NOISE: dict[str, Callable[..., np.ndarray]] = {
    "none": _no_noise,
    "sym": _symmetric,
    "pair": _pair,
    "asym": _asymmetric,
    "instance": _instance_dependent,
}


def _split(
    X: np.ndarray, y: np.ndarray, groups: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if groups is not None:
        halves = GroupShuffleSplit(1, test_size=0.5, random_state=seed)
        train, test = next(halves.split(X, y, groups))
        rng = np.random.default_rng(seed)
        return rng.permutation(train), rng.permutation(test)
    return train_test_split(np.arange(len(y)), test_size=0.5, stratify=y, random_state=seed)


@lru_cache
def _table(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """X as float32, encoded labels, and groups of equal rows where they are many."""
    if name in SHIPPED:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return X.astype(np.float32), y, None
    import pandas as pd

    folder = home()
    if folder is None:
        raise FileNotFoundError("set SKNOISY_DATA")
    names = [f"adult_{half}" for half in ("train", "test")] if name == "adult" else [name]
    folders = (folder / "uci_binary", folder / "tabular")
    files = [path for n in names for f in folders if (path := f / f"{n}.csv.gz").exists()]
    frame = pd.concat([pd.read_csv(f) for f in files], ignore_index=True)
    target = frame.pop("target").astype(str).str.strip(" .")
    words = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c]) or name == "splice"]
    numbers = frame.drop(columns=words).to_numpy(float)
    parts = [numbers]
    if words:
        encoder = OneHotEncoder(drop="if_binary", min_frequency=20, sparse_output=False)
        parts.append(encoder.fit_transform(frame[words].astype(str)))
    X = np.hstack(parts).astype(np.float32)
    y = np.unique(target, return_inverse=True)[1]
    groups = np.unique(X, axis=0, return_inverse=True)[1] if name == "splice" else None
    return X, y, groups


def _real(name: str, noise: str, seed: int, rng: np.random.Generator) -> Cell:
    folder = home()
    if folder is None:
        raise FileNotFoundError("set SKNOISY_DATA")
    X, clean, X_test, y_test, given = real_arrays(name, folder)
    if noise == "none":
        y = clean
    elif noise == "worker":
        answers = given["answers"]
        pick = np.where(answers >= 0, rng.random(answers.shape), -1).argmax(axis=1)
        y = answers[np.arange(len(clean)), pick].astype(int)
    else:
        y = given[noise].astype(int)
    rows = np.random.default_rng(seed).permutation(len(X))[: _REAL_TRAIN[name]]
    return Cell(X[rows], y[rows], clean[rows], X_test, y_test)


def _halved(images: np.ndarray) -> np.ndarray:
    """Average two by two pixels, so that networks take a quarter of the time."""
    n, height, width = images.shape
    return images.reshape(n, 1, height // 2, 2, width // 2, 2).mean((3, 5), dtype=np.float32)


@lru_cache
def real_arrays(name: str, folder: Path) -> tuple:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "music_genre":
            d = np.load(folder / name / "music_genre.npz")
            given = {"answers": d["answers"]}
            X, X_test = d["X_train"], d["X_test"]
        elif name == "cifar10_features":
            d = np.load(folder / name / "cifar10_features.npz")
            labels = np.load(folder / "cifar10" / "labels.npz")
            given = {n: labels[f"cifar10n_{n}"] for n in ("aggre", "rand1", "worst")}
            X, X_test = d["X_train"].astype(np.float32), d["X_test"].astype(np.float32)
            d = labels
        else:
            d = np.load(folder / name / "fashion_12k_5k.npz")
            given = {n: d[f"noisy_{n}"] for n in REAL[name]}
            X, X_test = (_halved(d[part]) for part in ("X_train", "X_test"))
    return X, d["y_train"].astype(int), X_test, d["y_test"].astype(int), given
