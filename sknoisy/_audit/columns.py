"""What the columns of a table are: numbers, dates, categories or texts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sknoisy._validation.frames import is_temporal

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "kinds_of_columns", "to_dates", "to_numbers"]

KINDS = ("numbers", "dates", "categories", "texts", "left out")

# A column of texts is taken for numbers or dates if this fraction of its cells can be read so.
_MIN_READABLE = 0.95
# Cells that are tried, evenly spread over the column.
_N_TRIED = 500
# A text that occurs in this many rows on average, or is one of so few, is a category.
_MIN_REPEATS, _MAX_FEW = 10, 50
# From this fraction of distinct texts without spaces on, a column is taken for names or keys.
_MIN_DISTINCT, _MIN_ROWS_OF_KEYS = 0.9, 20
# Anything shorter than "1.1.99" is no date, and a date has a separator or a month.
_DATE_PATTERN = r"(?i)\d.*[-/.: ].*\d|\d.*(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_MIN_LENGTH_OF_DATE = 6
_NESTED = (list, dict, set, np.ndarray)


def kinds_of_columns(X: pd.DataFrame) -> dict[Any, str]:
    """Return the kind of each column: one of KINDS, followed by a reason if it is left out.

    Parameters
    ----------
    X : DataFrame

    Returns
    -------
    dict of str to str
    """
    return {name: _kind(X[name]) for name in X.columns}


def to_numbers(column: pd.Series) -> pd.Series:
    """Read the cells of a column as numbers; what is none, or infinite, is missing."""
    import pandas as pd

    if getattr(column.dtype, "kind", "") == "m":
        column = column.dt.total_seconds()
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def to_dates(column: pd.Series) -> pd.Series:
    """Read the cells of a column as dates in UTC; what is none is missing."""
    import pandas as pd

    if str(column.dtype).startswith("period"):
        column = column.dt.to_timestamp()
    with warnings.catch_warnings():
        # pandas advises to name a format.
        warnings.simplefilter("ignore")
        distinct = pd.Series(column.unique())
        dates = pd.to_datetime(distinct, errors="coerce", format="mixed", utc=True)
    mapped = column.map(dict(zip(distinct, dates, strict=True)))
    # Without a single date, the column has no time zone yet.
    return pd.to_datetime(mapped, utc=True).astype("datetime64[ns, UTC]")


def _kind(column: pd.Series) -> str:
    import pandas as pd

    is_nested = column.dtype == object and column.map(lambda cell: isinstance(cell, _NESTED)).any()
    if is_nested:
        return "left out: its cells are lists or other objects"
    if column.nunique(dropna=False) <= 1:
        return "left out: all cells are alike"
    if pd.api.types.is_numeric_dtype(column) and column.dtype.kind != "c":
        return "left out: it numbers the rows" if _numbers_rows(column) else "numbers"
    dtype = column.dtype
    if str(dtype).startswith("interval") or isinstance(dtype, pd.CategoricalDtype):
        return "categories"
    if getattr(dtype, "kind", "") == "m":
        return "numbers"
    return "dates" if is_temporal(dtype) else _kind_of_texts(column.dropna().astype(str))


def _numbers_rows(column: pd.Series) -> bool:
    """Tell whether a column of integers increases, or decreases, in each row."""
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if len(values) < _MIN_ROWS_OF_KEYS or not np.isfinite(values).all():
        return False
    steps = np.diff(values)
    return bool((values % 1 == 0).all() and ((steps > 0).all() or (steps < 0).all()))


def _kind_of_texts(texts: pd.Series) -> str:
    tried = texts.iloc[np.unique(np.linspace(0, len(texts) - 1, _N_TRIED).astype(int))]
    if to_numbers(tried).notna().mean() >= _MIN_READABLE:
        return "numbers"
    looks_like_date = tried.str.contains(_DATE_PATTERN) & (tried.str.len() >= _MIN_LENGTH_OF_DATE)
    if looks_like_date.mean() >= _MIN_READABLE and to_dates(tried).notna().mean() >= _MIN_READABLE:
        return "dates"
    n_distinct = texts.nunique()
    has_space = texts.str.contains(r"\s").mean() > 0.5
    if n_distinct >= max(_MIN_DISTINCT * len(texts), _MIN_ROWS_OF_KEYS) and not has_space:
        return "left out: nearly each row has another word, as in a column of names or keys"
    if n_distinct <= max(_MAX_FEW, len(texts) / _MIN_REPEATS):
        return "categories"
    return "texts"
