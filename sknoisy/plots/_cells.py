"""Text that fits into the cells of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.text import Text

__all__ = ["CellText"]

# Font sizes in points.
_MAX_SIZE, _MIN_SIZE = 10.0, 5.5
# The fraction of a cell that text may fill.
_FILLED = 0.78
# Height of a line of text, in units of the font size.
_HEIGHT = 1.2


class CellText(Text):
    """Text in a cell of width and height 1, whose font size follows the cell.

    The font size is set when the text is drawn, as layouts and windows change the size of axes
    until then. Text that would be too small to read is not drawn.

    Parameters
    ----------
    x, y : float
        Center of the cell.
    text : str
    widest : float
        Width of the widest text of all cells, in units of the font size. It is passed to every
        cell, so that all have the same font size.
    **style
        Passed to :class:`matplotlib.text.Text`.
    """

    def __init__(self, x: float, y: float, text: str, *, widest: float, **style: Any) -> None:
        super().__init__(x, y, text, ha="center", va="center", size=_MAX_SIZE, **style)
        self.widest = widest

    def draw(self, renderer: Any) -> None:
        axes: Any = self.axes
        corners = axes.transData.transform([(0, 0), (1, 1)]) * 72 / axes.figure.dpi
        size = _FILLED * np.abs(corners[1] - corners[0]).min() / max(self.widest, _HEIGHT)
        self.set_fontsize(min(size, _MAX_SIZE))
        if size >= _MIN_SIZE:
            super().draw(renderer)
