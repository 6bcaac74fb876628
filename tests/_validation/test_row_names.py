"""The index of a data frame comes back from its parts."""

import pytest

from sknoisy._validation.row_names import index_of, parts_of_index

pd = pytest.importorskip("pandas")

INDEXES = {
    "range": pd.RangeIndex(2, 10, 3, name="a"),
    "int": pd.Index([3, 1, 2]),
    "float": pd.Index([0.5, float("nan")], name=("a", 1)),
    "text": pd.Index(["a", "b"], dtype="str"),
    "string": pd.Index(["a", "b"], dtype="string"),
    "objects": pd.Index(["a", 1, None], dtype=object),
    "dates": pd.DatetimeIndex(["2020-01-01", "2020-03-01"], name="day"),
    "spans": pd.to_timedelta([1, 7], unit="s"),
    "levels": pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_index_comes_back(index):
    back = index_of(parts_of_index(index))
    pd.testing.assert_index_equal(back, index, exact=True)
    assert list(back.names) == list(index.names)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        pd.Series([1, 2]),
        pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
        pd.CategoricalIndex(["a", "b"]),
        pd.period_range("2020-01", periods=3, freq="M"),
        pd.MultiIndex.from_arrays([pd.CategoricalIndex(["a", "b"]), [1, 2]]),
    ],
)
def test_others_have_no_parts(value):
    assert parts_of_index(value) is None


def test_other_kinds_are_refused():
    with pytest.raises(ValueError, match="Sparse"):
        index_of(["Sparse[int]", [None], [1, 2]])
