"""A picture of how a training comes to know its labels by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sknoisy._validation.labels import encode_together
from sknoisy.plots._axes import RIGHT, WRONG, axes_for, classifier_in, legend_above, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MemorizationDisplay"]

# Axes of so many points have few ticks.
_LOW = 150


class MemorizationDisplay:
    """How far a network follows the given labels, epoch by epoch.

    A network fits right labels first. Where it begins to follow wrong ones as well, the share of
    labels it follows keeps rising, while the accuracy on labels held out, noisy as they are, does
    not rise any more, or falls.

    Parameters
    ----------
    fit : array-like of shape (n_epochs,)
        Share of training samples predicted as labelled; NaN where it is not known.
    agreement : array-like of shape (n_epochs,), default=None
        Share of training samples predicted as in the epoch before.
    held_out : array-like of shape (n_epochs,), default=None
        Accuracy on samples that were not trained on.
    memorized : array-like of shape (n_epochs,), default=None
        Share of the wrongly labelled training samples predicted as labelled.
    recovered : array-like of shape (n_epochs,), default=None
        Share of the wrongly labelled training samples predicted right.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    lines_ : dict of str to Line2D
        By the names of the parameters.

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
        """Draw what a training recorded.

        The accuracy on samples not trained on is there with ``early_stopping=True``, and with the
        default method.

        Parameters
        ----------
        estimator : NoisyLabelClassifier or Pipeline
            The classifier, alone or at the end of a pipeline, fitted.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        MemorizationDisplay

        Raises
        ------
        ValueError
            If the training saw its samples only changed, mixed with others, say, and none were held
            out.
        """
        clf = classifier_in(estimator, cls.__name__)
        names = ("train_acc", "train_agreement", "valid_acc")
        recorded = [np.array([row.get(name, np.nan) for row in clf.history_]) for name in names]
        fit, agreement, held_out = recorded
        if np.isnan(fit).all() and np.isnan(held_out).all():
            raise ValueError(
                f"{type(clf.method_).__name__} trains on changed samples, of which it is not "
                "known what the network says of them as they are. Fit with early_stopping=True to "
                "see the accuracy on samples held out."
            )
        shown = cls(fit, agreement=agreement, held_out=held_out)
        return shown.plot(ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls,
        y: Any,
        y_pred: Any,
        *,
        y_right: Any = None,
        held_out: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Draw what was predicted for the training samples after each epoch.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The given labels.
        y_pred : array-like of shape (n_epochs, n_samples)
        y_right : array-like of shape (n_samples,), default=None
            The right labels: what becomes of samples with a wrong one is drawn apart.
        held_out : array-like of shape (n_epochs,), default=None
            Accuracy on samples that were not trained on.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        MemorizationDisplay
        """
        y, said = column_or_1d(y, input_name="y"), np.asarray(y_pred)
        if said.ndim != 2 or said.shape[1] != len(y):
            raise ValueError(
                f"y_pred must have shape (n_epochs, {len(y)}), a row for each epoch. Got "
                f"{said.shape}."
            )
        labels = {"y": y, "y_pred": said.ravel()}
        if y_right is not None:
            labels["y_right"] = y_right
            check_consistent_length(y, y_right)
        y, flat, *right = encode_together(**labels)[1]
        said = flat.reshape(said.shape)
        followed = said == y
        same = (said[1:] == said[:-1]).mean(axis=1)
        memorized = recovered = None
        if right:
            wrong = y != right[0]
            if not wrong.any():
                raise ValueError("All labels in y are those in y_right: none can be memorized.")
            memorized = followed[:, wrong].mean(axis=1)
            recovered = (said == right[0])[:, wrong].mean(axis=1)
        shown = cls(
            followed.mean(axis=1),
            agreement=np.r_[np.nan, same],
            held_out=held_out,
            memorized=memorized,
            recovered=recovered,
        )
        return shown.plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None) -> MemorizationDisplay:
        """Draw; the best epoch by the accuracy held out is marked.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None: a figure of its own.

        Returns
        -------
        MemorizationDisplay
        """
        from matplotlib.ticker import MaxNLocator

        looks: dict[str, tuple[str, dict[str, Any]]] = {
            "fit": ("predicted as labelled", {"color": "black"}),
            "agreement": ("predicted as before", {"color": "0.6", "ls": ":"}),
            "held_out": ("accuracy held out", {"color": "tab:green"}),
            "memorized": ("wrong labels followed", {"color": WRONG, "ls": "--"}),
            "recovered": ("wrong labels put right", {"color": RIGHT, "ls": "--"}),
        }
        n_epochs = len(np.asarray(self.fit))
        self.figure_, self.ax_ = axes_for(ax, figsize=(6.4, 4))
        self.lines_ = {}
        for name, (label, look) in looks.items():
            shares = getattr(self, name)
            if shares is None or np.isnan(shares := np.asarray(shares, dtype=float)).all():
                continue
            if len(shares) != n_epochs:
                raise ValueError(
                    f"{name} must have a value for each of {n_epochs} epochs. Got {len(shares)}."
                )
            marker = "o" if n_epochs == 1 else None
            (self.lines_[name],) = self.ax_.plot(
                np.arange(1, n_epochs + 1), shares, label=label, marker=marker, **look
            )
        if "held_out" in self.lines_:
            best = int(np.nanargmax(np.asarray(self.held_out, dtype=float)))
            self.ax_.plot(best + 1, np.asarray(self.held_out)[best], "o", color="tab:green")
        self.ax_.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
        self.ax_.set(xlabel="Epoch", ylabel="Share of samples", ylim=(-0.02, 1.02))
        self.ax_.set_yticks(np.linspace(0, 1, 6 if points(self.ax_)[1] > _LOW else 3))
        if n_epochs == 1:
            self.ax_.set_xticks([1])
        if ax is None:
            self.ax_.legend(loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4, ncols=2)
        else:
            # Below, it could be cut off, or lie on what others draw there.
            legend_above(self.ax_, -0.02, 1.02)
        return self
