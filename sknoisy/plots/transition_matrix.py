"""A picture of how labels are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknoisy._checks import transition_matrix as checked
from sknoisy._labels import transition_between
from sknoisy.plots._axes import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TransitionMatrixDisplay"]

# With more classes numbers would not fit into their cells.
_MOST_NUMBERS = 12
_MOST_NAMES = 30


class TransitionMatrixDisplay:
    """How often each label was given for each that is true.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true.
    display_labels : array-like of shape (n_classes,), default=None
        Names of the classes; None: their numbers.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    im_ : AxesImage
    text_ : ndarray of Text of shape (n_classes, n_classes), or None
        Numbers in the cells, where they fit.

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
        estimator : NoisyLabelClassifier
            Fitted, with a method that has a transition matrix, or with ``smoothing="auto"``.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        TransitionMatrixDisplay
        """
        check_is_fitted(estimator)
        used = getattr(estimator.method_, "transition", None)
        found = getattr(estimator, "transition_matrix_", None)
        matrix = found if used is None else used.double().cpu().numpy()
        if matrix is None:
            raise ValueError(
                f"{type(estimator.method_).__name__} has no transition matrix; estimate one with "
                "sknoisy.transition.estimate_transition."
            )
        shown = cls(matrix, display_labels=estimator.classes_)
        return shown.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls, y: Any, y_noisy: Any, *, ax: Axes | None = None, **plot_params: Any
    ) -> Any:
        """Draw how given labels differ from right ones.

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
        y, y_noisy = np.asarray(y), np.asarray(y_noisy)
        classes = np.union1d(y, y_noisy)
        true, given = np.searchsorted(classes, y), np.searchsorted(classes, y_noisy)
        matrix = transition_between(true, given, len(classes))
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
        shape = np.shape(self.transition_matrix)
        matrix = checked(self.transition_matrix, shape[0] if shape else 0)
        k = len(matrix)
        names = np.arange(k) if self.display_labels is None else np.asarray(self.display_labels)
        if len(names) != k:
            raise ValueError(f"display_labels must have {k} entries. Got {len(names)}.")
        side = float(np.clip(0.5 * k + 2.5, 4, 9))
        self.figure_, self.ax_ = axes_for(ax, figsize=(side * 1.15, side))
        self.im_ = self.ax_.imshow(matrix, cmap=cmap, vmin=0, vmax=1)
        self.text_ = None
        if include_values and k <= _MOST_NUMBERS:
            self.text_ = self._write(matrix, values_format)
        if colorbar:
            self.figure_.colorbar(self.im_, ax=self.ax_, shrink=0.85)
        places = np.arange(0, k, int(np.ceil(k / _MOST_NAMES)))
        long = max(len(str(name)) for name in names) > 3
        self.ax_.set_xticks(places, names[places], rotation=90 if long else 0)
        self.ax_.set_yticks(places, names[places])
        self.ax_.set(xlabel="Given label", ylabel="True label")
        return self

    def _write(self, matrix: np.ndarray, values_format: str) -> np.ndarray:
        dark, light = self.im_.cmap(1.0), self.im_.cmap(0.0)
        written = np.empty(matrix.shape, dtype=object)
        for (i, j), value in np.ndenumerate(matrix):
            words = format(value, values_format)
            words = "" if float(words) == 0 else words
            color = light if value > 0.5 else dark
            written[i, j] = self.ax_.text(j, i, words, ha="center", va="center", color=color)
        return written
