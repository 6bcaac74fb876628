"""A picture of how labels are believed, and of the least believed samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sknoisy.issues import find_label_issues
from sknoisy.plots._axes import RIGHT, WRONG, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LabelQualityDisplay"]


class LabelQualityDisplay:
    """How many labels are believed how firmly, and the ones that are believed least.

    Parameters
    ----------
    quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected.
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
    worst_ : ndarray of int
        Places of the samples that are shown.

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

        Parameters
        ----------
        estimator : NoisyLabelClassifier
            The default classifier, fitted to ``X`` and ``y``.
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)
            The given labels.
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(estimator, y, X, plot_params)

    @classmethod
    def from_predictions(cls, y: Any, proba: Any, *, X: Any = None, **plot_params: Any) -> Any:
        """Draw what is found with out-of-fold probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The given labels.
        proba : array-like of shape (n_samples, n_classes)
        X : array-like of shape (n_samples, ...), default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(proba, y, X, plot_params)

    @classmethod
    def _from(cls, source: Any, y: Any, X: Any, plot_params: dict[str, Any]) -> Any:
        found = find_label_issues(source, np.asarray(y), return_all=True).sort_index()
        X = None if X is None else np.asarray(X)[found.index]
        shown = cls(found["quality"], found["given"], found["suggested"], X)
        return shown.plot(**plot_params)

    def plot(
        self, *, ax: Axes | None = None, n_worst: int = 12, bins: int = 30
    ) -> LabelQualityDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw the histogram, alone; None: a figure with the worst samples beside it.
        n_worst : int, default=12
            How many to show.
        bins : int, default=30

        Returns
        -------
        LabelQualityDisplay
        """
        import matplotlib.pyplot as plt

        quality, given = np.asarray(self.quality, dtype=float), np.asarray(self.given)
        check_consistent_length(quality, given)
        suggested = None if self.suggested is None else np.asarray(self.suggested)
        self.worst_ = np.argsort(quality, kind="stable")[: max(n_worst, 0)]
        if ax is not None or not len(self.worst_):
            self.figure_, self.ax_ = axes_for(ax)
        else:
            self.figure_ = plt.figure(figsize=(10, 4), layout="constrained")
            sides: Any = self.figure_.subfigures(1, 2, width_ratios=(1, 1.2))
            left, right = sides
            self.ax_ = left.subplots()
            self._show(right, quality, given, suggested)
        kept = np.ones(len(quality), bool) if suggested is None else given == suggested
        parts = [(kept, RIGHT, "label kept"), (~kept, WRONG, "another suggested")]
        parts = [part for part in parts if part[0].any()]
        edges: Any = np.linspace(min(0.0, quality.min()), max(1.0, quality.max()), bins + 1)
        for mask, color, name in parts:
            # Not stacked: on a scale of logarithms heights do not add up.
            self.ax_.hist(quality[mask], edges, color=color, label=name, alpha=0.8)
        self.ax_.set(xlabel="Label quality", ylabel="Samples", yscale="log")
        if suggested is not None:
            self.ax_.legend()
        return self

    def _show(
        self, figure: Any, quality: np.ndarray, given: np.ndarray, suggested: np.ndarray | None
    ) -> None:
        def words(i: int) -> str:
            change = "" if suggested is None else f" → {suggested[i]}"
            return f"{given[i]}{change}"

        images = _as_images(self.X)
        figure.suptitle("Least believed" + ("" if suggested is None else ": given → suggested"))
        if images is None:
            ax = figure.subplots()
            ax.axis("off")
            cells = [[str(i), words(i), f"{quality[i]:.2g}"] for i in self.worst_]
            sheet = ax.table(
                cells, colLabels=["row", "label", "quality"], loc="upper center", cellLoc="center"
            )
            sheet.auto_set_font_size(False)
            sheet.set_fontsize(9)
            return
        n_columns = int(np.ceil(np.sqrt(1.5 * len(self.worst_))))
        n_rows = int(np.ceil(len(self.worst_) / n_columns))
        panes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for pane in panes:
            pane.axis("off")
        for pane, i in zip(panes, self.worst_, strict=False):
            pane.imshow(images[i], cmap="gray" if images[i].ndim == 2 else None)
            pane.set_title(words(i), fontsize=9)


def _as_images(X: Any) -> np.ndarray | None:
    """Images as matplotlib takes them; None if the samples are something else."""
    if X is None:
        return None
    X = np.asarray(X)
    if X.ndim == 4 and X.shape[1] in (1, 3):
        X = X[:, 0] if X.shape[1] == 1 else X.transpose(0, 2, 3, 1)
    elif X.ndim != 3:
        return None
    if X.dtype.kind != "f":
        return X
    # One scale for all, so that dark images stay dark.
    low, high = X.min(), X.max()
    return (X - low) / (high - low if high > low else 1)
