"""Advice on tables that are not all numbers, by the names of their columns."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from sknoisy._validation.frames import is_temporal
from sknoisy._validation.missing_labels import is_missing

__all__ = ["explain_table", "name_columns"]

_TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
# At most as many columns are named.
_MAX_NAMES = 10
# With more distinct texts than this, and a tenth of the rows, a column is hardly one of categories.
_MAX_CATEGORIES = 50


@dataclass
class _Problems:
    """Names of the columns that are not all numbers, by what their cells are.

    Of missing cells the number is known, of other cells their type.
    """

    text: list[Any] = field(default_factory=list)
    distinct_text: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)
    infinite: list[Any] = field(default_factory=list)
    missing: dict[Any, int] = field(default_factory=dict)
    others: dict[Any, str] = field(default_factory=dict)


def explain_table(X: Any, estimator: str) -> str:
    """Say which columns of a table are not all numbers, and what to put in front of a classifier.

    Parameters
    ----------
    X : array-like or data frame
        The table that was refused.
    estimator : str
        Class name of the classifier.

    Returns
    -------
    str
        Sentences; empty if all columns are numbers.
    """
    problems = _find_problems(X)
    sentences = []
    if problems.text:
        sentences.append(f"X has text in {name_columns(problems.text)}.")
    if problems.distinct_text:
        sentences.append(
            f"Few texts repeat in {name_columns(problems.distinct_text)}: make numbers of dates, "
            "use TfidfVectorizer for sentences, and leave out keys."
        )
    if problems.missing:
        counted = [f"{name!r} ({count})" for name, count in problems.missing.items()]
        sentences.append(f"X has missing values in {name_columns(counted, str)}.")
    if problems.infinite:
        sentences.append(f"X has infinity in {name_columns(problems.infinite)}.")
    if problems.times:
        sentences.append(
            f"X has columns of dates, times, periods or intervals, {problems.times}; make numbers "
            "of them."
        )
    for name, kind in problems.others.items():
        sentences.append(f"X has cells of type {kind} in {name_columns([name])}.")
    if problems.text or problems.missing:
        sentences.append(f"Put in front what helps: {_pipeline(problems, estimator)}.")
    return " ".join(sentences)


def name_columns(names: list[Any], show: Any = repr) -> str:
    """Name columns, but not more than a few: "columns 'a', 'b'"."""
    shown = ", ".join(show(name) for name in names[:_MAX_NAMES])
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"column{'s' if len(names) > 1 else ''} {shown}{more}"


def _pipeline(problems: _Problems, estimator: str) -> str:
    """Write a pipeline that encodes text and fills missing values."""
    steps = []
    if problems.text:
        names = repr(problems.text) if len(problems.text) <= _MAX_NAMES else "[...]"
        encoder = f"OneHotEncoder(handle_unknown='ignore'), {names}"
        steps.append(f"make_column_transformer(({encoder}), remainder='passthrough')")
    if problems.missing:
        steps.append("SimpleImputer()")
    return f"make_pipeline({', '.join([*steps, f'{estimator}()'])})"


def _find_problems(X: Any) -> _Problems:
    problems = _Problems()
    for name, dtype, cells in _iterate_columns(X):
        missing = is_missing(cells)
        cell = _first_without_number(cells[~missing])
        if is_temporal(dtype) or isinstance(cell, _TIMES):
            problems.times.append(name)
        elif isinstance(cell, (str, bytes)):
            problems.text.append(name)
            if len(set(map(str, cells.tolist()))) > max(_MAX_CATEGORIES, len(cells) / 10):
                problems.distinct_text.append(name)
        elif type(cell).__name__ in ("Period", "Interval"):
            problems.times.append(name)
        elif cell is not None:
            problems.others[name] = type(cell).__name__
        elif missing.any():
            problems.missing[name] = int(missing.sum())
        elif cells.dtype.kind == "f" and np.isinf(cells).any():
            problems.infinite.append(name)
    return problems


def _iterate_columns(X: Any) -> Iterator[tuple[Any, Any, np.ndarray]]:
    """Yield name (or position), dtype and cells of each column of a table."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        cells, dtypes = getattr(X, "iloc", X), list(X.dtypes)
        for i, name in enumerate(X.columns):
            yield name, dtypes[i], np.asarray(cells[:, i])
        return
    if sp.issparse(X) and X.ndim == 2:
        columns = sp.csc_array(X)
        for i, (start, stop) in enumerate(itertools.pairwise(columns.indptr)):
            yield i, columns.dtype, columns.data[start:stop]
        return
    try:
        array = np.asarray(X)
    except ValueError:  # rows of unequal lengths
        return
    if array.ndim == 2:
        for i, column in enumerate(array.T):
            yield i, array.dtype, column


def _first_without_number(cells: np.ndarray) -> Any:
    """Return the first cell that cannot become a number; None: all can."""
    if cells.dtype.kind in "biuf":
        return None
    for cell in cells.tolist():
        try:
            float(cell)
        except (TypeError, ValueError):
            return cell
    return None
