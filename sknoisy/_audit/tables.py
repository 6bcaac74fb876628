"""Tables of the report: transition matrix, suspects, contradicting rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from sknoisy._audit.texts import percent, shortened
from sknoisy.issues._lookup import is_empty

__all__ = ["sortable_table", "table", "transition_table"]

_MAX_CLASSES, _MAX_PAIRS = 25, 30
_MAX_LENGTH = 200
# Longer texts get a wide column.
_WIDE = 24


def cell(value: Any) -> str:
    """Write the text of a cell, escaped; a long text can be opened."""
    if is_empty(value):
        return ""
    if isinstance(value, (float, np.floating)):
        return escape(f"{value:.6g}")
    text = str(value)
    if len(text) <= _MAX_LENGTH:
        return escape(text)
    short = escape(shortened(text, _MAX_LENGTH // 2))
    return f"<details><summary>{short}</summary>{escape(text)}</details>"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write a table of texts and numbers.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequences

    Returns
    -------
    str
    """
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        f"<tr>{''.join(f'<td{_width(c)}>{cell(c)}</td>' for c in row)}</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def sortable_table(
    header: Sequence[Any],
    rows: Sequence[Sequence[Any]],
    pictures: Sequence[str] | None = None,
    caption: str = "",
) -> str:
    """Write a table that is sorted by a click on the name of a column.

    Parameters
    ----------
    header : sequence
    rows : sequence of sequences
        Numbers are sorted as numbers.
    pictures : sequence of str, default=None
        Data URLs of a first column of pictures; an empty one is left out.
    caption : str, default=""

    Returns
    -------
    str
    """
    names = "".join(
        f'<th aria-sort="none"><button type="button">{escape(str(name))}</button></th>'
        for name in header
    )
    image = "" if pictures is None else "<th>image</th>"
    lines = []
    for i, row in enumerate(rows):
        first = "" if pictures is None else f"<td>{_picture(pictures[i], row[0])}</td>"
        cells = "".join(f"<td{_width(c)}{_sort_key(c)}>{cell(c)}</td>" for c in row)
        lines.append(f"<tr>{first}{cells}</tr>")
    return (
        f'<div class="scroll"><table class="sortable"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{image}{names}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def transition_table(names: list[Any], matrix: np.ndarray) -> str:
    """Write the transition matrix; of many classes, only the most frequent confusions.

    Parameters
    ----------
    names : list
    matrix : ndarray of shape (n_classes, n_classes)

    Returns
    -------
    str
    """
    if len(names) > _MAX_CLASSES:
        off = matrix - np.diag(np.diag(matrix))
        order = np.argsort(-off, axis=None, kind="stable")[:_MAX_PAIRS]
        pairs = zip(*np.unravel_index(order, off.shape), strict=True)
        rows = [[names[i], names[j], percent(off[i, j])] for i, j in pairs if off[i, j] > 0]
        return table(["true class", "given label", "probability"], rows)
    head = "".join(f'<th title="{escape(str(n))}">{escape(shortened(n, 12))}</th>' for n in names)
    body = "".join(
        f'<tr><th scope="row" title="{escape(str(name))}">{escape(shortened(name, 18))}</th>'
        + "".join(_shaded(value, i == j) for j, value in enumerate(matrix[i]))
        + "</tr>"
        for i, name in enumerate(names)
    )
    return (
        '<div class="scroll"><table class="matrix"><thead><tr><th>true class ↓ given label →</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _shaded(probability: float, is_diagonal: bool) -> str:
    kind = "diagonal" if is_diagonal else "off"
    text = "·" if probability < 0.0005 else percent(probability)
    return f'<td class="{kind}" style="--v:{100 * probability:.1f}%">{text}</td>'


def _width(value: Any) -> str:
    return ' class="wide"' if isinstance(value, str) and len(value) > _WIDE else ""


def _sort_key(value: Any) -> str:
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    if isinstance(value, bool) or not is_number or is_empty(value):
        return ""
    return f' data-v="{float(value):.12g}"'


def _picture(url: str, name: Any) -> str:
    alt = escape(f"row {name}")
    return f'<img src="{escape(url)}" alt="{alt}" loading="lazy">' if url else ""
