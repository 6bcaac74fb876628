"""What all pictures share."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted

from sknoisy.classifier import NoisyLabelClassifier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "RIGHT",
    "WRONG",
    "axes_for",
    "classifier_in",
    "legend_above",
    "numbers",
    "points",
    "shortened",
    "width",
]

# Of right labels, and of wrong ones.
RIGHT, WRONG = "tab:blue", "tab:orange"


def axes_for(ax: Axes | None, **size: Any) -> tuple[Any, Axes]:
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure, ax
    return plt.subplots(layout="constrained", **size)


def points(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, as they are before they make room for their labels."""
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def legend_above(ax: Axes, low: float, high: float) -> None:
    """Place a legend in the axes, and what is between two heights below it."""
    look: Any = {"loc": "upper center", "handlelength": 1.5, "borderaxespad": 0.3}
    for size, n_columns in (("small", 2), ("x-small", 2), ("x-small", 1)):
        legend = ax.legend(
            fontsize=size, ncols=n_columns, columnspacing=1, labelspacing=0.3, **look
        )
        box, frame = legend.get_window_extent(), ax.get_window_extent()
        if box.width < frame.width:
            break
    free = 1 - min(box.height / frame.height + 0.04, 0.6)
    scale = ax.yaxis.get_transform()
    bottom, top = scale.transform([low, high])
    ax.set_ylim(low, float(scale.inverted().transform([bottom + (top - bottom) / free])[0]))


def width(words: str, size: float) -> float:
    """Width of words in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]


def shortened(name: Any, room: float, size: float, head: float = 0.5) -> str:
    """Leave out the middle of a name that is wider than so many points.

    The head is that share of the letters kept: names often differ in their last ones.
    """
    words = str(name)
    kept = len(words)
    short = words
    while kept > 1 and width(short, size) > room:
        kept -= 1
        first = ceil(head * kept)
        short = f"{words[:first]}…{words[len(words) - kept + first :]}"
    return short


def numbers(values: Any, name: str) -> np.ndarray:
    """Check that there is one finite number for each sample."""
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim != 1 or not len(checked):
        raise ValueError(
            f"{name} must have a number for each of at least one sample. Got an array of shape "
            f"{checked.shape}."
        )
    assert_all_finite(checked, input_name=name)
    return checked


def classifier_in(estimator: Any, display: str) -> NoisyLabelClassifier:
    """Check a fitted classifier, alone or at the end of a pipeline."""
    clf = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(clf, NoisyLabelClassifier):
        raise TypeError(
            f"{display}.from_estimator needs a NoisyLabelClassifier, alone or at the end of a "
            f"pipeline; of a search pass the best_estimator_. Got {type(clf).__name__}."
        )
    check_is_fitted(clf)
    return clf
