"""Pictures of the report as inline SVG that grows with the page, but not its text."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from sknoisy._audit.texts import percent, shortened

__all__ = ["bars_of_classes", "interval"]

_ROW, _BAR, _MAX_CLASSES = 26, 14, 40


def interval(value: float, low: float, high: float) -> str:
    """Draw a rate with its interval on a scale that begins at 0.

    Parameters
    ----------
    value, low, high : float
        Fractions.

    Returns
    -------
    str
    """
    top = next(limit for limit in (0.05, 0.1, 0.2, 0.5, 1.0) if high <= limit or limit == 1.0)

    def at(fraction: float) -> str:
        return f"{2 + 96 * min(max(fraction / top, 0), 1):.2f}%"

    ticks = "".join(
        f'<line class="axis" x1="{at(t)}" x2="{at(t)}" y1="18" y2="24"/>'
        f'<text x="{at(t)}" y="38" text-anchor="{anchor}">{percent(t)}</text>'
        for t, anchor in ((0.0, "start"), (top / 2, "middle"), (top, "end"))
    )
    spoken = f"{percent(value)}, interval {percent(low)} to {percent(high)}"
    return (
        f'<svg class="picture" height="42" role="img" aria-label="{escape(spoken)}">'
        f'<line class="axis" x1="2%" x2="98%" y1="21" y2="21"/>{ticks}'
        f'<line class="range" x1="{at(low)}" x2="{at(high)}" y1="10" y2="10"/>'
        f'<circle class="value" cx="{at(value)}" cy="10" r="6"/></svg>'
    )


def bars_of_classes(names: list[Any], counts: np.ndarray, wrong: np.ndarray) -> str:
    """Draw a bar for each class: how many rows have the label, and how many are probably wrong.

    Parameters
    ----------
    names : list
    counts, wrong : ndarray of shape (n_classes,)
        Numbers of rows, and the expected numbers of wrong labels; NaN: unknown.

    Returns
    -------
    str
        The classes with the most wrong labels, in order.
    """
    order = np.argsort(-np.nan_to_num(wrong), kind="stable")[:_MAX_CLASSES]
    height, longest = _ROW * len(order) + 4, counts.max()
    parts = []
    for i, code in enumerate(order):
        y, name = _ROW * i + 4, str(names[code])
        width = 42 * counts[code] / longest
        bad = 0.0 if np.isnan(wrong[code]) else 42 * min(wrong[code], counts[code]) / longest
        rate = "" if np.isnan(wrong[code]) else f", {percent(wrong[code] / counts[code])}"
        middle = y + _BAR - 2
        parts.append(
            f"<g><title>{escape(name)}: {counts[code]} rows{rate} probably wrong</title>"
            f'<text x="28%" y="{middle}" text-anchor="end">{escape(shortened(name, 14))}</text>'
            f'<rect class="good" x="30%" y="{y}" width="{width:.2f}%" height="{_BAR}"/>'
            f'<rect class="bad" x="30%" y="{y}" width="{bad:.2f}%" height="{_BAR}"/>'
            f'<text x="{31 + width:.2f}%" y="{middle}">{counts[code]}{rate}</text></g>'
        )
    more = len(names) - len(order)
    note = f'<p class="note">{more} more classes are not shown.</p>' if more > 0 else ""
    return (
        f'<svg class="picture" height="{height}" role="img" aria-label="Rows and expected wrong '
        f'labels of each class">{"".join(parts)}</svg>{note}'
    )
