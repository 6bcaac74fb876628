"""What all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RIGHT", "WRONG", "axes_for"]

# Of right labels, and of wrong ones.
RIGHT, WRONG = "tab:blue", "tab:orange"


def axes_for(ax: Axes | None, **size: Any) -> tuple[Any, Axes]:
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure, ax
    return plt.subplots(layout="constrained", **size)
