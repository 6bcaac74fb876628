"""Labels are checked and encoded together."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknoisy._validation.labels import encode_together


def test_arrays_are_encoded_by_the_classes_of_all():
    classes, (first, second) = encode_together(first=["b", "a"], second=["c", "a", "b"])
    assert_array_equal(classes, ["a", "b", "c"])
    assert_array_equal(first, [1, 0])
    assert_array_equal(second, [2, 0, 1])
    assert first.dtype == second.dtype == np.int64


def test_given_classes_may_include_more_than_the_labels():
    classes, (codes,) = encode_together([0, 2, 5], y=[5, 0])
    assert_array_equal(classes, [0, 2, 5])
    assert_array_equal(codes, [2, 0])


def test_labels_of_different_dtypes_are_encoded_by_value():
    _, (numbers, flags) = encode_together(numbers=np.array([0.0, 1.0]), flags=[True, False])
    assert_array_equal(numbers, [0, 1])
    assert_array_equal(flags, [1, 0])
    category = pd.Series(["a", "b"], dtype="category")
    _, (codes, other) = encode_together(y=category, other=np.array(["b", "b"]))
    assert_array_equal(codes, [0, 1])
    assert_array_equal(other, [1, 1])


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        (None, {"y": []}, "y must contain at least one label. Got an empty array"),
        (None, {"y": [0], "y_pred": ["a"]}, "y and y_pred must all hold numbers or all strings"),
        (None, {"y": [0], "y_pred": [np.nan]}, "Input y_pred contains NaN"),
        ([1, 0], {"y": [0]}, r"classes must be sorted and different. Got \[1, 0\]"),
        ([0, 1], {"y": [0], "y_pred": [2]}, r"that can be in y_pred; got \[2\] beside \[0, 1\]"),
        (["a", "b"], {"y": [0]}, "y and classes must all hold numbers or all strings"),
    ],
)
def test_bad_labels_are_refused_by_name(classes, labels, message):
    with pytest.raises(ValueError, match=message):
        encode_together(classes, **labels)
