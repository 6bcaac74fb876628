"""SmoothingCurveDisplay."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.plots import (
    SmoothingCurveDisplay,
)
from tests.plots.helpers import assert_apart, plt, tick_labels


def test_from_estimator_plots_the_best_score_of_each_rate(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", max_epochs=2, random_state=0)
    grid = {"smoothing": [0.4, -1, 0], "lr": [1e-3, 1e-2]}
    search = GridSearchCV(clf, grid, cv=3).fit(X, noisy)
    clean_scores = {-1: 0.9, 0: 0.8, 0.4: 0.7}
    display = SmoothingCurveDisplay.from_estimator(search, trusted_score=clean_scores)
    cv_results = pd.DataFrame(search.cv_results_)
    best = cv_results.loc[cv_results.groupby("param_smoothing")["mean_test_score"].idxmax()]
    assert_allclose(display.line_.get_xdata(), [-1, 0, 0.4])
    assert_allclose(display.line_.get_ydata(), best["mean_test_score"])
    assert_allclose(display.score_error, best["std_test_score"] / np.sqrt(2))
    assert_allclose(display.trusted_line_.get_ydata(), [0.9, 0.8, 0.7])
    assert tick_labels(display.ax_.xaxis) == ["-1", "0", "0.4"]
    from_frame = SmoothingCurveDisplay.from_cv_results(cv_results)
    assert_allclose(from_frame.line_.get_ydata(), display.line_.get_ydata())
    pipe = make_pipeline(StandardScaler(), clf)
    nested = GridSearchCV(pipe, {"noisylabelclassifier__smoothing": [-1, 0]}, cv=2).fit(X, noisy)
    assert_allclose(SmoothingCurveDisplay.from_estimator(nested).line_.get_xdata(), [-1, 0])
    with pytest.raises(ValueError, match="no parameter 'smoothing'"):
        SmoothingCurveDisplay.from_estimator(GridSearchCV(clf, {"lr": [0.1]}, cv=2).fit(X, noisy))


def make_cv_results(rates, scores, **more):
    """Make the cv_results_ of a search; scores have a column for each fold."""
    scores = np.asarray(scores, dtype=float)
    splits = {f"split{i}_test_score": column for i, column in enumerate(scores.T)}
    mean, std = scores.mean(axis=1), scores.std(axis=1)
    return {
        "param_smoothing": rates,
        "mean_test_score": mean,
        "std_test_score": std,
        **splits,
        **more,
    }


def test_the_band_is_the_standard_error_of_the_mean_over_folds():
    scores = np.random.default_rng(0).random((2, 5))
    display = SmoothingCurveDisplay.from_cv_results(make_cv_results([-1, 0], scores))
    assert_allclose(display.score_error, scores.std(axis=1, ddof=1) / np.sqrt(5))
    single = SmoothingCurveDisplay.from_cv_results(make_cv_results([-1, 0], scores[:, :1]))
    assert_allclose(single.score_error, 0)


def test_a_failed_candidate_does_not_hide_another_of_its_rate():
    nan = np.nan
    cv_results = make_cv_results([-1, -1, 0, 0.4, "auto"], [[nan], [0.8], [0.7], [nan], [0.9]])
    display = SmoothingCurveDisplay.from_cv_results(cv_results)
    assert_allclose(display.line_.get_xdata(), [-1, 0])
    assert_allclose(display.line_.get_ydata(), [0.8, 0.7])
    with pytest.raises(ValueError, match="no score for a numeric value of 'smoothing'"):
        SmoothingCurveDisplay.from_cv_results(make_cv_results(["auto", 0], [[0.9], [nan]]))


def test_candidates_with_a_rate_for_each_class_are_left_out():
    display = SmoothingCurveDisplay.from_cv_results(
        make_cv_results([0.1, np.array([0.1, 0.2]), np.ma.masked], [[0.5], [0.6], [0.7]])
    )
    assert_allclose(display.line_.get_xdata(), [0.1])
    low, high = display.ax_.get_xlim()
    assert low < 0.1 < high


def test_the_last_iteration_of_a_halving_search_is_plotted(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", random_state=0)
    grid = {"smoothing": [-2, -1, 0, 0.4]}
    steps = {"resource": "max_epochs", "max_resources": 4, "min_resources": 1, "factor": 2}
    search = HalvingGridSearchCV(clf, grid, cv=2, random_state=0, **steps).fit(X, noisy)
    cv_results = pd.DataFrame(search.cv_results_)
    last = cv_results[cv_results["iter"] == cv_results["iter"].max()].sort_values("param_smoothing")
    assert 0 < len(last) < 4
    for source in (search.cv_results_, cv_results):
        display = SmoothingCurveDisplay.from_cv_results(source)
        assert_array_equal(display.line_.get_xdata(), last["param_smoothing"])
        assert_allclose(display.line_.get_ydata(), last["mean_test_score"])


def test_one_of_multiple_metrics_is_plotted(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", max_epochs=2, random_state=0)
    params = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss", "cv": 3}
    search = GridSearchCV(clf, {"smoothing": [-1, 0]}, **params).fit(X, noisy)
    cv_results = search.cv_results_
    display = SmoothingCurveDisplay.from_estimator(search)
    assert_allclose(display.line_.get_ydata(), cv_results["mean_test_neg_log_loss"])
    display = SmoothingCurveDisplay.from_estimator(search, metric="accuracy")
    assert_allclose(display.line_.get_ydata(), cv_results["mean_test_accuracy"])
    assert_allclose(display.score_error, cv_results["std_test_accuracy"] / np.sqrt(2))
    message = r"one of \['accuracy', 'neg_log_loss'\]. Got 'score' instead"
    with pytest.raises(ValueError, match=message):
        SmoothingCurveDisplay.from_cv_results(cv_results)


def test_trusted_scores_are_in_the_order_of_the_candidates():
    cv_results = make_cv_results([0.4, -1, 0], [[0.1], [0.2], [0.3]])
    in_order = {"trusted_score": [0.5, 0.6, 0.7], "trusted_error": [0.01, 0.02, 0.03]}
    display = SmoothingCurveDisplay.from_cv_results(cv_results, **in_order)
    assert_allclose(display.trusted_line_.get_ydata(), [0.6, 0.7, 0.5])
    assert_allclose(display.trusted_error, [0.02, 0.03, 0.01])
    assert display.ax_.collections[1].get_datalim(display.ax_.transData).ymax == pytest.approx(0.73)
    display = SmoothingCurveDisplay.from_cv_results(cv_results, trusted_score={0.4: 0.5})
    assert_allclose(display.trusted_line_.get_ydata(), [np.nan, np.nan, 0.5])
    with pytest.raises(
        ValueError, match=r"trusted_score must have a value for each of 3 candidates"
    ):
        SmoothingCurveDisplay.from_cv_results(cv_results, trusted_score=[0.5, 0.6])
    with pytest.raises(ValueError, match=r"were searched, \[-1.0, 0.0, 0.4\]. Got \[0.5\]"):
        SmoothingCurveDisplay.from_cv_results(cv_results, trusted_score={0.5: 0.5})


@pytest.mark.parametrize("name", ["score_error", "trusted_score", "trusted_error"])
def test_arrays_of_different_lengths_are_refused(name):
    rates = [-1, 0, 0.4]
    values = {"trusted_score": rates, name: [0.1, 0.2]}
    with pytest.raises(ValueError, match=rf"{name} must have a value for each of 3 rates. Got"):
        SmoothingCurveDisplay(rates, rates, **values).plot()


def test_two_displays_on_the_same_axes_get_different_colors():
    cv_results = make_cv_results([-4, 0], [[0.1], [0.2]])
    first = SmoothingCurveDisplay.from_cv_results(cv_results, score_name="first")
    names = {"score_name": "second", "trusted_name": "third", "trusted_score": [0.2, 0.3]}
    cv_results = make_cv_results([-1, 0.4], [[0.1], [0.2]])
    second = SmoothingCurveDisplay.from_cv_results(cv_results, ax=first.ax_, **names)
    assert second.ax_ is first.ax_
    assert first.line_.get_color() != second.line_.get_color() == second.trusted_line_.get_color()
    legend = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert legend == ["first", "± standard error", "second", "third"]
    assert_allclose(first.ax_.get_xticks(), [-4, -1, 0, 0.4])
    assert tick_labels(first.ax_.xaxis) == ["-4", "-1", "0", "0.4"]


@pytest.mark.parametrize("figsize", [(6.4, 4), (2.5, 2)])
def test_tick_labels_do_not_overlap(figsize):
    rates = np.linspace(-0.5, 0.5, 41)
    fig, ax = plt.subplots(figsize=figsize)
    SmoothingCurveDisplay(rates, rates).plot(ax=ax)
    fig.canvas.draw()
    assert_apart(ax.get_xticklabels())
    assert "0" in tick_labels(ax.xaxis)


def test_automatic_smoothing_is_left_out_of_the_curve(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", max_epochs=3, random_state=0)
    search = GridSearchCV(clf, {"smoothing": ["auto", 0, -1]}, cv=2).fit(X, noisy)
    display = SmoothingCurveDisplay.from_estimator(search)
    assert_array_equal(display.smoothing, [-1, 0])
    assert_allclose(display.score, search.cv_results_["mean_test_score"][[2, 1]])


def test_the_legend_says_that_the_best_of_several_candidates_is_shown():
    cv_results = make_cv_results([-1, -1, 0], [[0.1], [0.3], [0.2]])
    ax = SmoothingCurveDisplay.from_cv_results(cv_results).ax_
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0] == "Score on noisy labels, best candidate of each rate"
    ax = SmoothingCurveDisplay.from_cv_results(make_cv_results([-1, 0], [[0.1], [0.2]])).ax_
    assert ax.get_legend().get_texts()[0].get_text() == "Score on noisy labels"
