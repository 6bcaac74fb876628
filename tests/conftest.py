import os

# scipy reads it when it is first imported; without it scikit-learn skips a check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
import torch

from tests.factories import noisy_blobs, small_images

# A device is registered when these are imported, and cannot be taken back.
collect_ignore = ["pretended_device"]


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


@pytest.fixture
def table():
    """Noisy labels of a table with three classes and four columns in float32."""
    return noisy_blobs()


@pytest.fixture
def images():
    """Two classes of small images."""
    return small_images()


@pytest.fixture
def people():
    """A data frame with a column of strings, and labels of two classes."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 80, 90),
            "city": rng.choice(["Oslo", "Rome", "Lima"], 90),
            "income": rng.normal(30_000, 5_000, 90),
        }
    )
    return X, np.where((X["city"] == "Rome") | (X["age"] > 60), "yes", "no")
