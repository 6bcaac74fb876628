"""Display of scores over the smoothing rate."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sknoisy._validation.constraints import check_params
from sknoisy._validation.matrices import as_float_array
from sknoisy._validation.shapes import check_same_length
from sknoisy.plots._axes import axes_size, figure_and_axes, text_width
from sknoisy.search._results import rates_and_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SmoothingCurveDisplay"]

_BAND = "± standard error"


class SmoothingCurveDisplay:
    """Line plot of the score of a classifier over the smoothing rate.

    Parameters
    ----------
    smoothing : array-like of shape (n_rates,)
        Smoothing rates, positive or negative.
    score : array-like of shape (n_rates,)
        Score at each rate.
    score_error : array-like of shape (n_rates,), default=None
        Standard errors of ``score``, drawn as a band.
    trusted_score : array-like of shape (n_rates,), default=None
        Scores on clean labels, drawn as a second curve.
    trusted_error : array-like of shape (n_rates,), default=None
        Standard errors of ``trusted_score``.
    score_name : str, default="Score on noisy labels"
        Legend label of ``score``.
    trusted_name : str, default="Score on clean labels"
        Legend label of ``trusted_score``.

    Attributes
    ----------
    ax_ : Axes
        Axes with the curves.
    figure_ : Figure
        Figure that contains the axes.
    line_ : Line2D
        Curve of ``score``.
    trusted_line_ : Line2D or None
        Curve of ``trusted_score``.

    Examples
    --------
    >>> from sknoisy.plots import SmoothingCurveDisplay
    >>> display = SmoothingCurveDisplay([-2, -1, 0, 0.4], [0.5, 0.55, 0.5, 0.45]).plot()
    >>> display.ax_.get_xlabel()
    'Smoothing rate'
    """

    def __init__(
        self,
        smoothing: Any,
        score: Any,
        *,
        score_error: Any = None,
        trusted_score: Any = None,
        trusted_error: Any = None,
        score_name: str = "Score on noisy labels",
        trusted_name: str = "Score on clean labels",
    ) -> None:
        self.smoothing = smoothing
        self.score = score
        self.score_error = score_error
        self.trusted_score = trusted_score
        self.trusted_error = trusted_error
        self.score_name = score_name
        self.trusted_name = trusted_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str | None = None, ax: Axes | None = None, **params: Any
    ) -> Any:
        """Plot the scores of a search over ``smoothing``.

        Parameters
        ----------
        estimator : GridSearchCV or a similar search
            Fitted search. If it searched other parameters, too, the best candidate of each rate is
            plotted.
        metric : str, default=None
            Name of the score, for a search with multiple metrics; None: the score named by
            ``refit``.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **params
            Parameters of :meth:`from_cv_results`.

        Returns
        -------
        SmoothingCurveDisplay
        """
        check_is_fitted(estimator, "cv_results_")
        refit = getattr(estimator, "refit", None)
        if metric is None and isinstance(refit, str) and getattr(estimator, "multimetric_", False):
            metric = refit
        return cls.from_cv_results(estimator.cv_results_, metric=metric, ax=ax, **params)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Any,
        *,
        metric: str | None = None,
        trusted_score: Any = None,
        trusted_error: Any = None,
        score_name: str = "Score on noisy labels",
        trusted_name: str = "Score on clean labels",
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Plot the scores in ``cv_results_``.

        Candidates with ``smoothing="auto"`` or a rate for each class, and candidates without a
        score, are not plotted. For a successive halving search, only the last iteration is plotted,
        as the scores of earlier iterations used fewer resources.

        Parameters
        ----------
        cv_results : dict or DataFrame
            The ``cv_results_`` of a search.
        metric : str, default=None
            Name of the score, for a search with multiple metrics.
        trusted_score : dict, or array-like of shape (n_candidates,), default=None
            Scores on clean labels: a dict from some or all rates to scores, or a score for each
            candidate, in the order of ``cv_results``.
        trusted_error : dict, or array-like of shape (n_candidates,), default=None
            Standard errors of ``trusted_score``.
        score_name : str, default="Score on noisy labels"
            Legend label of the scores.
        trusted_name : str, default="Score on clean labels"
            Legend label of ``trusted_score``.
        ax : Axes, default=None
            Axes to plot on; None: a new figure.
        **plot_params
            Parameters of :meth:`plot`.

        Returns
        -------
        SmoothingCurveDisplay

        Raises
        ------
        ValueError
            If ``smoothing`` was not searched, there is no such score, or ``trusted_score`` or
            ``trusted_error`` do not match the candidates.
        """
        candidates, mean, error = rates_and_scores(cv_results, metric)
        rates = np.array([float(r) if isinstance(r, Real) else np.nan for r in candidates])
        scored = np.flatnonzero(~np.isnan(rates) & ~np.isnan(mean))
        if not len(scored):
            raise ValueError("cv_results has no score for a numeric value of 'smoothing'.")
        unique_rates = np.unique(rates[scored])
        groups = [scored[rates[scored] == rate] for rate in unique_rates]
        best = np.array([group[np.argmax(mean[group])] for group in groups])
        if len(best) < len(scored):
            score_name += ", best candidate of each rate"
        display = cls(
            unique_rates,
            mean[best],
            score_error=error[best],
            trusted_score=_values_at(trusted_score, "trusted_score", rates, best),
            trusted_error=_values_at(trusted_error, "trusted_error", rates, best),
            score_name=score_name,
            trusted_name=trusted_name,
        )
        return display.plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, color: Any = None) -> SmoothingCurveDisplay:
        """Plot the curves.

        Parameters
        ----------
        ax : Axes, default=None
            Axes to plot on, which may already have curves; None: a new figure.
        color : color, default=None
            Color of both curves; None: the next color of the axes.

        Returns
        -------
        SmoothingCurveDisplay
        """
        names = {"score_name": self.score_name, "trusted_name": self.trusted_name}
        check_params("SmoothingCurveDisplay", {name: [str] for name in names}, names)
        rates = as_float_array("smoothing", self.smoothing)
        score = as_float_array("score", self.score)
        check_same_length(smoothing=rates, score=score)
        if rates.ndim != 1 or not len(rates) or not np.isfinite(rates).all():
            raise ValueError(
                "The 'smoothing' parameter must hold finite rates, at least one. Got "
                f"{self.smoothing!r:.80} instead."
            )
        order = np.argsort(rates, kind="stable")
        score_error, trusted, trusted_error = (
            self._sorted(name, order) for name in ("score_error", "trusted_score", "trusted_error")
        )
        rates, score = rates[order], score[order]
        self.figure_, self.ax_ = figure_and_axes(ax, figsize=(6.4, 4))
        # Keep the rates of an earlier curve on these axes.
        ticks: Any = self.ax_.get_xticks() if self.ax_.get_xscale() == "symlog" else []
        # A step from -1 to -2 has about the same effect as a step from 0.3 to 0.6.
        self.ax_.set_xscale("symlog", linthresh=1.0, linscale=1.0)
        (self.line_,) = self.ax_.plot(rates, score, "o-", color=color, label=self.score_name)
        color, self.trusted_line_ = self.line_.get_color(), None
        if score_error is not None:
            self._plot_band(rates, score, score_error, color=color)
        if trusted is not None:
            style: Any = {"mfc": "white", "color": color, "label": self.trusted_name}
            (self.trusted_line_,) = self.ax_.plot(rates, trusted, "s--", **style)
            if trusted_error is not None:
                self._plot_band(rates, trusted, trusted_error, color=color, filled=False)
        self.ax_.axvline(0, color="0.6", lw=0.8, zorder=0)
        self._set_ticks(np.union1d(ticks, rates))
        self.ax_.set(xlabel="Smoothing rate", ylabel="Score")
        self.ax_.legend(fontsize="medium" if ax is None else "small")
        return self

    def _sorted(self, name: str, order: np.ndarray) -> np.ndarray | None:
        values = getattr(self, name)
        if values is None:
            return None
        values = as_float_array(name, values)
        if values.shape != order.shape:
            raise ValueError(
                f"{name} must have a value for each of {len(order)} rates. Got an array of shape "
                f"{values.shape}."
            )
        if name.endswith("_error") and (values < 0).any():
            raise ValueError(
                f"The {name!r} parameter must hold standard errors of at least 0. Got "
                f"{values.min():g} in it."
            )
        return values[order]

    def _plot_band(
        self,
        rates: np.ndarray,
        score: np.ndarray,
        error: np.ndarray,
        color: Any,
        filled: bool = True,
    ) -> None:
        if len(rates) == 1:
            self.ax_.errorbar(rates, score, error, color=color, capsize=3)
            return
        style: Any = {"color": color, "alpha": 0.2, "lw": 0}
        if not filled:
            # An outline is distinguishable from the filled band where both overlap.
            style = {"facecolor": "none", "edgecolor": color, "ls": ":"}
        if _BAND not in self.ax_.get_legend_handles_labels()[1]:
            style["label"] = _BAND
        self.ax_.fill_between(rates, score - error, score + error, **style)

    def _set_ticks(self, rates: np.ndarray) -> None:
        """Label as many ticks as fit, starting with the rates with the fewest digits."""
        size = 10
        if len(rates) == 1:
            self.ax_.set_xlim(rates[0] - 1, rates[0] + 1)
        self.ax_.autoscale_view()
        pixels = self.ax_.transData.transform(np.c_[rates, np.zeros(len(rates))])
        centers = self.ax_.transAxes.inverted().transform(pixels)[:, 0] * axes_size(self.ax_)[0]
        names = [f"{rate:g}" for rate in rates]
        halves = np.array([text_width(name, size) / 2 + size / 4 for name in names])
        kept: list[int] = []
        for i in sorted(
            range(len(rates)), key=lambda i: (len(names[i].lstrip("-")), abs(rates[i]))
        ):
            if (abs(centers[kept] - centers[i]) > halves[kept] + halves[i]).all():
                kept.append(i)
        labels = [name if i in kept else "" for i, name in enumerate(names)]
        self.ax_.set_xticks(rates, labels, fontsize=size)
        self.ax_.minorticks_off()


def _values_at(
    values: Any, name: str, rates: np.ndarray, candidates: np.ndarray
) -> np.ndarray | None:
    """Look up the values of some candidates, in a dict by rate or an array for all candidates."""
    if values is None:
        return None
    if isinstance(values, Mapping):
        unknown = [rate for rate in values if rate not in rates]
        if unknown:
            raise ValueError(
                f"The keys of {name} must be rates that were searched, "
                f"{np.unique(rates[~np.isnan(rates)]).tolist()}. Got {unknown}."
            )
        return np.array([values.get(rate, np.nan) for rate in rates[candidates]], dtype=float)
    values = np.asarray(values, dtype=float)
    if values.shape != rates.shape:
        raise ValueError(
            f"{name} must have a value for each of {len(rates)} candidates, in their order, or be "
            f"a dict from rates to values. Got an array of shape {values.shape}."
        )
    return values[candidates]
