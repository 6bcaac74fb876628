"""Common helpers of the displays: axes, legends, text widths and checks."""

from __future__ import annotations

import reprlib
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted

from sknoisy._predictions import innermost_estimator
from sknoisy._validation.matrices import as_float_array
from sknoisy.classifier import NoisyLabelClassifier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CLEAN_COLOR",
    "LABELS_FIRST",
    "MISLABELLED_COLOR",
    "axes_size",
    "check_classifier",
    "check_finite",
    "count_axis",
    "count_ticks",
    "figure_and_axes",
    "legend_above",
    "shorten",
    "text_width",
]

# The colors of clean labels and of mislabelled samples in all displays.
CLEAN_COLOR, MISLABELLED_COLOR = "tab:blue", "tab:orange"

# The order of the arguments of from_predictions, which is that of scikit-learn's displays.
LABELS_FIRST = (
    "labels first, probabilities of shape (n_samples, n_classes) second, like the displays of "
    "scikit-learn"
)


def figure_and_axes(ax: Axes | None, **size: Any) -> tuple[Any, Axes]:
    """Return the axes with their figure; create both if the axes are None."""
    import matplotlib.pyplot as plt

    if ax is not None:
        if not hasattr(ax, "get_figure"):
            raise TypeError(
                f"The 'ax' parameter must be Axes of matplotlib or None. Got {reprlib.repr(ax)} "
                "instead."
            )
        return ax.figure, ax
    return plt.subplots(layout="constrained", **size)


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of axes in points, before a layout makes room for their labels."""
    box = ax.get_window_extent()
    return box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi


def legend_above(ax: Axes, low: float, high: float) -> None:
    """Place a legend at the top of the axes, with the data from ``low`` to ``high`` below it."""
    style: Any = {"loc": "upper center", "handlelength": 1.5, "borderaxespad": 0.3}
    for size, n_columns in (("small", 2), ("x-small", 2), ("x-small", 1)):
        legend = ax.legend(
            fontsize=size, ncols=n_columns, columnspacing=1, labelspacing=0.3, **style
        )
        box, frame = legend.get_window_extent(), ax.get_window_extent()
        if box.width < frame.width:
            break
    free = 1 - min(box.height / frame.height + 0.04, 0.6)
    scale = ax.yaxis.get_transform()
    bottom, top = scale.transform([low, high])
    ax.set_ylim(low, float(scale.inverted().transform([bottom + (top - bottom) / free])[0]))


def count_axis(ax: Axes) -> None:
    """Scale the vertical axis, which counts samples, by the square root.

    A mode of one per cent stays visible beside a tall one, which a linear axis would hide, and a
    single sample stays small, which a logarithmic axis would not show.
    """
    ax.set_yscale("function", functions=(_square_root, np.square))
    ax.set_ylabel("Number of samples (square-root scale)")


def _square_root(counts: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(counts, 0))


def count_ticks(ax: Axes) -> None:
    """Label an axis of counts evenly, by round numbers."""
    top = float(np.sqrt(max(ax.get_ylim()[1], 1.0)))
    counts = np.linspace(0, 0.95 * top, 6)[1:] ** 2
    digits = 10 ** np.floor(np.log10(np.maximum(counts, 1.0)))
    ax.set_yticks(np.unique([0, *(np.round(counts / digits) * digits)]))
    ax.minorticks_off()


def text_width(text: str, size: float) -> float:
    """Return the width of a text in points, in the default font of this size."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]


def shorten(name: Any, max_width: float, size: float, head: float = 0.5) -> str:
    """Leave out letters in the middle of a name that is wider than ``max_width`` points.

    The fraction ``head`` of the remaining letters comes from the beginning of the name.
    """
    full = str(name)
    n_kept = len(full)
    short = full
    while n_kept > 1 and text_width(short, size) > max_width:
        n_kept -= 1
        n_first = ceil(head * n_kept)
        short = f"{full[:n_first]}…{full[len(full) - n_kept + n_first :]}"
    return short


def check_finite(values: Any, name: str) -> np.ndarray:
    """Check that there is at least one sample, with one finite number per sample."""
    checked = as_float_array(name, values)
    if checked.ndim != 1 or not len(checked):
        raise ValueError(
            f"{name} must have shape (n_samples,), with at least one sample. Got an array of shape "
            f"{checked.shape}."
        )
    assert_all_finite(checked, input_name=name)
    return checked


def check_fractions(values: Any, name: str) -> None:
    """Check that numbers, apart from NaN, are in the range [0, 1]."""
    low, high = np.nanmin(values), np.nanmax(values)
    if low < 0 or high > 1:
        raise ValueError(
            f"The {name!r} parameter must hold fractions in the range [0, 1]. Got {low:g} to "
            f"{high:g} instead."
        )


def check_classifier(estimator: Any, display: str) -> NoisyLabelClassifier:
    """Return the fitted NoisyLabelClassifier itself, or the one in a pipeline or a search."""
    clf = innermost_estimator(estimator)
    if not isinstance(clf, NoisyLabelClassifier):
        raise TypeError(
            f"{display}.from_estimator needs a NoisyLabelClassifier, alone, at the end of a "
            f"pipeline or in a search. Got {type(clf).__name__} instead."
        )
    check_is_fitted(clf)
    return clf
