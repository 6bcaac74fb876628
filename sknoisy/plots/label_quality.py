"""A picture of how labels are believed, and of the least believed samples."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_consistent_length

from sknoisy._validation.frames import names_of_rows
from sknoisy.issues._find import rank_by_quality
from sknoisy.plots._axes import RIGHT, WRONG, axes_for, legend_above, numbers, shortened, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LabelQualityDisplay"]

# Inches: the histogram, the least space beside it, a row of a table, an image, and what is above.
_HISTOGRAM, _BESIDE, _ROW, _PANE, _ABOVE = 4.5, 5.5, 0.21, (1.05, 1.2), 0.5
# Points: the font of the names.
_SIZE = 9
_CONSTRAINTS = {
    "n_worst": [Interval(Integral, 0, None, closed="left")],
    "bins": [Interval(Integral, 1, None, closed="left")],
}
# Of a column of a table: a tenth at each side stays empty.
_FILLED = 0.8


class LabelQualityDisplay:
    """How many labels are believed how firmly, and the ones that are believed least.

    Parameters
    ----------
    quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected. The index of a Series says what the samples are
        called, else they are by their places.
    given : array-like of shape (n_samples,)
        The labels.
    suggested : array-like of shape (n_samples,), default=None
        What they should be.
    X : array-like of shape (n_samples, ...), default=None
        Images, (n_samples, [channels,] height, width), are shown; of other samples the place is.

    Attributes
    ----------
    ax_ : Axes
        Of the histogram.
    figure_ : Figure
    worst_ : ndarray
        Index of the samples that are shown, the least believed first.

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
        """Draw what :func:`~sknoisy.issues.find_label_issues` finds with a fitted classifier.

        Samples that it has not judged, those without a weight, are left out.

        Parameters
        ----------
        estimator : NoisyLabelClassifier or Pipeline
            The default classifier, alone or at the end of a pipeline, fitted to ``X`` and ``y``.
        X : array-like or sparse matrix of shape (n_samples, ...)
        y : array-like of shape (n_samples,)
            The given labels. The index of a Series is kept.
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(estimator, y, X, None, plot_params)

    @classmethod
    def from_predictions(
        cls, y: Any, proba: Any, *, X: Any = None, classes: Any = None, **plot_params: Any
    ) -> Any:
        """Draw what is found with out-of-fold probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The given labels. The index of a Series is kept.
        proba : array-like of shape (n_samples, n_classes)
        X : array-like or sparse matrix of shape (n_samples, ...), default=None
        classes : array-like of shape (n_classes,), default=None
            What the columns of ``proba`` stand for, sorted; None: the labels in y.
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(proba, y, X, classes, plot_params)

    @classmethod
    def _from(cls, source: Any, y: Any, X: Any, classes: Any, params: dict[str, Any]) -> Any:
        check_consistent_length(y, X)
        found, names = rank_by_quality(source, y, "auto", True, classes)
        found = found.sort_index()
        places = found.index.to_numpy()
        if X is not None:
            X = (X.tocsr() if issparse(X) else np.asarray(X))[places]
        if names is not None:
            found.index = names[places]
        return cls(found["quality"], found["given"], found["suggested"], X).plot(**params)

    def plot(
        self, *, ax: Axes | None = None, n_worst: int = 12, bins: int = 30
    ) -> LabelQualityDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw the histogram, alone; None: a figure with the worst samples beside it.
        n_worst : int, default=12
            How many to show, at least 0; the figure grows with them.
        bins : int, default=30
            At least 1.

        Returns
        -------
        LabelQualityDisplay
        """
        validate_parameter_constraints(
            _CONSTRAINTS, {"n_worst": n_worst, "bins": bins}, "LabelQualityDisplay.plot"
        )
        quality, given = numbers(self.quality, "quality"), np.asarray(self.given)
        suggested = None if self.suggested is None else np.asarray(self.suggested)
        check_consistent_length(quality, given, suggested, self.X)
        named = names_of_rows(self.quality)
        index = np.arange(len(quality)) if named is None else np.asarray(named)
        places = np.argsort(quality, kind="stable")[:n_worst]
        self.worst_ = index[places]
        if ax is not None or not len(places):
            self.figure_, self.ax_ = axes_for(ax)
        else:
            pairs = [(given[i], *([] if suggested is None else [suggested[i]])) for i in places]
            images = _as_images(self.X, places)
            if images is None:
                self._tabulate(pairs, quality[places])
            else:
                self._show(pairs, images)
        kept = np.ones(len(quality), bool) if suggested is None else given == suggested
        parts = [(kept, RIGHT, "label kept"), (~kept, WRONG, "another suggested")]
        parts = [part for part in parts if part[0].any()]
        edges: Any = np.linspace(min(0.0, quality.min()), max(1.0, quality.max()), bins + 1)
        tallest = 1.0
        for mask, color, name in parts:
            # Not stacked: on a scale of logarithms heights do not add up.
            look: Any = {"color": color, "label": name, "alpha": 0.8}
            counts: Any = self.ax_.hist(quality[mask], edges, **look)[0]
            tallest = max(tallest, counts.max())
        self.ax_.set(xlabel="Label quality", ylabel="Samples", yscale="log")
        self.ax_.set_ylim(bottom=0.5)
        if suggested is not None:
            legend_above(self.ax_, 0.5, 1.2 * tallest)
        return self

    def _beside(self, side: float, height: float, suggested: bool) -> Any:
        """Make a figure, and the part of it beside the histogram."""
        import matplotlib.pyplot as plt

        size = (_HISTOGRAM + side, max(4.0, height))
        self.figure_ = plt.figure(figsize=size, layout="constrained")
        sides: Any = self.figure_.subfigures(1, 2, width_ratios=(_HISTOGRAM, side))
        left, right = sides
        self.ax_ = left.subplots()
        right.suptitle("Least believed" + (": given → suggested" if suggested else ""))
        return right

    def _tabulate(self, pairs: list[tuple[Any, ...]], quality: np.ndarray) -> None:
        height = _ABOVE + _ROW * (len(pairs) + 1)
        ax = self._beside(_BESIDE, height, len(pairs[0]) > 1).subplots()
        ax.axis("off")
        heads, values = ["row", "label", "quality"], [f"{value:.2g}" for value in quality]
        whole = [self.worst_, [_change(pair, np.inf) for pair in pairs], values]
        rooms = _shared(
            72 * _BESIDE * _FILLED,
            *(
                max(width(str(word), _SIZE) for word in (head, *column))
                for head, column in zip(heads, whole, strict=True)
            ),
        )
        row, label, _ = rooms
        # Names of rows are often paths to files.
        cells = [
            [shortened(name, row, _SIZE, head=0.25), _change(pair, label), value]
            for name, pair, value in zip(self.worst_, pairs, values, strict=True)
        ]
        look: Any = {"colWidths": rooms / rooms.sum(), "loc": "upper center", "cellLoc": "center"}
        sheet = ax.table(cells, colLabels=heads, **look)
        sheet.auto_set_font_size(False)
        sheet.set_fontsize(_SIZE)
        for cell in sheet.get_celld().values():
            cell.get_text().set_parse_math(False)

    def _show(self, pairs: list[tuple[Any, ...]], images: np.ndarray) -> None:
        n_columns = int(np.ceil(np.sqrt(1.5 * len(pairs))))
        n_rows = int(np.ceil(len(pairs) / n_columns))
        side = max(_BESIDE, _PANE[0] * n_columns)
        figure = self._beside(side, _ABOVE + _PANE[1] * n_rows, len(pairs[0]) > 1)
        panes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for pane in panes:
            pane.axis("off")
        room = 72 * 0.9 * side / n_columns
        for pane, pair, image in zip(panes, pairs, images, strict=False):
            pane.imshow(image, cmap="gray", vmin=0, vmax=1)
            pane.set_title(_change(pair, room, stacked=True), fontsize=_SIZE, parse_math=False)


def _shared(room: float, row: float, label: float, value: float) -> np.ndarray:
    """Widths of the columns, by what they need: numbers all of it, the names what is left."""
    rest = room - value
    needs = [min(row, max(rest / 2, rest - label)), min(label, max(rest / 2, rest - row)), value]
    return room * np.array(needs) / sum(needs)


def _change(names: tuple[Any, ...], room: float, stacked: bool = False) -> str:
    """The given label, and the suggested one if there is one, in so many points."""
    words = [str(name) for name in names]
    whole = " → ".join(words)
    if width(whole, _SIZE) <= room:
        return whole
    rooms = [room]
    if len(words) > 1:
        room -= width(" → ", _SIZE)
        shares = [max(room / 2, room - width(other, _SIZE)) for other in reversed(words)]
        rooms = [room, room] if stacked else shares
    short = [shortened(word, own, _SIZE) for word, own in zip(words, rooms, strict=True)]
    return ("\n→ " if stacked else " → ").join(short)


def _as_images(X: Any, places: np.ndarray) -> np.ndarray | None:
    """Some of the images as matplotlib takes them; None if the samples are something else."""
    if X is None or issparse(X):
        return None
    X = np.asarray(X)
    if X.ndim == 4 and X.shape[1] in (1, 3):
        X = X[:, 0] if X.shape[1] == 1 else X.transpose(0, 2, 3, 1)
    elif X.ndim != 3:
        return None
    if X.ndim == 4 and X.dtype == np.uint8:
        return X[places]
    # One scale for all, so that dark images stay dark.
    low, high = float(X.min()), float(X.max())
    low = low if low < high else 0.0
    return (X[places] - low) / ((high - low) or 1)
