"""Numbers that fit into their cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.text import Text

__all__ = ["CellText"]

# Sizes in points, and the share of a cell that is filled.
_LARGEST, _SMALLEST, _SHARE = 10.0, 5.5, 0.78

# Of a line, in sizes of its font.
_HEIGHT = 1.2


class CellText(Text):
    """A text in a cell of one unit of the axes, as large as the cell is when it is drawn.

    Layouts and windows change the size of axes until then. What would be too small to read is not
    drawn.

    Parameters
    ----------
    x, y : float
        Middle of the cell.
    text : str
    widest : float
        Width of the widest text of all cells, by which all have one size, in that of the font.
    **look
        As of Text.
    """

    def __init__(self, x: float, y: float, text: str, *, widest: float, **look: Any) -> None:
        super().__init__(x, y, text, ha="center", va="center", size=_LARGEST, **look)
        self.widest = widest

    def draw(self, renderer: Any) -> None:
        axes: Any = self.axes
        corners = axes.transData.transform([(0, 0), (1, 1)]) * 72 / axes.figure.dpi
        size = _SHARE * np.abs(corners[1] - corners[0]).min() / max(self.widest, _HEIGHT)
        self.set_fontsize(min(size, _LARGEST))
        if size >= _SMALLEST:
            super().draw(renderer)
