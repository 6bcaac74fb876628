import os

# scipy reads it when it is first imported; without it scikit-learn skips a check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs


def pytest_configure(config):
    # The test processes share the cores: more threads would only wait for each other.
    torch.set_num_threads(1)
    # Torch warns once in a process, which would hide a warning from all tests but one.
    torch.set_warn_always(True)


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _with_wrong_labels(y, share):
    rng = np.random.default_rng(0)
    return np.where(rng.random(len(y)) < share, rng.permutation(y), y)


@pytest.fixture
def table():
    """Three classes of 4 columns in float32, with a fifth of the labels shuffled."""
    X, y = make_blobs(120, n_features=4, centers=3, cluster_std=2.0, random_state=0)
    return X.astype(np.float32), _with_wrong_labels(y, 0.2)


@pytest.fixture
def images():
    """Two classes of 8 x 8 images, told apart by which half is bright."""
    rng = np.random.default_rng(0)
    y = np.arange(48) % 2
    X = rng.random((48, 1, 8, 8), dtype=np.float32)
    X[np.arange(48), 0, 4 * y] += 2
    return X, y
