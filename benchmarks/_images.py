"""Images with noisy labels for the benchmarks: Fashion-MNIST, and CIFAR-10 with CIFAR-10N.

They are read from the folder named by ``SKNOISY_DATA``. The pixels of CIFAR-10 are stored without
loss; once decoded they are kept in the folder ``raw``, which git ignores.
"""

from __future__ import annotations

import lzma
from functools import lru_cache
from pathlib import Path

import numpy as np
from _data import Cell, home

from sknoisy.noise import corrupt_labels

__all__ = ["CIFAR_NOISES", "FASHION_NOISES", "decode", "encode", "load_images"]

CIFAR_NOISES = ("symmetric_40", "asymmetric_40", "aggre", "rand1", "worst")
FASHION_NOISES = ("feature_dependent_35", "class_dependent_35")
# In papers, a symmetric rate counts labels that are drawn at random, a tenth of them as before.
_SYNTHETIC = {"symmetric_40": "symmetric_inclusive", "asymmetric_40": "asymmetric_cifar10"}
_FASHION = Path("fashion_mnist", "fashion_12k_5k.npz")
_RAW = Path(__file__).parent / "raw"
_TRAIN = ("train_00000_24999", "train_25000_49999")


def load_images(data: str, noise: str) -> Cell:
    """Images of shape (n_samples, channels, height, width) with noisy labels, and a test set."""
    folder = home()
    assert folder is not None
    X, clean, X_test, y_test = (_fashion if data == "fashion" else _cifar10)(folder)
    return Cell(X, _noisy(folder, data, noise, clean), clean, X_test, y_test)


def _noisy(folder: Path, data: str, noise: str, clean: np.ndarray) -> np.ndarray:
    if data == "fashion":
        return np.load(folder / _FASHION)[f"noisy_{noise}"].astype(int)
    if noise in _SYNTHETIC:
        return corrupt_labels(clean, 0.4, kind=_SYNTHETIC[noise], random_state=0)
    return np.load(folder / "cifar10" / "labels.npz")[f"cifar10n_{noise}"].astype(int)


@lru_cache
def _fashion(folder: Path) -> tuple[np.ndarray, ...]:
    """At half their resolution, so that a network takes a quarter of the time."""
    d = np.load(folder / _FASHION)
    X, X_test = (_halved(d[part]) for part in ("X_train", "X_test"))
    return X, d["y_train"].astype(int), X_test, d["y_test"].astype(int)


def _halved(images: np.ndarray) -> np.ndarray:
    n, height, width = images.shape
    means = images.reshape(n, 1, height // 2, 2, width // 2, 2).mean((3, 5), dtype=np.float32)
    return means.round().astype(np.uint8)


@lru_cache
def _cifar10(folder: Path) -> tuple[np.ndarray, ...]:
    labels = np.load(folder / "cifar10" / "labels.npz")
    X = np.concatenate([_pixels(folder / "cifar10", name) for name in _TRAIN])
    X_test = _pixels(folder / "cifar10", "test")
    return X, labels["y_train"].astype(int), X_test, labels["y_test"].astype(int)


def _pixels(folder: Path, name: str) -> np.ndarray:
    kept = _RAW / f"cifar10_{name}.npy"
    if not kept.exists():
        _RAW.mkdir(exist_ok=True)
        with lzma.open(folder / f"{name}.res.npy.xz") as file:
            images = decode(np.load(file))
        new = kept.with_suffix(".tmp.npy")
        np.save(new, images)
        new.replace(kept)
    return np.load(kept)


def decode(residuals: np.ndarray) -> np.ndarray:
    """Decode images from the residuals of a median edge predictor.

    Parameters
    ----------
    residuals : ndarray of uint8 of shape (n_samples, 3, height, width)
        Of the planes red - green + 128, green, and blue - green + 128, modulo 256.
    """
    # Pixels first, so that each step of the loop reads memory in order.
    planes = np.ascontiguousarray(residuals.transpose(2, 3, 0, 1))
    for i, row in enumerate(planes):
        for j in range(len(row)):
            row[j] += _predicted(planes, i, j)
    difference_r, green, difference_b = planes.transpose(3, 2, 0, 1)
    # Bytes wrap around.
    return np.stack([difference_r + green - 128, green, difference_b + green - 128], axis=1)


def encode(images: np.ndarray) -> np.ndarray:
    """Return the residuals from which :func:`decode` restores images."""
    r, g, b = images.transpose(1, 0, 2, 3)
    planes = np.stack([r - g + 128, g, b - g + 128]).transpose(2, 3, 1, 0)
    residuals = planes.copy()
    for i, row in enumerate(residuals):
        for j in range(len(row)):
            row[j] -= _predicted(planes, i, j)
    return np.ascontiguousarray(residuals.transpose(2, 3, 0, 1))


def _predicted(planes: np.ndarray, i: int, j: int) -> np.ndarray | int:
    """Predict pixels from the pixels to the left and above."""
    if i == 0 or j == 0:
        return planes[0, j - 1] if j else (planes[i - 1, 0] if i else np.uint8(0))
    left, up, corner = planes[i, j - 1], planes[i - 1, j], planes[i - 1, j - 1]
    low, high = np.minimum(left, up), np.maximum(left, up)
    # The difference is in the range of bytes where it is used.
    inside = left + up - corner
    return np.where(corner >= high, low, np.where(corner <= low, high, inside))
