"""Data sets with noisy labels."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsClassifier

from sknoisy.datasets import make_noisy_classification


@pytest.mark.parametrize("kind", ["symmetric", "part_dependent"])
def test_data_are_reproducible_and_have_the_noise_requested(kind):
    params = {"n_classes": 3, "n_informative": 6, "random_state": 0, "kind": kind}
    data, again = (make_noisy_classification(900, noise=0.4, **params) for _ in range(2))
    for name in ("X", "y", "X_test", "y_test"):
        assert_array_equal(data[name], again[name])
    assert len(data.X) == len(data.y) == len(data.manifest.y) == 450
    assert 0.3 < data.manifest.rate == (data.y != data.manifest.y).mean() < 0.5
    clean = make_noisy_classification(900, noise=0.0, **params)
    assert_array_equal(clean.y_test, data.y_test)
    assert_array_equal(clean.y, data.manifest.y)


def test_parameters_are_passed_on():
    data = make_noisy_classification(
        400, noise=0.25, exact=True, test_size=100, weights=[0.8], n_features=7, n_informative=4,
        class_sep=30.0, random_state=1,
    )  # fmt: skip
    assert data.X.shape == (300, 7)
    assert data.X_test.shape == (100, 7)
    # The noise is exact in each class, and the separated classes have no other noise.
    y = data.manifest.y
    counts = np.bincount(y)
    assert_array_equal(np.bincount(y, data.manifest.flipped), counts // 4)
    assert_allclose(counts / 300, np.bincount(data.y_test) / 100, atol=0.01)
    assert counts[0] > 220
    assert KNeighborsClassifier(1).fit(data.X, y).score(data.X_test, data.y_test) == 1
