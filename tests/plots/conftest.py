import pytest
from sklearn.datasets import load_digits

from sknoisy import NoisyLabelClassifier
from sknoisy.noise import corrupt_labels
from tests.plots.helpers import NAMES, plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="package")
def fitted():
    """Samples with clean and noisy labels of three classes, and a classifier fitted to them."""
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 3], NAMES[y[y < 3]]
    noisy = corrupt_labels(y, 0.3, kind="pair", random_state=0)
    return X, y, noisy, NoisyLabelClassifier(max_epochs=10, random_state=0).fit(X, noisy)
