"""A picture of how labels are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length

from sknoisy._label_noise.estimators import transition_between
from sknoisy._validation.frames import refuse_frame_in_another_order
from sknoisy._validation.labels import encode_together
from sknoisy._validation.matrices import numbers_in
from sknoisy._validation.matrices import transition_matrix as checked
from sknoisy.plots._axes import axes_for, classifier_in, points, shortened, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TransitionMatrixDisplay"]

# With more classes numbers would not fit into their cells.
_MOST_NUMBERS = 12
_MOST_NAMES = 30
# In points: the font of the names, and the least distance between two of them.
_SIZE, _APART = 10, 13


class TransitionMatrixDisplay:
    """How often each label was given for each that is true.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true. A row of NaN is one of
        which nothing is known, and is hatched.
    display_labels : array-like of shape (n_classes,), default=None
        Names of the classes; None: the columns of a data frame, else numbers.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    im_ : AxesImage
    text_ : ndarray of Text of shape (n_classes, n_classes), or None
        Numbers in the cells, None where there are none. They get smaller with the cells, and are
        not drawn where they could not be read.

    Examples
    --------
    >>> from sknoisy.noise import pair
    >>> from sknoisy.plots import TransitionMatrixDisplay
    >>> display = TransitionMatrixDisplay(pair(3, 0.3), display_labels=["cat", "dog", "fox"])
    >>> display.plot().ax_.get_xlabel()
    'Given label'
    """

    def __init__(self, transition_matrix: Any, *, display_labels: Any = None) -> None:
        self.transition_matrix = transition_matrix
        self.display_labels = display_labels

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None, **plot_params: Any) -> Any:
        """Draw the matrix that a fitted classifier uses.

        Parameters
        ----------
        estimator : NoisyLabelClassifier or Pipeline
            The classifier, alone or at the end of a pipeline, fitted, with a method that has a
            transition matrix, or with ``smoothing="auto"``.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        TransitionMatrixDisplay
        """
        clf = classifier_in(estimator, cls.__name__)
        used = getattr(clf.method_, "transition", None)
        found = getattr(clf, "transition_matrix_", None)
        matrix = found if used is None else used.double().cpu().numpy()
        if matrix is None:
            raise ValueError(
                f"{type(clf.method_).__name__} has no transition matrix; estimate one with "
                "sknoisy.transition.estimate_transition."
            )
        shown = cls(matrix, display_labels=clf.classes_)
        return shown.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls, y: Any, y_noisy: Any, *, ax: Axes | None = None, **plot_params: Any
    ) -> Any:
        """Draw how given labels differ from right ones.

        Of a class that is no right label nothing is known: its row is NaN.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The right labels.
        y_noisy : array-like of shape (n_samples,)
            The given ones.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        TransitionMatrixDisplay
        """
        check_consistent_length(y, y_noisy)
        classes, (true, given) = encode_together(y=y, y_noisy=y_noisy)
        matrix = transition_between(true, given, len(classes))
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
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None: a figure of its own.
        cmap : str or Colormap, default="Blues"
        include_values : bool, default=True
            Whether to write the numbers, with up to twelve classes; those that round to 0 are left
            out.
        values_format : str, default=".2f"
        colorbar : bool, default=True

        Returns
        -------
        TransitionMatrixDisplay
        """
        matrix, unknown = self._checked()
        k = len(matrix)
        names = self.display_labels
        if names is None:
            names = getattr(self.transition_matrix, "columns", np.arange(k))
        names = np.asarray(names)
        if len(names) != k:
            raise ValueError(f"display_labels must have {k} entries. Got {len(names)}.")
        refuse_frame_in_another_order("transition_matrix", self.transition_matrix, names)
        side = float(np.clip(0.5 * k + 2.5, 4, 9))
        self.figure_, self.ax_ = axes_for(ax, figsize=(side * 1.15, side))
        self.im_ = self.ax_.imshow(matrix, cmap=cmap, vmin=0, vmax=1)
        self._hatch(np.flatnonzero(unknown), k)
        self.text_ = None
        if include_values and k <= _MOST_NUMBERS:
            self.text_ = self._write(matrix, values_format)
        if colorbar:
            self.figure_.colorbar(self.im_, ax=self.ax_, shrink=0.85)
        self._name(names)
        self.ax_.set(xlabel="Given label", ylabel="True label")
        return self

    def _checked(self) -> tuple[np.ndarray, np.ndarray]:
        """The matrix, and which of its rows are unknown."""
        matrix = numbers_in("transition_matrix", self.transition_matrix).copy()
        k = len(matrix) if matrix.ndim else 0
        unknown: Any = np.zeros(k, dtype=bool)
        if matrix.shape == (k, k):
            unknown = np.isnan(matrix).all(axis=1)
            matrix[unknown] = np.eye(k)[unknown]
        matrix = checked(matrix, k)
        matrix[unknown] = np.nan
        return matrix, unknown

    def _hatch(self, rows: np.ndarray, k: int) -> None:
        from sknoisy.plots._cells import CellText

        look: Any = {"facecolor": "0.93", "edgecolor": "0.7", "hatch": "////", "lw": 0}
        behind = {"facecolor": "0.93", "edgecolor": "none", "pad": 1}
        for row in rows:
            self.ax_.axhspan(row - 0.5, row + 0.5, **look)
            widest = width("unknown", 1) / k
            word = CellText((k - 1) / 2, row, "unknown", widest=widest, color="0.3", bbox=behind)
            self.ax_.add_artist(word)

    def _name(self, names: np.ndarray) -> None:
        """Name as many classes as there is room for."""
        room = min(points(self.ax_))
        most = int(np.clip(room / _APART, 1, _MOST_NAMES))
        places = np.arange(0, len(names), int(np.ceil(len(names) / most)))
        shown = [shortened(name, max(0.35 * room, 40), _SIZE) for name in names[places]]
        long = max(map(len, shown)) > 3
        look: Any = {"fontsize": _SIZE, "parse_math": False}
        self.ax_.set_xticks(places, shown, rotation=90 if long else 0, **look)
        self.ax_.set_yticks(places, shown, **look)

    def _write(self, matrix: np.ndarray, values_format: str) -> np.ndarray:
        from sknoisy.plots._cells import CellText

        nothing = format(0.0, values_format)
        words = [["" if np.isnan(v) else format(v, values_format) for v in row] for row in matrix]
        widest = max(width(word, 1) for row in words for word in row)
        dark, light = self.im_.cmap(1.0), self.im_.cmap(0.0)
        written = np.empty(matrix.shape, dtype=object)
        for (i, j), value in np.ndenumerate(matrix):
            word = "" if words[i][j] == nothing else words[i][j]
            color = light if value > 0.5 else dark
            text = CellText(j, i, word, widest=widest, color=color, parse_math=False)
            written[i, j] = self.ax_.add_artist(text)
        return written
