"""Display of the losses of labels, with a fitted Gaussian mixture."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import norm
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sknoisy._predictions import refuse_swapped
from sknoisy._validation.constraints import check_params
from sknoisy._validation.labels import check_labels_and_proba
from sknoisy.functional import fit_gaussian_mixture
from sknoisy.plots._axes import (
    CLEAN_COLOR,
    LABELS_FIRST,
    MISLABELLED_COLOR,
    check_finite,
    count_axis,
    count_ticks,
    figure_and_axes,
    legend_above,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LossDistributionDisplay"]

_CONSTRAINTS = {"bins": [Interval(Integral, 1, None, closed="left")]}


class LossDistributionDisplay:
    """Histogram of the losses of the given labels, with a mixture of two Gaussians fitted to them.

    Networks fit clean labels first, so that for some epochs the losses have two modes. Methods such
    as "dividemix" treat samples of the lower mode as clean. With one mode only, they cannot
    separate clean from mislabelled samples.

    Parameters
    ----------
    losses : array-like of shape (n_samples,)
        Loss of each sample.
    mislabelled : array-like of bool of shape (n_samples,), default=None
        Mask of the samples whose labels are wrong, if it is known: clean and mislabelled samples
        get separate histograms.

    Attributes
    ----------
    ax_ : Axes
        Axes with the histogram.
    figure_ : Figure
        Figure that contains the axes.
    lines_ : list of Line2D
        The lower and the upper component of the mixture; empty if all losses are equal.

    Examples
    --------
    >>> from sknoisy.plots import LossDistributionDisplay
    >>> display = LossDistributionDisplay([0.1, 0.2, 0.15, 2.0, 2.1]).plot(bins=5)
    >>> display.ax_.get_xlabel()
    'Loss of the given label'
    """

    def __init__(self, losses: Any, *, mislabelled: Any = None) -> None:
        self.losses = losses
        self.mislabelled = mislabelled

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Axes | None = None, **plot_params: Any
    ) -> Any:
        """Plot the losses of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted classifier with ``predict_proba``.
        X : array-like of shape (n_samples, ...)
            Samples.
        y : array-like of shape (n_samples,)
            Given labels.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`, and ``mislabelled``.

        Returns
        -------
        LossDistributionDisplay
        """
        check_is_fitted(estimator)
        proba = estimator.predict_proba(X)
        return cls.from_predictions(y, proba, classes=estimator.classes_, ax=ax, **plot_params)

    @classmethod
    def from_predictions(
        cls,
        y: Any,
        proba: Any,
        *,
        classes: Any = None,
        mislabelled: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Plot the cross-entropy losses of predicted probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Given labels.
        proba : array-like of shape (n_samples, n_classes)
            Predicted probabilities.
        classes : array-like of shape (n_classes,), default=None
            Classes of the columns of ``proba``, sorted; None: the labels in ``y``.
        mislabelled : array-like of bool of shape (n_samples,), default=None
            Mask of the samples whose labels are wrong, if it is known.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        LossDistributionDisplay
        """
        refuse_swapped(f"{cls.__name__}.from_predictions", LABELS_FIRST, proba, y)
        codes, probs, _ = check_labels_and_proba(y, proba, classes)
        losses = -np.log(probs[np.arange(len(probs)), codes].clip(np.finfo(np.float32).eps))
        return cls(losses, mislabelled=mislabelled).plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, bins: int = 50) -> LossDistributionDisplay:
        """Plot the losses.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        bins : int, default=50
            Number of bins of the histogram.

        Returns
        -------
        LossDistributionDisplay
        """
        check_params("LossDistributionDisplay.plot", _CONSTRAINTS, {"bins": bins})
        losses = check_finite(self.losses, "losses")
        low, high = losses.min(), losses.max()
        all_equal = high - low <= 1e-9 * max(1.0, abs(high))
        if all_equal:
            low, high = max(low - 0.5, min(low, 0.0)), high + 0.5
        edges: Any = np.linspace(low, high, bins + 1)
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(6.4, 4))
        tallest = 1.0
        for mask, color, name in self._groups(losses):
            counts: Any = self.ax_.hist(losses[mask], edges, color=color, alpha=0.6, label=name)[0]
            tallest = max(tallest, counts.max())
        self.lines_ = [] if all_equal else self._plot_mixture(losses, edges)
        self.ax_.set_xlabel("Loss of the given label")
        count_axis(self.ax_)
        legend_above(self.ax_, 0.0, 1.05 * tallest)
        count_ticks(self.ax_)
        return self

    def _groups(self, losses: np.ndarray) -> list[tuple[np.ndarray, str, str]]:
        """Return mask, color and name of each histogram."""
        if self.mislabelled is None:
            return [(np.ones(len(losses), dtype=bool), "0.7", "given labels")]
        mislabelled = np.asarray(self.mislabelled)
        if mislabelled.dtype != bool or mislabelled.shape != losses.shape:
            raise ValueError(
                f"mislabelled must be a boolean mask of shape {losses.shape}. Got an array of "
                f"{mislabelled.dtype} of shape {mislabelled.shape}."
            )
        return [
            (~mislabelled, CLEAN_COLOR, "clean"),
            (mislabelled, MISLABELLED_COLOR, "mislabelled"),
        ]

    def _plot_mixture(self, losses: np.ndarray, edges: np.ndarray) -> list[Any]:
        components = fit_gaussian_mixture(torch.from_numpy(losses), torch.ones(len(losses)))
        x, area = np.linspace(edges[0], edges[-1], 400), len(losses) * (edges[1] - edges[0])
        lines: list[Any] = []
        for name, ls, *parameters in zip(("lower", "upper"), ("-", "--"), *components, strict=True):
            mean, std, weight = map(float, parameters)
            density = weight * area * norm.pdf(x, mean, max(std, 1e-12))
            style: Any = {"color": "black", "lw": 1.2, "ls": ls, "label": f"{name} component"}
            lines += self.ax_.plot(x, density, **style)
        return lines
