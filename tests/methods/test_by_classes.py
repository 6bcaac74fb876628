import pytest
import torch

from sknoisy.methods._by_classes import by_classes


@pytest.mark.parametrize(
    ("n_classes", "expected"), [(2, 3.0), (10, 3.0), (1000**0.5, 6.0), (100, 12.0), (5000, 12.0)]
)
def test_default_is_interpolated_between_ten_and_a_hundred_classes(n_classes, expected):
    assert by_classes("auto", n_classes, 3.0, 12.0) == pytest.approx(expected)


def test_given_values_are_kept():
    values = torch.tensor([1.0, 2.0])
    assert by_classes(values, 10, 3.0, 12.0) is values
    assert by_classes(0.5, 10, 3.0, 12.0) == 0.5
