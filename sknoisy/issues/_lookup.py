"""Labels and names of rows, found again after they were text in a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Lookup", "is_empty", "read_boolean"]

_YES = {"true", "1", "1.0", "yes", "y", "x"}
_NO = {"", "false", "0", "0.0", "no", "n"}


class Lookup:
    """Positions of values, also of values that were written to a CSV or JSON file and read again.

    A file turns the number 1 into the text "1", and the text "1" into the number 1, or 1.0 in a
    column with empty cells.

    Parameters
    ----------
    values : iterable
        Labels or names of rows.

    Attributes
    ----------
    repeated : list
        Values that are equal to an earlier one, at least as text.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self._positions: dict[str, int] = {}
        self.repeated: list[Any] = []
        for position, value in enumerate(values):
            if self._positions.setdefault(_text(value), position) != position:
                self.repeated.append(value)

    def find(self, value: Any) -> int | None:
        """Return the position of a value, or None."""
        text = _text(value)
        if text not in self._positions:
            text = text.strip()
        return self._positions.get(text, self._positions.get(_text_of_number(text)))


def is_empty(value: Any) -> bool:
    """Tell whether a cell holds nothing: None, NaN, NA or white space."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def read_boolean(cell: Any) -> bool | None:
    """Read true or false from the cell of a file; an empty cell is false, None: it is neither."""
    text = "" if is_empty(cell) else str(cell).strip().lower()
    return True if text in _YES else False if text in _NO else None


def _text(value: Any) -> str:
    """Write a value as text; integers alike in all types, and times of midnight as dates."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).removesuffix(" 00:00:00")


def _text_of_number(text: str) -> str:
    """Write a number that is a text in another way, such as "1.0", as numbers are written."""
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        return _text(float(text))
    except (ValueError, OverflowError):
        return text.removesuffix(" 00:00:00")
