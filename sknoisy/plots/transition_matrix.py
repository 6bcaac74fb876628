"""Display of a transition matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from sknoisy._label_noise.estimators import transition_between
from sknoisy._predictions import innermost_estimator
from sknoisy._validation.constraints import check_params
from sknoisy._validation.frames import refuse_frame_in_another_order
from sknoisy._validation.labels import encode_together
from sknoisy._validation.matrices import as_float_array, check_transition_matrix
from sknoisy._validation.shapes import as_column, check_same_length
from sknoisy.plots._axes import (
    axes_size,
    check_classifier,
    figure_and_axes,
    shorten,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TransitionMatrixDisplay"]

# With more classes, the numbers would not fit into the cells.
_MAX_CLASSES_WITH_NUMBERS = 12
_MAX_NAMES = 30
# In points: the font size of class names, and the minimum distance between two of them.
_SIZE, _DISTANCE = 10, 13
_CONSTRAINTS: dict[str, list] = {
    "include_values": ["boolean"],
    "values_format": [str],
    "colorbar": ["boolean"],
}


class TransitionMatrixDisplay:
    """Display of a transition matrix, with true labels as rows and noisy labels as columns.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j) is the probability of noisy label j for true label i. A row of NaN means
        unknown probabilities, and is hatched.
    display_labels : array-like of shape (n_classes,), default=None
        Names of the classes; None: the columns of a data frame, otherwise 0, 1, 2, ...

    Attributes
    ----------
    ax_ : Axes
        Axes with the matrix.
    figure_ : Figure
        Figure that contains the axes.
    im_ : AxesImage
        Image of the matrix.
    text_ : ndarray of Text of shape (n_classes, n_classes), or None
        Numbers in the cells; None if they are not included. They shrink with the cells, and are not
        drawn if they would be too small to read.

    Examples
    --------
    >>> from sknoisy.noise import pair
    >>> from sknoisy.plots import TransitionMatrixDisplay
    >>> display = TransitionMatrixDisplay(pair(3, 0.3), display_labels=["cat", "dog", "fox"])
    >>> display.plot().ax_.get_xlabel()
    'Noisy label'
    """

    def __init__(self, transition_matrix: Any, *, display_labels: Any = None) -> None:
        self.transition_matrix = transition_matrix
        self.display_labels = display_labels

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None, **plot_params: Any) -> Any:
        """Plot the transition matrix of a fitted classifier.

        Parameters
        ----------
        estimator : NoisyLabelClassifier, OpinionPoolClassifier, Pipeline or search
            Fitted classifier, alone, at the end of a pipeline or in a search. It needs a method
            with a transition matrix, which is plotted, or the attribute ``transition_matrix_``.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        TransitionMatrixDisplay

        Raises
        ------
        ValueError
            If the classifier has no transition matrix.
        """
        clf = innermost_estimator(estimator)
        if not hasattr(clf, "transition_matrix_") or not is_classifier(clf):
            clf = check_classifier(estimator, cls.__name__)
        transition = getattr(getattr(clf, "method_", None), "transition", None)
        if transition is None:
            matrix = getattr(clf, "transition_matrix_", None)
        else:
            matrix = transition.double().cpu().numpy()
        if matrix is None:
            raise ValueError(
                f"{type(clf.method_).__name__} has no transition matrix; estimate one with "
                "sknoisy.transition.estimate_transition."
            )
        return cls(matrix, display_labels=clf.classes_).plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls, y: Any, y_noisy: Any, *, ax: Axes | None = None, **plot_params: Any
    ) -> Any:
        """Plot the transition matrix counted from clean and noisy labels.

        The row of a class that is never the true label is unknown: NaN.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Clean labels.
        y_noisy : array-like of shape (n_samples,)
            Noisy labels.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        TransitionMatrixDisplay
        """
        classes, (true, noisy) = encode_together(y=y, y_noisy=y_noisy)
        check_same_length(y=true, y_noisy=noisy)
        matrix = transition_between(true, noisy, len(classes))
        matrix[np.bincount(true, minlength=len(classes)) == 0] = np.nan
        return cls(matrix, display_labels=classes).plot(ax=ax, **plot_params)

    def plot(
        self,
        *,
        ax: Axes | None = None,
        cmap: str = "Blues",
        include_values: bool = True,
        values_format: str = ".2f",
        colorbar: bool = True,
    ) -> TransitionMatrixDisplay:
        """Plot the transition matrix.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        cmap : str or Colormap, default="Blues"
            Colormap of the probabilities.
        include_values : bool, default=True
            Whether to write the probabilities into the cells, if there are at most 12 classes.
            Cells that round to 0 stay empty.
        values_format : str, default=".2f"
            Format of the probabilities.
        colorbar : bool, default=True
            Whether to add a colorbar.

        Returns
        -------
        TransitionMatrixDisplay

        Raises
        ------
        ValueError
            If the matrix is not a transition matrix, or ``display_labels`` do not match it.
        """
        options = {
            "include_values": include_values,
            "values_format": values_format,
            "colorbar": colorbar,
        }
        check_params("TransitionMatrixDisplay.plot", _CONSTRAINTS, options)
        matrix, unknown = self._check_matrix()
        k = len(matrix)
        names = self.display_labels
        if names is None:
            names = getattr(self.transition_matrix, "columns", np.arange(k))
        names = as_column(names, "display_labels", "a name for each class")
        if len(names) != k:
            raise ValueError(f"display_labels must have {k} entries. Got {len(names)}.")
        refuse_frame_in_another_order("transition_matrix", self.transition_matrix, names)
        side = float(np.clip(0.5 * k + 2.5, 4, 9))
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(side * 1.15, side))
        self.im_ = self.ax_.imshow(matrix, cmap=cmap, vmin=0, vmax=1)
        self._hatch_rows(np.flatnonzero(unknown), k)
        self.text_ = None
        if include_values and k <= _MAX_CLASSES_WITH_NUMBERS:
            self.text_ = self._write_values(matrix, values_format)
        if colorbar:
            self.figure_.colorbar(self.im_, ax=self.ax_, shrink=0.85)
        self._set_class_names(names)
        self.ax_.set(xlabel="Noisy label", ylabel="True label")
        return self

    def _check_matrix(self) -> tuple[np.ndarray, np.ndarray]:
        """Check the matrix, and return it with a mask of its unknown rows."""
        matrix = as_float_array("transition_matrix", self.transition_matrix).copy()
        if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not len(matrix):
            raise ValueError(
                "The 'transition_matrix' parameter must be an array of shape (n_classes, "
                "n_classes), with a row and a column for each class. Got one of shape "
                f"{matrix.shape} instead."
            )
        k = len(matrix)
        unknown = np.isnan(matrix).all(axis=1)
        matrix[unknown] = np.eye(k)[unknown]
        matrix = check_transition_matrix(matrix, k)
        matrix[unknown] = np.nan
        return matrix, unknown

    def _hatch_rows(self, rows: np.ndarray, k: int) -> None:
        from sknoisy.plots._cells import CellText

        style: Any = {"facecolor": "0.93", "edgecolor": "0.7", "hatch": "////", "lw": 0}
        background = {"facecolor": "0.93", "edgecolor": "none", "pad": 1}
        widest = text_width("unknown", 1) / k
        for row in rows:
            self.ax_.axhspan(row - 0.5, row + 0.5, **style)
            text_style: Any = {"widest": widest, "color": "0.3", "bbox": background}
            self.ax_.add_artist(CellText((k - 1) / 2, row, "unknown", **text_style))

    def _set_class_names(self, names: np.ndarray) -> None:
        """Label the ticks with as many class names as fit."""
        size = min(axes_size(self.ax_))
        n_max = int(np.clip(size / _DISTANCE, 1, _MAX_NAMES))
        ticks = np.arange(0, len(names), int(np.ceil(len(names) / n_max)))
        labels = [shorten(name, max(0.35 * size, 40), _SIZE) for name in names[ticks]]
        rotation = 90 if max(map(len, labels)) > 3 else 0
        style: Any = {"fontsize": _SIZE, "parse_math": False}
        self.ax_.set_xticks(ticks, labels, rotation=rotation, **style)
        self.ax_.set_yticks(ticks, labels, **style)

    def _write_values(self, matrix: np.ndarray, values_format: str) -> np.ndarray:
        from sknoisy.plots._cells import CellText

        try:
            zero = format(0.0, values_format)
        except ValueError as error:
            raise ValueError(
                "The 'values_format' parameter of TransitionMatrixDisplay.plot must be a format of "
                f"Python for floats, such as '.2f'. Got {values_format!r} instead: {error}."
            ) from error
        words = [["" if np.isnan(v) else format(v, values_format) for v in row] for row in matrix]
        widest = max(text_width(word, 1) for row in words for word in row)
        dark, light = self.im_.cmap(1.0), self.im_.cmap(0.0)
        texts = np.empty(matrix.shape, dtype=object)
        for (i, j), value in np.ndenumerate(matrix):
            word = "" if words[i][j] == zero else words[i][j]
            color = light if value > 0.5 else dark
            text = CellText(j, i, word, widest=widest, color=color, parse_math=False)
            texts[i, j] = self.ax_.add_artist(text)
        return texts
