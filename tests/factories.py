"""Short classifiers, noisy data and small networks that several test files need."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_digits, make_blobs
from torch import nn

from sknoisy import METHODS, NoisyLabelClassifier
from sknoisy.methods import ClassLoss
from sknoisy.noise import corrupt_labels

__all__ = [
    "SKLEARN",
    "Branching",
    "NormedMLP",
    "every_method",
    "mostly_slow",
    "noisy_blobs",
    "noisy_digits",
    "short",
    "small_images",
]

SKLEARN = tuple(map(int, sklearn.__version__.split(".")[:2]))


# They differ from "ce" in one function only, which has tests of its own.
_LOSSES = {name for name, kind in METHODS.items() if issubclass(kind, ClassLoss)} - {"gce"}


def mostly_slow(cases, fast=("ce", "elr", "bagging")):
    """Mark the cases of a parametrised test as slow, but for those with the given names.

    Methods that are only a loss are marked as long: what they share is tested with "ce" and "gce".
    """
    cases = cases if isinstance(cases, dict) else dict(zip(cases, cases, strict=True))
    return [pytest.param(case, id=name, marks=_marks(name, fast)) for name, case in cases.items()]


def _marks(name, fast):
    if name in fast:
        return ()
    return pytest.mark.long if name in _LOSSES else pytest.mark.slow


every_method = pytest.mark.parametrize("method", mostly_slow(list(METHODS)))


def short(method="ce", **params):
    """Make a classifier that trains for a few epochs, always with the same seed."""
    defaults = {"max_epochs": 4, "batch_size": 32, "lr": 0.01, "random_state": 0}
    return NoisyLabelClassifier(method, **{**defaults, **params})


def noisy_blobs(n_samples=120, n_features=4, n_classes=3, noise_rate=0.1, cluster_std=2.0):
    """Make a table of overlapping classes in float32, and its noisy labels."""
    X, y = make_blobs(
        n_samples, n_features, centers=n_classes, cluster_std=cluster_std, random_state=0
    )
    return X.astype(np.float32), corrupt_labels(y, noise_rate, random_state=0)


def noisy_digits(n_samples=None, noise_rate=0.3):
    """Return the first samples of the digits, and noisy labels; ``noise_rate=0``: clean labels."""
    X, y = load_digits(return_X_y=True)
    return X[:n_samples], corrupt_labels(y[:n_samples], noise_rate, random_state=0)


def small_images(n_samples=48, n_channels=1):
    """Make 8 x 8 images of two classes: which half is bright."""
    rng = np.random.default_rng(0)
    y = np.arange(n_samples) % 2
    X = rng.random((n_samples, n_channels, 8, 8), dtype=np.float32)
    X[np.arange(n_samples), 0, 4 * y] += 2
    return X, y


class NormedMLP(nn.Sequential):
    """A network whose training draws random numbers and moves batch statistics."""

    def __init__(self, n_in, n_out, width=16):
        super().__init__(
            nn.Linear(n_in, width),
            nn.BatchNorm1d(width),
            nn.Dropout(0.5),
            nn.ReLU(),
            nn.Linear(width, n_out),
        )


class Branching(nn.Module):
    """A network whose operations depend on its input, so that vmap cannot follow it."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, x):
        logits = self.linear(x)
        return logits if logits.sum() > 0 else 2 * logits
