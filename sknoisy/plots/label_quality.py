"""Display of label qualities, and of the samples with the lowest label quality."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval

from sknoisy._predictions import refuse_swapped
from sknoisy._validation.constraints import check_params
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.shapes import check_same_length
from sknoisy.issues._find import rank_by_quality
from sknoisy.plots._axes import (
    CLEAN_COLOR,
    LABELS_FIRST,
    MISLABELLED_COLOR,
    check_finite,
    check_fractions,
    count_axis,
    count_ticks,
    figure_and_axes,
    legend_above,
    shorten,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LabelQualityDisplay"]

# In inches: the histogram, and the minimum width of the samples beside it.
_HISTOGRAM_WIDTH, _SAMPLES_WIDTH = 4.5, 5.5
# In inches: the title above the samples, a row of the table, width and height of an image.
_TITLE_HEIGHT, _ROW_HEIGHT, _IMAGE_SIZE = 0.5, 0.21, (1.05, 1.35)
# Font size in points.
_SIZE = 9
# The fraction of a table column that text may fill: a tenth on each side stays empty.
_FILLED = 0.8
_CONSTRAINTS = {
    "n_worst": [Interval(Integral, 0, None, closed="left")],
    "bins": [Interval(Integral, 1, None, closed="left")],
}


class LabelQualityDisplay:
    """Histogram of label qualities, with the samples of the lowest quality beside it.

    Parameters
    ----------
    quality : array-like of shape (n_samples,)
        Label quality of each sample; low for samples that are probably mislabelled. The index of a
        Series names the samples, otherwise they are named by their positions.
    given : array-like of shape (n_samples,)
        Given labels.
    suggested : array-like of shape (n_samples,), default=None
        Suggested labels.
    X : array-like of shape (n_samples, ...), default=None
        Samples. Images of shape (n_samples, [n_channels,] height, width) are shown as images; other
        samples are listed in a table.

    Attributes
    ----------
    ax_ : Axes
        Axes with the histogram.
    figure_ : Figure
        Figure that contains the axes.
    worst_ : ndarray
        Names or positions of the samples shown, by increasing label quality.

    Examples
    --------
    >>> from sknoisy.plots import LabelQualityDisplay
    >>> display = LabelQualityDisplay([0.1, 0.9, 0.8], ["cat", "cat", "dog"], ["dog", "cat", "dog"])
    >>> display.plot(n_worst=1).worst_
    array([0])
    """

    def __init__(self, quality: Any, given: Any, suggested: Any = None, X: Any = None) -> None:
        self.quality = quality
        self.given = given
        self.suggested = suggested
        self.X = X

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **plot_params: Any) -> Any:
        """Plot the result of :func:`~sknoisy.issues.find_label_issues` for a fitted classifier.

        Samples without an out-of-bag prediction, such as those of weight 0, are left out.

        Parameters
        ----------
        estimator : NoisyLabelClassifier, Pipeline or search
            Classifier with the default method, alone, at the end of a pipeline or in a search,
            fitted to ``X`` and ``y``.
        X : array-like or sparse matrix of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,)
            Given labels. The index of a Series names the samples.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from_source(estimator, y, X, None, plot_params)

    @classmethod
    def from_predictions(
        cls, y: Any, proba: Any, *, X: Any = None, classes: Any = None, **plot_params: Any
    ) -> Any:
        """Plot the result of :func:`~sknoisy.issues.find_label_issues` for probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Given labels. The index of a Series names the samples.
        proba : array-like of shape (n_samples, n_classes)
            Out-of-fold probabilities.
        X : array-like or sparse matrix of shape (n_samples, ...), default=None
            Samples.
        classes : array-like of shape (n_classes,), default=None
            Classes of the columns of ``proba``, sorted; None: the labels in ``y``.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        refuse_swapped(f"{cls.__name__}.from_predictions", LABELS_FIRST, proba, y)
        return cls._from_source(proba, y, X, classes, plot_params)

    @classmethod
    def _from_source(cls, source: Any, y: Any, X: Any, classes: Any, params: dict[str, Any]) -> Any:
        check_same_length(optional=("X",), y=y, X=X)
        issues, names = rank_by_quality(source, y, "auto", True, classes)
        issues = issues.sort_index()
        positions = issues.index.to_numpy()
        if X is not None:
            X = (X.tocsr() if issparse(X) else np.asarray(X))[positions]
        if names is not None:
            issues.index = names[positions]
        return cls(issues["quality"], issues["given"], issues["suggested"], X).plot(**params)

    def plot(
        self, *, ax: Axes | None = None, n_worst: int = 12, bins: int = 30
    ) -> LabelQualityDisplay:
        """Plot the histogram and the samples with the lowest label quality.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to plot the histogram on, without the samples; None: a new figure with both.
        n_worst : int, default=12
            Number of samples to show, at least 0. The figure grows with it.
        bins : int, default=30
            Number of bins of the histogram, at least 1.

        Returns
        -------
        LabelQualityDisplay

        Raises
        ------
        ValueError
            If a parameter is invalid, or the arrays differ in length.
        """
        check_params("LabelQualityDisplay.plot", _CONSTRAINTS, {"n_worst": n_worst, "bins": bins})
        quality, given = check_finite(self.quality, "quality"), np.asarray(self.given)
        check_fractions(quality, "quality")
        suggested = None if self.suggested is None else np.asarray(self.suggested)
        optional = "suggested", "X"
        arrays = {"quality": quality, "given": given, "suggested": suggested, "X": self.X}
        check_same_length(optional=optional, **arrays)
        names = names_of_rows(self.quality)
        index = np.arange(len(quality)) if names is None else np.asarray(names)
        positions = np.argsort(quality, kind="stable")[:n_worst]
        self.worst_ = index[positions]
        if ax is not None or not len(positions):
            self.figure_, self.ax_ = figure_and_axes(ax)
        else:
            columns = [given] if suggested is None else [given, suggested]
            labels = list(zip(*(column[positions] for column in columns), strict=True))
            images = _select_images(self.X, positions)
            if images is None:
                self._plot_table(labels, quality[positions])
            else:
                self._plot_images(labels, images)
        self._plot_histogram(quality, given, suggested, bins)
        return self

    def _plot_histogram(
        self, quality: np.ndarray, given: np.ndarray, suggested: np.ndarray | None, bins: int
    ) -> None:
        kept = np.ones(len(quality), bool) if suggested is None else given == suggested
        edges: Any = np.linspace(min(0.0, quality.min()), max(1.0, quality.max()), bins + 1)
        tallest = 1.0
        for mask, color, name in (
            (kept, CLEAN_COLOR, "given = suggested"),
            (~kept, MISLABELLED_COLOR, "given ≠ suggested"),
        ):
            if mask.any():
                # The bars overlap, since stacked bars can only be compared on a linear scale.
                style: Any = {"color": color, "label": name, "alpha": 0.8}
                counts: Any = self.ax_.hist(quality[mask], edges, **style)[0]
                tallest = max(tallest, counts.max())
        self.ax_.set_xlabel("Label quality")
        count_axis(self.ax_)
        self.ax_.set_ylim(0.0, 1.05 * tallest)
        if suggested is not None:
            legend_above(self.ax_, 0.0, 1.05 * tallest)
        count_ticks(self.ax_)

    def _make_figure(self, width: float, height: float, suggested: bool) -> Any:
        """Make a figure with the histogram on the left; return the subfigure on the right."""
        import matplotlib.pyplot as plt

        size = (_HISTOGRAM_WIDTH + width, max(4.0, height))
        self.figure_ = plt.figure(figsize=size, layout="constrained")
        subfigures: Any = self.figure_.subfigures(1, 2, width_ratios=(_HISTOGRAM_WIDTH, width))
        left, right = subfigures
        self.ax_ = left.subplots()
        right.suptitle("Lowest label quality" + (": given → suggested" if suggested else ""))
        return right

    def _plot_table(self, labels: list[tuple[Any, ...]], quality: np.ndarray) -> None:
        height = _TITLE_HEIGHT + _ROW_HEIGHT * (len(labels) + 1)
        ax = self._make_figure(_SAMPLES_WIDTH, height, len(labels[0]) > 1).subplots()
        ax.axis("off")
        header, values = ["sample", "label", "quality"], [f"{value:.2g}" for value in quality]
        full = [self.worst_, [_format_labels(names, np.inf) for names in labels], values]
        needed = (
            max(text_width(str(text), _SIZE) for text in (title, *column))
            for title, column in zip(header, full, strict=True)
        )
        widths = _column_widths(72 * _SAMPLES_WIDTH * _FILLED, *needed)
        cells = [
            # Names of samples are often paths of files, which differ at their ends.
            [shorten(name, widths[0], _SIZE, head=0.25), _format_labels(names, widths[1]), value]
            for name, names, value in zip(self.worst_, labels, values, strict=True)
        ]
        style: Any = {"colWidths": widths / widths.sum(), "loc": "upper center"}
        table = ax.table(cells, colLabels=header, cellLoc="center", **style)
        table.auto_set_font_size(False)
        table.set_fontsize(_SIZE)
        for cell in table.get_celld().values():
            cell.get_text().set_parse_math(False)

    def _plot_images(self, labels: list[tuple[Any, ...]], images: np.ndarray) -> None:
        n_columns = int(np.ceil(np.sqrt(1.5 * len(labels))))
        n_rows = int(np.ceil(len(labels) / n_columns))
        image_width, image_height = _IMAGE_SIZE
        width = max(_SAMPLES_WIDTH, image_width * n_columns)
        height = _TITLE_HEIGHT + image_height * n_rows
        figure = self._make_figure(width, height, len(labels[0]) > 1)
        axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax in axes:
            ax.axis("off")
        max_width = 72 * 0.9 * width / n_columns
        for ax, names, image, sample in zip(axes, labels, images, self.worst_, strict=False):
            ax.imshow(image, cmap="gray", vmin=0, vmax=1)
            name = shorten(sample, max_width, _SIZE - 2, head=0.25)
            below: Any = {"ha": "center", "va": "top", "transform": ax.transAxes}
            ax.text(0.5, -0.04, name, fontsize=_SIZE - 2, parse_math=False, **below)
            title = _format_labels(names, max_width, two_lines=True)
            ax.set_title(title, fontsize=_SIZE, parse_math=False)


def _column_widths(total: float, name: float, label: float, value: float) -> np.ndarray:
    """Split a width among three columns, in proportion to the widths that they need.

    The column of numbers gets the width it needs; names and labels are cut if they do not fit.
    """
    rest = total - value
    name, label = min(name, max(rest / 2, rest - label)), min(label, max(rest / 2, rest - name))
    widths = [name, label, value]
    return total * np.array(widths) / sum(widths)


def _format_labels(labels: tuple[Any, ...], max_width: float, two_lines: bool = False) -> str:
    """Write a given label, and the suggested label if there is one, within a width in points."""
    texts = [str(label) for label in labels]
    full = " → ".join(texts)
    if text_width(full, _SIZE) <= max_width:
        return full
    widths = [max_width]
    if len(texts) > 1:
        max_width -= text_width(" → ", _SIZE)
        others = reversed([text_width(text, _SIZE) for text in texts])
        widths = [max(max_width / 2, max_width - other) for other in others]
        widths = [max_width, max_width] if two_lines else widths
    short = [shorten(text, width, _SIZE) for text, width in zip(texts, widths, strict=True)]
    return ("\n→ " if two_lines else " → ").join(short)


def _select_images(X: Any, positions: np.ndarray) -> np.ndarray | None:
    """Return some of the images in matplotlib's layout; None if the samples are not images."""
    if X is None or issparse(X):
        return None
    X = np.asarray(X)
    if X.ndim == 4 and X.shape[1] in (1, 3):
        X = X[:, 0] if X.shape[1] == 1 else X.transpose(0, 2, 3, 1)
    elif X.ndim != 3:
        return None
    if X.ndim == 4 and X.dtype == np.uint8:
        return X[positions]
    # All images are scaled by the same range, so that dark images stay dark.
    low, high = float(X.min()), float(X.max())
    low = low if low < high else 0.0
    return (X[positions] - low) / ((high - low) or 1)
