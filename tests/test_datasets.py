"""Data for experiments with wrong labels."""

import pytest
from numpy.testing import assert_array_equal

from sknoisy.datasets import make_noisy_classification


@pytest.mark.parametrize("kind", ["symmetric", "part_dependent"])
def test_made_data(kind):
    params = {"n_classes": 3, "n_informative": 6, "random_state": 0, "kind": kind}
    data, again = (make_noisy_classification(900, noise=0.4, **params) for _ in range(2))
    for name in ("X", "y", "X_test", "y_test"):
        assert_array_equal(data[name], again[name])
    assert len(data.X) == len(data.y) == len(data.manifest.y) == 450
    assert 0.3 < data.manifest.rate == (data.y != data.manifest.y).mean() < 0.5
    clean = make_noisy_classification(900, noise=0.0, **params)
    assert_array_equal(clean.y_test, data.y_test)
    assert_array_equal(clean.y, data.manifest.y)
