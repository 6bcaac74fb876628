"""Display of label memorisation over the epochs of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import check_labels, encode_together
from sknoisy._validation.matrices import as_float_array
from sknoisy._validation.shapes import check_same_length
from sknoisy.plots._axes import (
    CLEAN_COLOR,
    MISLABELLED_COLOR,
    axes_size,
    check_classifier,
    check_fractions,
    figure_and_axes,
    legend_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MemorizationDisplay"]

# Axes of at most this height, in points, get fewer ticks.
_LOW_HEIGHT = 150

# Label and style of the line of each parameter.
_LINES: dict[str, tuple[str, dict[str, Any]]] = {
    "fit": ("training accuracy", {"color": "black"}),
    "agreement": ("unchanged predictions", {"color": "0.5", "ls": ":"}),
    "held_out": ("held-out accuracy", {"color": "tab:green"}),
    "memorized": ("mislabelled: memorized", {"color": MISLABELLED_COLOR, "ls": "--"}),
    "recovered": ("mislabelled: recovered", {"color": CLEAN_COLOR, "ls": "--"}),
}


class MemorizationDisplay:
    """Line plot of label memorisation: how well a network fits the given labels in each epoch.

    A network fits clean labels first. When it starts to memorise noisy labels, the training
    accuracy keeps increasing, while the accuracy on held-out samples, measured on noisy labels,
    stops increasing or decreases.

    Parameters
    ----------
    fit : array-like of shape (n_epochs,)
        Training accuracy: the fraction of training samples whose prediction equals the given label.
        NaN if it is unknown.
    agreement : array-like of shape (n_epochs,), default=None
        Fraction of training samples with the same prediction as in the previous epoch.
    held_out : array-like of shape (n_epochs,), default=None
        Accuracy on held-out samples.
    memorized : array-like of shape (n_epochs,), default=None
        Fraction of the mislabelled training samples whose prediction equals the given label.
    recovered : array-like of shape (n_epochs,), default=None
        Fraction of the mislabelled training samples whose prediction equals the clean label.

    Attributes
    ----------
    ax_ : Axes
        Axes with the lines.
    figure_ : Figure
        Figure that contains the axes.
    lines_ : dict of str to Line2D
        The lines, by parameter name.

    Examples
    --------
    >>> from sknoisy.plots import MemorizationDisplay
    >>> display = MemorizationDisplay([0.5, 0.7, 0.9], held_out=[0.5, 0.6, 0.4]).plot()
    >>> display.ax_.get_xlabel()
    'Epoch'
    """

    def __init__(
        self,
        fit: Any,
        *,
        agreement: Any = None,
        held_out: Any = None,
        memorized: Any = None,
        recovered: Any = None,
    ) -> None:
        self.fit = fit
        self.agreement = agreement
        self.held_out = held_out
        self.memorized = memorized
        self.recovered = recovered

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None, **plot_params: Any) -> Any:
        """Plot the records of a training, ``history_``.

        The accuracy on held-out samples is recorded with ``early_stopping=True``, and by the
        default method.

        Parameters
        ----------
        estimator : NoisyLabelClassifier, Pipeline or search
            Fitted classifier, alone, at the end of a pipeline or in a search.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        MemorizationDisplay

        Raises
        ------
        ValueError
            If no accuracy was recorded, because the method trains only on modified (such as mixed)
            samples, and no samples were held out.
        """
        clf = check_classifier(estimator, cls.__name__)
        names = ("train_acc", "train_agreement", "valid_acc")
        recorded = [np.array([row.get(name, np.nan) for row in clf.history_]) for name in names]
        fit, agreement, held_out = recorded
        if np.isnan(fit).all() and np.isnan(held_out).all():
            raise ValueError(
                f"{type(clf.method_).__name__} trains on modified samples, so the predictions for "
                "the original samples are not recorded. Fit with early_stopping=True to plot the "
                "accuracy on held-out samples."
            )
        display = cls(fit, agreement=agreement, held_out=held_out)
        return display.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls,
        y: Any,
        y_pred: Any,
        *,
        y_clean: Any = None,
        held_out: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Plot the predictions for the training samples after each epoch.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Given labels.
        y_pred : array-like of shape (n_epochs, n_samples)
            Predicted labels after each epoch.
        y_clean : array-like of shape (n_samples,), default=None
            Clean labels, if they are known: ``memorized`` and ``recovered`` are plotted, too.
        held_out : array-like of shape (n_epochs,), default=None
            Accuracy on held-out samples.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        MemorizationDisplay

        Raises
        ------
        ValueError
            If the shapes do not match, or no sample is mislabelled.
        """
        [y] = check_labels(y=y)
        y_pred = np.asarray(on_host(y_pred))
        if y_pred.ndim != 2 or y_pred.shape[1] != len(y):
            raise ValueError(
                f"y_pred must have shape (n_epochs, {len(y)}), a row for each epoch. Got "
                f"{y_pred.shape}."
            )
        labels = {"y": y, "y_pred": y_pred.ravel()}
        if y_clean is not None:
            labels["y_clean"] = y_clean
        given, predicted, *clean = encode_together(**labels)[1]
        for codes in clean:
            check_same_length(y=given, y_clean=codes)
        fractions = _fractions(given, predicted.reshape(y_pred.shape), *clean)
        return cls(held_out=held_out, **fractions).plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None) -> MemorizationDisplay:
        """Plot the lines, with a marker at the epoch of the best held-out accuracy.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to plot on; None: a new figure.

        Returns
        -------
        MemorizationDisplay
        """
        from matplotlib.ticker import MaxNLocator

        fit = as_float_array("fit", self.fit)
        if fit.ndim != 1 or not len(fit):
            raise ValueError(
                "fit must have shape (n_epochs,), with at least one epoch. Got an array of shape "
                f"{fit.shape}."
            )
        n_epochs = len(fit)
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(6.4, 4))
        self._plot_lines(n_epochs)
        self.ax_.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        self.ax_.set(xlabel="Epoch", ylabel="Fraction of samples", ylim=(-0.02, 1.02))
        self.ax_.set_yticks(np.linspace(0, 1, 6 if axes_size(self.ax_)[1] > _LOW_HEIGHT else 3))
        if n_epochs == 1:
            self.ax_.set_xticks([1])
        if ax is None:
            self.ax_.legend(loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4, ncols=2)
        else:
            # Below the axes, the legend could be cut off or cover other axes of the figure.
            legend_above(self.ax_, -0.02, 1.02)
        return self

    def _plot_lines(self, n_epochs: int) -> None:
        epochs = np.arange(1, n_epochs + 1)
        marker = "o" if n_epochs == 1 else None
        self.lines_ = {}
        for name, (label, style) in _LINES.items():
            values = getattr(self, name)
            if values is None:
                continue
            values = as_float_array(name, values)
            if values.shape != (n_epochs,):
                raise ValueError(
                    f"{name} must have a value for each of {n_epochs} epochs. Got an array of "
                    f"shape {values.shape}."
                )
            if np.isnan(values).all():
                continue
            check_fractions(values, name)
            (self.lines_[name],) = self.ax_.plot(
                epochs, values, label=label, marker=marker, **style
            )
        if "held_out" in self.lines_:
            accuracy = np.asarray(self.held_out, dtype=float)
            best = int(np.nanargmax(accuracy))
            style = {"color": "tab:green", "label": "best held-out accuracy"}
            self.ax_.plot(epochs[best], accuracy[best], "o", **style)


def _fractions(
    given: np.ndarray, predicted: np.ndarray, clean: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Compute the fractions of each epoch from encoded labels, by parameter name."""
    unchanged = (predicted[1:] == predicted[:-1]).mean(axis=1)
    fractions = {
        "fit": (predicted == given).mean(axis=1),
        "agreement": np.r_[np.nan, unchanged],
    }
    if clean is not None:
        mislabelled = given != clean
        if not mislabelled.any():
            raise ValueError("y and y_clean are equal: there are no noisy labels to memorize.")
        fractions["memorized"] = (predicted == given)[:, mislabelled].mean(axis=1)
        fractions["recovered"] = (predicted == clean)[:, mislabelled].mean(axis=1)
    return fractions
