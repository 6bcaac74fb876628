"""Kinds of columns."""

import numpy as np
import pandas as pd
import pytest

from sknoisy._audit.columns import kinds_of_columns, to_dates, to_numbers

N = 60
rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (rng.normal(size=N), "numbers"),
        (rng.integers(0, 2, N), "numbers"),
        (rng.random(N) > 0.5, "numbers"),
        ([None, *rng.normal(size=N - 1)], "numbers"),
        ([np.inf, *range(N - 1)], "numbers"),
        (pd.array([None, *range(N - 1)], dtype="Int64"), "numbers"),
        ([f"{v:.2f}" for v in rng.normal(size=N)], "numbers"),
        (["?", *map(str, range(1, N))], "numbers"),
        (pd.to_timedelta(rng.integers(0, 99, N), "h"), "numbers"),
        (pd.date_range("2020", periods=N), "dates"),
        (pd.period_range("2020-01", periods=N, freq="M"), "dates"),
        ([f"{d}.3.2021" for d in rng.integers(1, 28, N)], "dates"),
        ([f"2021-03-{d:02d}T10:00:00Z" for d in rng.integers(1, 28, N)], "dates"),
        ([f"{d} Mar 2021" for d in rng.integers(1, 28, N)], "dates"),
        (rng.choice(["x", "y"], N), "categories"),
        ([None, *rng.choice(["x", "y"], N - 1)], "categories"),
        (pd.Categorical(rng.choice(["1", "2"], N)), "categories"),
        (rng.choice(["2-1", "3-1", "A.B"], N), "categories"),
        ([f"a text number {i} of many" for i in range(N)], "texts"),
        ([f"key{i}" for i in range(N)], "left out: nearly each row has another word"),
        (np.arange(N), "left out: it numbers the rows"),
        (np.arange(N)[::-1] * 2.0, "left out: it numbers the rows"),
        (np.ones(N), "left out: all cells are alike"),
        ([None] * N, "left out: all cells are alike"),
        ([[1]] * N, "left out: its cells are lists"),
    ],
)
def test_kind_of_a_column(cells, kind):
    [found] = kinds_of_columns(pd.DataFrame({"c": cells})).values()
    assert found.startswith(kind)


def test_cells_that_cannot_be_read_are_missing():
    numbers = to_numbers(pd.Series(["1", " 2.5 ", "x", None, "inf"]))
    np.testing.assert_array_equal(numbers, [1, 2.5, np.nan, np.nan, np.nan])
    dates = to_dates(pd.Series(["2021-03-04", "4 Mar 2021 06:00", "never", None]))
    assert dates.dt.hour.tolist()[:2] == [0, 6]
    assert dates.isna().tolist() == [False, False, True, True]
    assert dates[0] == pd.Timestamp("2021-03-04", tz="UTC")
