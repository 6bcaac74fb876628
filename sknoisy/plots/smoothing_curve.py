"""A picture of scores over the rate of smoothing."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknoisy.plots._axes import axes_for, points, width
from sknoisy.search._results import rates_and_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SmoothingCurveDisplay"]


class SmoothingCurveDisplay:
    """The score of a classifier at each rate of smoothing.

    Parameters
    ----------
    smoothing : array-like of shape (n_rates,)
        The rates, of either sign.
    score : array-like of shape (n_rates,)
    score_error : array-like of shape (n_rates,), default=None
        Standard errors, drawn as a band.
    trusted_score : array-like of shape (n_rates,), default=None
        Scores on right labels, as a second curve, in the order of ``smoothing``.
    trusted_error : array-like of shape (n_rates,), default=None
        Standard errors of these.
    score_name : str, default="Score on noisy labels"
    trusted_name : str, default="Score on right labels"

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    line_ : Line2D
    trusted_line_ : Line2D or None
        The second curve.

    Examples
    --------
    >>> from sknoisy.plots import SmoothingCurveDisplay
    >>> display = SmoothingCurveDisplay([-2, -1, 0, 0.4], [0.5, 0.55, 0.5, 0.45]).plot()
    >>> display.ax_.get_xlabel()
    'Rate of smoothing'
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
        trusted_name: str = "Score on right labels",
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
        """Draw what a search over ``smoothing`` found.

        Parameters
        ----------
        estimator : GridSearchCV or the like
            Fitted; of other parameters than the rate the best values are shown for each rate.
        metric : str, default=None
            Name of the score, of a search by several; None: the one that ``refit`` names.
        ax : Axes, default=None
        **params
            For :meth:`from_cv_results`.

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
        trusted_name: str = "Score on right labels",
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Draw from ``cv_results_``, a dict or a data frame.

        "auto" and rates for each class have no place among the rates, nor have rates without a
        score. Of a search by halving only the last iteration is drawn, among whose candidates it
        chooses: all others were scored with less.

        Parameters
        ----------
        cv_results : dict or DataFrame
        metric : str, default=None
            Name of the score, of a search by several.
        trusted_score : dict, or array-like of shape (n_candidates,), default=None
            Scores on right labels: by rate, or one for each candidate in the order of
            ``cv_results``, which for a grid of rates alone is that of the grid. A dict may leave
            out rates.
        trusted_error : dict, or array-like of shape (n_candidates,), default=None
            Standard errors of these.
        score_name : str, default="Score on noisy labels"
        trusted_name : str, default="Score on right labels"
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        SmoothingCurveDisplay

        Raises
        ------
        ValueError
            If the rate was not searched, there is no such score, or scores on right labels do not
            fit the candidates.
        """
        tried, mean, error = rates_and_scores(cv_results, metric)
        rates = np.array([float(r) if isinstance(r, Real) else np.nan for r in tried])
        scored = np.flatnonzero(~np.isnan(rates) & ~np.isnan(mean))
        if not len(scored):
            raise ValueError("cv_results has no score of a number for 'smoothing'.")
        known = np.unique(rates[scored])
        of_rate = [scored[rates[scored] == rate] for rate in known]
        best = np.array([own[np.argmax(mean[own])] for own in of_rate])
        shown = cls(
            known,
            mean[best],
            score_error=error[best],
            trusted_score=_at(trusted_score, "trusted_score", rates, best),
            trusted_error=_at(trusted_error, "trusted_error", rates, best),
            score_name=score_name,
            trusted_name=trusted_name,
        )
        return shown.plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, color: Any = None) -> SmoothingCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where, beside the curves that are there; None: a figure of its own.
        color : color, default=None
            Of both curves; None: the next one of the axes.

        Returns
        -------
        SmoothingCurveDisplay
        """
        rates, score = np.asarray(self.smoothing, float), np.asarray(self.score, float)
        check_consistent_length(rates, score)
        order = np.argsort(rates, kind="stable")
        score_error, trusted, trusted_error = (
            self._sorted(name, order) for name in ("score_error", "trusted_score", "trusted_error")
        )
        rates, score = rates[order], score[order]
        self.figure_, self.ax_ = axes_for(ax, figsize=(6.4, 4))
        named: Any = self.ax_.get_xticks() if self.ax_.get_xscale() == "symlog" else []
        # Rates of -1 and -2 differ by as much as rates of .3 and .6.
        self.ax_.set_xscale("symlog", linthresh=1.0, linscale=1.0)
        (self.line_,) = self.ax_.plot(rates, score, "o-", color=color, label=self.score_name)
        color, self.trusted_line_ = self.line_.get_color(), None
        if score_error is not None:
            self._band(rates, score, score_error, color=color)
        if trusted is not None:
            look: Any = {"mfc": "white", "color": color, "label": self.trusted_name}
            (self.trusted_line_,) = self.ax_.plot(rates, trusted, "s--", **look)
            if trusted_error is not None:
                self._band(rates, trusted, trusted_error, color=color, hollow=True)
        self.ax_.axvline(0, color="0.6", lw=0.8, zorder=0)
        self._name(np.union1d(named, rates))
        self.ax_.set(xlabel="Rate of smoothing", ylabel="Score")
        self.ax_.legend(fontsize="medium" if ax is None else "small")
        return self

    def _sorted(self, name: str, order: np.ndarray) -> np.ndarray | None:
        values = getattr(self, name)
        if values is None:
            return None
        values = np.asarray(values, float)
        if values.shape != order.shape:
            raise ValueError(
                f"{name} must have a value for each of {len(order)} rates. Got an array of shape "
                f"{values.shape}."
            )
        return values[order]

    def _band(
        self,
        rates: np.ndarray,
        middle: np.ndarray,
        half: np.ndarray,
        color: Any,
        hollow: bool = False,
    ) -> None:
        if len(rates) == 1:
            self.ax_.errorbar(rates, middle, half, color=color, capsize=3)
            return
        look: Any = {"color": color, "alpha": 0.2, "lw": 0}
        if hollow:
            # To be told from the other band where they meet.
            look = {"facecolor": "none", "edgecolor": color, "ls": ":"}
        self.ax_.fill_between(rates, middle - half, middle + half, **look)

    def _name(self, rates: np.ndarray) -> None:
        """Name the rates for which there is room, those of the fewest digits first."""
        size = 10
        if len(rates) == 1:
            self.ax_.set_xlim(rates[0] - 1, rates[0] + 1)
        self.ax_.autoscale_view()
        at = self.ax_.transData.transform(np.c_[rates, np.zeros(len(rates))])
        middles = self.ax_.transAxes.inverted().transform(at)[:, 0] * points(self.ax_)[0]
        names = [f"{rate:g}" for rate in rates]
        halves = np.array([width(name, size) / 2 + size / 4 for name in names])
        kept: list[int] = []
        for i in sorted(
            range(len(rates)), key=lambda i: (len(names[i].lstrip("-")), abs(rates[i]))
        ):
            if (abs(middles[kept] - middles[i]) > halves[kept] + halves[i]).all():
                kept.append(i)
        shown = [name if i in kept else "" for i, name in enumerate(names)]
        self.ax_.set_xticks(rates, shown, fontsize=size)
        self.ax_.minorticks_off()


def _at(values: Any, name: str, rates: np.ndarray, places: np.ndarray) -> np.ndarray | None:
    """Values of some candidates, given by rate or for all of them."""
    if values is None:
        return None
    if isinstance(values, Mapping):
        unknown = [rate for rate in values if rate not in rates]
        if unknown:
            raise ValueError(
                f"{name} must be for rates that were searched, "
                f"{np.unique(rates[~np.isnan(rates)]).tolist()}. Got {unknown}."
            )
        return np.array([values.get(rate, np.nan) for rate in rates[places]], dtype=float)
    values = np.asarray(values, dtype=float)
    if values.shape != rates.shape:
        raise ValueError(
            f"{name} must have a value for each of {len(rates)} candidates, in their order, or be "
            f"a dict from rates to values. Got an array of shape {values.shape}."
        )
    return values[places]
