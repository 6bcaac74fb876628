"""Groups of samples: which are accepted, and how they are numbered."""

import numpy as np
import pandas as pd
import pytest
import torch

from sknoisy._validation.groups import check_groups

NAMES = ["b", "a", "b", "c"]
ACCEPTED = {
    "list": NAMES,
    "strings": np.array(NAMES),
    "objects": np.array(NAMES, dtype=object),
    "series": pd.Series(NAMES, index=[7, 7, 1, 0]),
    "categories": pd.Categorical(NAMES),
    "numbers": [7, 3, 7, 9],
    "negative": [-1.5, -3, -1.5, 0],
    "tensor": torch.tensor([7, 3, 7, 9]),
    "nullable": pd.Series([7, 3, 7, 9], dtype="Int64"),
    "dates": np.array(["2026-01-02", "2026-01-01", "2026-01-02", "2026-01-03"], "datetime64[D]"),
}


@pytest.mark.parametrize("groups", ACCEPTED.values(), ids=ACCEPTED)
def test_groups_are_numbered_by_their_first_appearance(groups):
    np.testing.assert_array_equal(check_groups(groups, 4), [0, 1, 0, 2])


@pytest.mark.parametrize("groups", [None, [3, 1, 2, 0], list("dcba")], ids=str)
def test_groups_of_single_samples_are_none(groups):
    assert check_groups(groups, 4) is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([0, 1, 1], r"'groups' parameter must be an array-like of shape \(4,\), .* shape \(3,\)"),
        (np.zeros((4, 2)), r"of shape \(4, 2\)"),
        ("abcd", r"of shape \(\)"),
        ([[0], [0, 1], [2], [3]], r"of shape \(4, '\?'\)"),
        ([0, np.nan, 1, 1], "Input groups contains NaN"),
        (["a", None, "b", "b"], "Input groups contains None"),
        (pd.Series([1, None, 2, 2], dtype="Int64"), "groups contains NaN"),
        (np.array(["2026-01-02", "NaT"] * 2, "datetime64[D]"), "Input groups contains NaT"),
        ([1, "a", 2, 2], "groups must all hold numbers or all strings"),
    ],
)
def test_other_groups_are_refused(groups, message):
    groups = np.array(groups, dtype=object) if message.endswith("strings") else groups
    with pytest.raises(ValueError, match=message):
        check_groups(groups, 4)
