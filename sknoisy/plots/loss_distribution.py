"""A picture of losses, and of what methods see in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import norm
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknoisy._validation.labels import check_labels_and_proba
from sknoisy.functional import fit_gaussian_mixture
from sknoisy.plots._axes import RIGHT, WRONG, axes_for, legend_above, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LossDistributionDisplay"]


class LossDistributionDisplay:
    """Losses of the given labels, and two normal distributions fitted to them.

    Networks fit right labels first, so that losses form two heaps for a while; several methods take
    labels of the lower one as right. Where there is one heap only, they cannot.

    Parameters
    ----------
    losses : array-like of shape (n_samples,)
    wrong : array-like of bool of shape (n_samples,), default=None
        Which labels are wrong, where that is known: they are drawn apart.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    lines_ : list of Line2D
        The lower distribution, and the upper one; none where all losses are equal.

    Examples
    --------
    >>> from sknoisy.plots import LossDistributionDisplay
    >>> display = LossDistributionDisplay([0.1, 0.2, 0.15, 2.0, 2.1]).plot(bins=5)
    >>> display.ax_.get_xlabel()
    'Loss of the given label'
    """

    def __init__(self, losses: Any, *, wrong: Any = None) -> None:
        self.losses = losses
        self.wrong = wrong

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, ax: Axes | None = None, **plot_params: Any
    ) -> Any:
        """Draw the losses of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``.
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)
            The given labels.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`, and ``wrong``.

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
        wrong: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Draw the losses of predicted probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The given labels.
        proba : array-like of shape (n_samples, n_classes)
        classes : array-like of shape (n_classes,), default=None
            What the columns stand for, sorted; None: the labels in y.
        wrong : array-like of bool of shape (n_samples,), default=None
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LossDistributionDisplay
        """
        codes, p, _ = check_labels_and_proba(y, proba, classes)
        losses = -np.log(p[np.arange(len(p)), codes].clip(np.finfo(np.float32).eps))
        return cls(losses, wrong=wrong).plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, bins: int = 50) -> LossDistributionDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None: a figure of its own.
        bins : int, default=50

        Returns
        -------
        LossDistributionDisplay
        """
        losses = numbers(self.losses, "losses")
        low, high = losses.min(), losses.max()
        if flat := high - low <= 1e-9 * max(1.0, abs(high)):
            low, high = max(low - 0.5, min(low, 0.0)), high + 0.5
        edges: Any = np.linspace(low, high, bins + 1)
        self.figure_, self.ax_ = axes_for(ax, figsize=(6.4, 4))
        parts = [(np.ones(len(losses), dtype=bool), "0.7", "given labels")]
        if self.wrong is not None:
            wrong = np.asarray(self.wrong, dtype=bool)
            check_consistent_length(losses, wrong)
            parts = [(~wrong, RIGHT, "right labels"), (wrong, WRONG, "wrong labels")]
        tallest = 1.0
        for mask, color, name in parts:
            counts: Any = self.ax_.hist(losses[mask], edges, color=color, alpha=0.6, label=name)[0]
            tallest = max(tallest, counts.max())
        self.lines_ = [] if flat else self._fitted(losses, edges)
        # One heap is often a hundred times as tall as the other.
        self.ax_.set(yscale="log", xlabel="Loss of the given label", ylabel="Samples")
        legend_above(self.ax_, 0.5, 1.2 * tallest)
        return self

    def _fitted(self, losses: np.ndarray, edges: np.ndarray) -> list[Any]:
        components = fit_gaussian_mixture(torch.from_numpy(losses), torch.ones(len(losses)))
        places, area = np.linspace(edges[0], edges[-1], 400), len(losses) * (edges[1] - edges[0])
        lines: list[Any] = []
        for name, style, *each in zip(("lower", "upper"), ("-", "--"), *components, strict=True):
            mean, std, share = map(float, each)
            density = share * area * norm.pdf(places, mean, max(std, 1e-12))
            look: Any = {"color": "black", "lw": 1.2, "ls": style, "label": f"{name} fit"}
            lines += self.ax_.plot(places, density, **look)
        return lines
