"""A picture of scores over the rate of smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknoisy._labels import sorted_classes
from sknoisy._results import rates_and_scores
from sknoisy.plots._axes import RIGHT, WRONG, axes_for

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
        Scores on right labels, as a second curve.
    score_name : str, default="Score on noisy labels"

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    line_ : Line2D

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
        score_name: str = "Score on noisy labels",
    ) -> None:
        self.smoothing = smoothing
        self.score = score
        self.score_error = score_error
        self.trusted_score = trusted_score
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        trusted_score: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Draw what a search over ``smoothing`` found.

        Parameters
        ----------
        estimator : GridSearchCV or the like
            Fitted; of other parameters than the rate the best values are shown for each rate.
        trusted_score : array-like of shape (n_rates,), default=None
            Scores on right labels, in the order of rising rates.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        SmoothingCurveDisplay
        """
        check_is_fitted(estimator, "cv_results_")
        return cls.from_cv_results(
            estimator.cv_results_, trusted_score=trusted_score, ax=ax, **plot_params
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Any,
        *,
        trusted_score: Any = None,
        ax: Axes | None = None,
        **plot_params: Any,
    ) -> Any:
        """Draw from ``cv_results_``, a dict or a data frame; "auto" has no place among the rates.

        Parameters
        ----------
        cv_results : dict or DataFrame
        trusted_score : array-like of shape (n_rates,), default=None
            Scores on right labels, in the order of rising rates.
        ax : Axes, default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        SmoothingCurveDisplay
        """
        tried, mean, error = rates_and_scores(cv_results)
        rows = [i for i, rate in enumerate(tried) if not isinstance(rate, str)]
        rates = np.array([float(tried[i]) for i in rows])
        mean, error = mean[rows], error[rows]
        known = sorted_classes(np.unique(rates))
        best = [np.flatnonzero(rates == rate) for rate in known]
        places = np.array([own[np.argmax(mean[own])] for own in best])
        shown = cls(known, mean[places], score_error=error[places], trusted_score=trusted_score)
        return shown.plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, color: str = RIGHT) -> SmoothingCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where; None: a figure of its own.
        color : color, default="tab:blue"

        Returns
        -------
        SmoothingCurveDisplay
        """
        rates, score = np.asarray(self.smoothing, float), np.asarray(self.score, float)
        check_consistent_length(rates, score)
        order = np.argsort(rates)
        rates, score = rates[order], score[order]
        self.figure_, self.ax_ = axes_for(ax, figsize=(6.4, 4))
        # Rates of -1 and -2 differ by as much as rates of .3 and .6.
        self.ax_.set_xscale("symlog", linthresh=1.0, linscale=1.0)
        (self.line_,) = self.ax_.plot(rates, score, "o-", color=color, label=self.score_name)
        if self.score_error is not None:
            error = np.asarray(self.score_error, float)[order]
            self.ax_.fill_between(rates, score - error, score + error, color=color, alpha=0.2, lw=0)
        if self.trusted_score is not None:
            right = np.asarray(self.trusted_score, float)
            check_consistent_length(rates, right)
            self.ax_.plot(rates, right[order], "s--", color=WRONG, label="Score on right labels")
        self.ax_.axvline(0, color="0.6", lw=0.8, zorder=0)
        self.ax_.set_xticks(rates, _spaced(rates))
        self.ax_.minorticks_off()
        self.ax_.set(xlabel="Rate of smoothing", ylabel="Score")
        self.ax_.legend()
        return self


def _spaced(rates: np.ndarray) -> Sequence[str]:
    """Names of the rates; those too near to the last one named stay empty."""
    place = np.sign(rates) * np.where(
        abs(rates) < 1, abs(rates), 1 + np.log10(np.maximum(abs(rates), 1))
    )
    least, last, names = 0.05 * (place.max() - place.min()), -np.inf, []
    for where, rate in zip(place, rates, strict=True):
        near = where - last < least
        names.append("" if near else f"{rate:g}")
        last = last if near else where
    return names
