"""Pictures of noisy labels, in the manner of scikit-learn's displays.

matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.stats import norm
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from sknoisy._checks import transition_matrix as checked
from sknoisy._labels import sorted_classes, transition_between, with_proba
from sknoisy.beliefs import two_normals
from sknoisy.issues import find_label_issues

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LabelQualityDisplay",
    "LossDistributionDisplay",
    "SmoothingCurveDisplay",
    "TransitionMatrixDisplay",
]

# With more classes numbers would not fit into their cells.
_MOST_NUMBERS = 12
_MOST_NAMES = 30
_RIGHT, _WRONG = "tab:blue", "tab:orange"


def _axes(ax: Axes | None, **size: Any) -> tuple[Any, Axes]:
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax.figure, ax
    return plt.subplots(layout="constrained", **size)


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
        self.figure_, self.ax_ = _axes(ax, figsize=(side * 1.15, side))
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


class LabelQualityDisplay:
    """How many labels are believed how firmly, and the ones that are believed least.

    Parameters
    ----------
    quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected.
    given : array-like of shape (n_samples,)
        The labels.
    suggested : array-like of shape (n_samples,), default=None
        What they should be.
    X : array-like of shape (n_samples, ...), default=None
        Images, (n_samples, [channels,] height, width), are shown; of other samples the place is.

    Attributes
    ----------
    ax_ : Axes
        Of the histogram.
    figure_ : Figure
    worst_ : ndarray of int
        Places of the samples that are shown.

    Examples
    --------
    >>> from sknoisy.plots import LabelQualityDisplay
    >>> display = LabelQualityDisplay([0.1, 0.9, 0.8], ["cat", "cat", "dog"], ["dog", "cat", "dog"])
    >>> display.plot(n_worst=1).worst_
    array([0])
    """

    def __init__(self, quality: Any, given: Any, suggested: Any = None, X: Any = None) -> None:
        self.quality = quality
        self.given = given
        self.suggested = suggested
        self.X = X

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **plot_params: Any) -> Any:
        """Draw what :func:`~sknoisy.issues.find_label_issues` finds with a fitted classifier.

        Parameters
        ----------
        estimator : NoisyLabelClassifier
            The default classifier, fitted to ``X`` and ``y``.
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)
            The given labels.
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(estimator, y, X, plot_params)

    @classmethod
    def from_predictions(cls, y: Any, proba: Any, *, X: Any = None, **plot_params: Any) -> Any:
        """Draw what is found with out-of-fold probabilities.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            The given labels.
        proba : array-like of shape (n_samples, n_classes)
        X : array-like of shape (n_samples, ...), default=None
        **plot_params
            For :meth:`plot`.

        Returns
        -------
        LabelQualityDisplay
        """
        return cls._from(proba, y, X, plot_params)

    @classmethod
    def _from(cls, source: Any, y: Any, X: Any, plot_params: dict[str, Any]) -> Any:
        found = find_label_issues(source, np.asarray(y), return_all=True).sort_index()
        X = None if X is None else np.asarray(X)[found.index]
        shown = cls(found["quality"], found["given"], found["suggested"], X)
        return shown.plot(**plot_params)

    def plot(
        self, *, ax: Axes | None = None, n_worst: int = 12, bins: int = 30
    ) -> LabelQualityDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, default=None
            Where to draw the histogram, alone; None: a figure with the worst samples beside it.
        n_worst : int, default=12
            How many to show.
        bins : int, default=30

        Returns
        -------
        LabelQualityDisplay
        """
        import matplotlib.pyplot as plt

        quality, given = np.asarray(self.quality, dtype=float), np.asarray(self.given)
        check_consistent_length(quality, given)
        suggested = None if self.suggested is None else np.asarray(self.suggested)
        self.worst_ = np.argsort(quality, kind="stable")[: max(n_worst, 0)]
        if ax is not None or not len(self.worst_):
            self.figure_, self.ax_ = _axes(ax)
        else:
            self.figure_ = plt.figure(figsize=(10, 4), layout="constrained")
            sides: Any = self.figure_.subfigures(1, 2, width_ratios=(1, 1.2))
            left, right = sides
            self.ax_ = left.subplots()
            self._show(right, quality, given, suggested)
        kept = np.ones(len(quality), bool) if suggested is None else given == suggested
        parts = [(kept, _RIGHT, "label kept"), (~kept, _WRONG, "another suggested")]
        parts = [part for part in parts if part[0].any()]
        edges: Any = np.linspace(min(0.0, quality.min()), max(1.0, quality.max()), bins + 1)
        for mask, color, name in parts:
            # Not stacked: on a scale of logarithms heights do not add up.
            self.ax_.hist(quality[mask], edges, color=color, label=name, alpha=0.8)
        self.ax_.set(xlabel="Label quality", ylabel="Samples", yscale="log")
        if suggested is not None:
            self.ax_.legend()
        return self

    def _show(
        self, figure: Any, quality: np.ndarray, given: np.ndarray, suggested: np.ndarray | None
    ) -> None:
        def words(i: int) -> str:
            change = "" if suggested is None else f" → {suggested[i]}"
            return f"{given[i]}{change}"

        images = _as_images(self.X)
        figure.suptitle("Least believed" + ("" if suggested is None else ": given → suggested"))
        if images is None:
            ax = figure.subplots()
            ax.axis("off")
            cells = [[str(i), words(i), f"{quality[i]:.2g}"] for i in self.worst_]
            sheet = ax.table(
                cells, colLabels=["row", "label", "quality"], loc="upper center", cellLoc="center"
            )
            sheet.auto_set_font_size(False)
            sheet.set_fontsize(9)
            return
        n_columns = int(np.ceil(np.sqrt(1.5 * len(self.worst_))))
        n_rows = int(np.ceil(len(self.worst_) / n_columns))
        panes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for pane in panes:
            pane.axis("off")
        for pane, i in zip(panes, self.worst_, strict=False):
            pane.imshow(images[i], cmap="gray" if images[i].ndim == 2 else None)
            pane.set_title(words(i), fontsize=9)


def _as_images(X: Any) -> np.ndarray | None:
    """Images as matplotlib takes them; None if the samples are something else."""
    if X is None:
        return None
    X = np.asarray(X)
    if X.ndim == 4 and X.shape[1] in (1, 3):
        X = X[:, 0] if X.shape[1] == 1 else X.transpose(0, 2, 3, 1)
    elif X.ndim != 3:
        return None
    if X.dtype.kind != "f":
        return X
    # One scale for all, so that dark images stay dark.
    low, high = X.min(), X.max()
    return (X - low) / (high - low if high > low else 1)


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
        The lower distribution, and the upper one.

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
        codes, p, _ = with_proba(y, proba, classes)
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
        losses = np.asarray(self.losses, dtype=float)
        self.figure_, self.ax_ = _axes(ax, figsize=(6.4, 4))
        edges: Any = np.linspace(losses.min(), max(losses.max(), losses.min() + 1e-6), bins + 1)
        parts = [(np.ones(len(losses), dtype=bool), "0.7", "given labels")]
        if self.wrong is not None:
            wrong = np.asarray(self.wrong, dtype=bool)
            check_consistent_length(losses, wrong)
            parts = [(~wrong, _RIGHT, "right labels"), (wrong, _WRONG, "wrong labels")]
        tallest = 1.0
        for mask, color, name in parts:
            counts: Any = self.ax_.hist(losses[mask], edges, color=color, alpha=0.6, label=name)[0]
            tallest = max(tallest, counts.max())
        fitted = two_normals(torch.from_numpy(losses), torch.ones(len(losses)))
        places, area = np.linspace(edges[0], edges[-1], 400), len(losses) * (edges[1] - edges[0])
        self.lines_ = []
        for name, style, *each in zip(("lower", "upper"), ("-", "--"), *fitted, strict=True):
            mean, std, share = map(float, each)
            density = share * area * norm.pdf(places, mean, max(std, 1e-12))
            look: Any = {"color": "black", "lw": 1.2, "ls": style, "label": f"{name} fit"}
            self.lines_ += self.ax_.plot(places, density, **look)
        # One heap is often a hundred times as tall as the other.
        self.ax_.set(yscale="log", ylim=(0.5, 2 * tallest))
        self.ax_.set(xlabel="Loss of the given label", ylabel="Samples")
        self.ax_.legend()
        return self


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
        names = [name for name in cv_results if str(name).rpartition("__")[2] == "param_smoothing"]
        names += [name for name in cv_results if str(name).endswith("__smoothing")]
        if not names:
            raise ValueError("cv_results has no parameter 'smoothing'.")
        tried = list(cv_results[names[0]])
        rows = [i for i, rate in enumerate(tried) if not isinstance(rate, str)]
        rates = np.array([float(tried[i]) for i in rows])
        mean = np.asarray(cv_results["mean_test_score"], dtype=float)[rows]
        n_splits = sum(
            str(name).startswith("split") and str(name).endswith("_test_score")
            for name in cv_results
        )
        error = np.asarray(cv_results["std_test_score"], dtype=float)[rows]
        error = error / np.sqrt(max(n_splits, 1))
        known = sorted_classes(np.unique(rates))
        best = [np.flatnonzero(rates == rate) for rate in known]
        places = np.array([own[np.argmax(mean[own])] for own in best])
        shown = cls(known, mean[places], score_error=error[places], trusted_score=trusted_score)
        return shown.plot(ax=ax, **plot_params)

    def plot(self, *, ax: Axes | None = None, color: str = _RIGHT) -> SmoothingCurveDisplay:
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
        self.figure_, self.ax_ = _axes(ax, figsize=(6.4, 4))
        # Rates of -1 and -2 differ by as much as rates of .3 and .6.
        self.ax_.set_xscale("symlog", linthresh=1.0, linscale=1.0)
        (self.line_,) = self.ax_.plot(rates, score, "o-", color=color, label=self.score_name)
        if self.score_error is not None:
            error = np.asarray(self.score_error, float)[order]
            self.ax_.fill_between(rates, score - error, score + error, color=color, alpha=0.2, lw=0)
        if self.trusted_score is not None:
            right = np.asarray(self.trusted_score, float)
            check_consistent_length(rates, right)
            self.ax_.plot(rates, right[order], "s--", color=_WRONG, label="Score on right labels")
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
