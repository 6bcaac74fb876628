"""Reading of a CSV file: features, labels, groups and trusted rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sknoisy._validation.constraints import did_you_mean
from sknoisy.issues._lookup import is_empty, read_boolean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "read_columns"]


class Columns(NamedTuple):
    """The parts of a CSV file.

    Attributes
    ----------
    X : DataFrame
        All columns but those of the labels, groups and trusted rows.
    y : Series
        The labels as text; None where they are missing.
    groups : Series or None
    trusted : ndarray of bool or None
    """

    X: pd.DataFrame
    y: pd.Series
    groups: pd.Series | None
    trusted: np.ndarray | None


def read_columns(
    path: Path,
    label: str,
    groups: str | None = None,
    trusted: str | None = None,
    sep: str = ",",
    encoding: str = "utf-8",
) -> Columns:
    """Read a CSV file and take it apart.

    Parameters
    ----------
    path : Path
    label, groups, trusted : str
        Names of columns.
    sep : str, default=","
    encoding : str, default="utf-8"

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        If a column is missing or the file cannot be read as a CSV file.
    """
    import pandas as pd

    special = [name for name in (label, groups, trusted) if name is not None]
    # A label "NA" or "None" is a label.
    as_text = dict.fromkeys(special, str)
    sep = {"tab": "\t", "\\t": "\t"}.get(sep, sep)
    try:
        header = pd.read_csv(path, sep=sep, encoding=encoding, nrows=0).columns
        _check_names(special, header, path, sep)
        words = {name: [""] if name in as_text else sorted(_MISSING) for name in header}
        frame = pd.read_csv(
            path,
            sep=sep,
            encoding=encoding,
            dtype=as_text,
            keep_default_na=False,
            na_values=words,
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        hint = " Pass --encoding, such as latin-1." if isinstance(error, UnicodeError) else ""
        raise ValueError(f"{str(path)!r} cannot be read as a CSV file: {error}.{hint}") from error
    if frame.empty:
        raise ValueError(f"{str(path)!r} has no rows.")
    y = frame[label].astype(object)
    y = y.where(y.map(lambda cell: not is_empty(cell)), None)
    return Columns(
        frame.drop(columns=special),
        y,
        None if groups is None else frame[groups].fillna("").astype(str),
        None if trusted is None else _read_mask(frame[trusted].tolist(), trusted),
    )


# What pandas takes for missing by default, and the question mark.
_MISSING = {
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
}  # fmt: skip


def _check_names(names: list[str], header: Any, path: Path, sep: str) -> None:
    known = header.tolist()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            if len(known) == 1 and not hint:
                hint = f" There is only one column; pass --sep if {sep!r} does not separate them."
            raise ValueError(f"{str(path)!r} has no column {name!r}, but {known}.{hint}")
    if len(set(names)) < len(names):
        raise ValueError(f"Labels, groups and trusted rows must be different columns. Got {names}.")


def _read_mask(cells: list[Any], name: str) -> np.ndarray:
    marks = [read_boolean(cell) for cell in cells]
    if None in marks:
        wrong = cells[marks.index(None)]
        raise ValueError(f"The column {name!r} must hold true or false. Got {wrong!r} instead.")
    return np.array(marks, dtype=bool)
