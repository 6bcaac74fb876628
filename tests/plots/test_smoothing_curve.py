"""A picture of scores over the rate of smoothing."""

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
from tests.plots.helpers import assert_apart, plt, words


def test_smoothing_curve_from_a_search(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", max_epochs=2, random_state=0)
    grid = {"smoothing": [0.4, -1, 0], "lr": [1e-3, 1e-2]}
    search = GridSearchCV(clf, grid, cv=3).fit(X, noisy)
    truth = {-1: 0.9, 0: 0.8, 0.4: 0.7}
    shown = SmoothingCurveDisplay.from_estimator(search, trusted_score=truth)
    found = pd.DataFrame(search.cv_results_)
    best = found.loc[found.groupby("param_smoothing")["mean_test_score"].idxmax()]
    assert_allclose(shown.line_.get_xdata(), [-1, 0, 0.4])
    assert_allclose(shown.line_.get_ydata(), best["mean_test_score"])
    assert_allclose(shown.score_error, best["std_test_score"] / np.sqrt(2))
    assert_allclose(shown.trusted_line_.get_ydata(), [0.9, 0.8, 0.7])
    assert words(shown.ax_.xaxis) == ["-1", "0", "0.4"]
    framed = SmoothingCurveDisplay.from_cv_results(found)
    assert_allclose(framed.line_.get_ydata(), shown.line_.get_ydata())
    pipe = make_pipeline(StandardScaler(), clf)
    inside = GridSearchCV(pipe, {"noisylabelclassifier__smoothing": [-1, 0]}, cv=2).fit(X, noisy)
    assert_allclose(SmoothingCurveDisplay.from_estimator(inside).line_.get_xdata(), [-1, 0])
    with pytest.raises(ValueError, match="no parameter 'smoothing'"):
        SmoothingCurveDisplay.from_estimator(GridSearchCV(clf, {"lr": [0.1]}, cv=2).fit(X, noisy))


def results(rates, scores, **more):
    """What a search leaves behind: scores have a column for each fold."""
    scores = np.asarray(scores, dtype=float)
    found = {f"split{i}_test_score": column for i, column in enumerate(scores.T)}
    mean, std = scores.mean(axis=1), scores.std(axis=1)
    return {
        "param_smoothing": rates,
        "mean_test_score": mean,
        "std_test_score": std,
        **found,
        **more,
    }


def test_the_band_is_the_standard_error_of_a_mean_of_folds():
    scores = np.random.default_rng(0).random((2, 5))
    shown = SmoothingCurveDisplay.from_cv_results(results([-1, 0], scores))
    assert_allclose(shown.score_error, scores.std(axis=1, ddof=1) / np.sqrt(5))
    one = SmoothingCurveDisplay.from_cv_results(results([-1, 0], scores[:, :1]))
    assert_allclose(one.score_error, 0)


def test_a_candidate_that_failed_hides_no_other():
    nan = np.nan
    found = results([-1, -1, 0, 0.4, "auto"], [[nan], [0.8], [0.7], [nan], [0.9]])
    shown = SmoothingCurveDisplay.from_cv_results(found)
    assert_allclose(shown.line_.get_xdata(), [-1, 0])
    assert_allclose(shown.line_.get_ydata(), [0.8, 0.7])
    with pytest.raises(ValueError, match="no score for a numeric value of 'smoothing'"):
        SmoothingCurveDisplay.from_cv_results(results(["auto", 0], [[0.9], [nan]]))


def test_rates_for_each_class_have_no_place_in_the_curve():
    shown = SmoothingCurveDisplay.from_cv_results(
        results([0.1, np.array([0.1, 0.2]), np.ma.masked], [[0.5], [0.6], [0.7]])
    )
    assert_allclose(shown.line_.get_xdata(), [0.1])
    low, high = shown.ax_.get_xlim()
    assert low < 0.1 < high


def test_of_halving_the_last_iteration_is_drawn(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", random_state=0)
    grid = {"smoothing": [-2, -1, 0, 0.4]}
    steps = {"resource": "max_epochs", "max_resources": 4, "min_resources": 1, "factor": 2}
    search = HalvingGridSearchCV(clf, grid, cv=2, random_state=0, **steps).fit(X, noisy)
    found = pd.DataFrame(search.cv_results_)
    last = found[found["iter"] == found["iter"].max()].sort_values("param_smoothing")
    assert 0 < len(last) < 4
    for source in (search.cv_results_, found):
        shown = SmoothingCurveDisplay.from_cv_results(source)
        assert_array_equal(shown.line_.get_xdata(), last["param_smoothing"])
        assert_allclose(shown.line_.get_ydata(), last["mean_test_score"])


def test_smoothing_curve_of_one_of_several_scores(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", max_epochs=2, random_state=0)
    several = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss", "cv": 3}
    search = GridSearchCV(clf, {"smoothing": [-1, 0]}, **several).fit(X, noisy)
    found = search.cv_results_
    shown = SmoothingCurveDisplay.from_estimator(search)
    assert_allclose(shown.line_.get_ydata(), found["mean_test_neg_log_loss"])
    shown = SmoothingCurveDisplay.from_estimator(search, metric="accuracy")
    assert_allclose(shown.line_.get_ydata(), found["mean_test_accuracy"])
    assert_allclose(shown.score_error, found["std_test_accuracy"] / np.sqrt(2))
    known = r"one of \['accuracy', 'neg_log_loss'\]. Got 'score' instead"
    with pytest.raises(ValueError, match=known):
        SmoothingCurveDisplay.from_cv_results(found)


def test_scores_on_right_labels_follow_the_candidates():
    found = results([0.4, -1, 0], [[0.1], [0.2], [0.3]])
    in_order = {"trusted_score": [0.5, 0.6, 0.7], "trusted_error": [0.01, 0.02, 0.03]}
    shown = SmoothingCurveDisplay.from_cv_results(found, **in_order)
    assert_allclose(shown.trusted_line_.get_ydata(), [0.6, 0.7, 0.5])
    assert_allclose(shown.trusted_error, [0.02, 0.03, 0.01])
    assert shown.ax_.collections[1].get_datalim(shown.ax_.transData).ymax == pytest.approx(0.73)
    shown = SmoothingCurveDisplay.from_cv_results(found, trusted_score={0.4: 0.5})
    assert_allclose(shown.trusted_line_.get_ydata(), [np.nan, np.nan, 0.5])
    with pytest.raises(
        ValueError, match=r"trusted_score must have a value for each of 3 candidates"
    ):
        SmoothingCurveDisplay.from_cv_results(found, trusted_score=[0.5, 0.6])
    with pytest.raises(ValueError, match=r"were searched, \[-1.0, 0.0, 0.4\]. Got \[0.5\]"):
        SmoothingCurveDisplay.from_cv_results(found, trusted_score={0.5: 0.5})


@pytest.mark.parametrize("name", ["score_error", "trusted_score", "trusted_error"])
def test_values_for_too_few_rates_are_refused(name):
    rates = [-1, 0, 0.4]
    values = {"trusted_score": rates, name: [0.1, 0.2]}
    with pytest.raises(ValueError, match=rf"{name} must have a value for each of 3 rates. Got"):
        SmoothingCurveDisplay(rates, rates, **values).plot()


def test_two_curves_on_one_axes_are_told_apart():
    found = results([-4, 0], [[0.1], [0.2]])
    first = SmoothingCurveDisplay.from_cv_results(found, score_name="first")
    names = {"score_name": "second", "trusted_name": "truth", "trusted_score": [0.2, 0.3]}
    found = results([-1, 0.4], [[0.1], [0.2]])
    second = SmoothingCurveDisplay.from_cv_results(found, ax=first.ax_, **names)
    assert second.ax_ is first.ax_
    assert first.line_.get_color() != second.line_.get_color() == second.trusted_line_.get_color()
    legend = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert legend == ["first", "second", "truth"]
    assert_allclose(first.ax_.get_xticks(), [-4, -1, 0, 0.4])
    assert words(first.ax_.xaxis) == ["-4", "-1", "0", "0.4"]


@pytest.mark.parametrize("figsize", [(6.4, 4), (2.5, 2)])
def test_names_of_rates_do_not_overlap(figsize):
    rates = np.linspace(-0.5, 0.5, 41)
    fig, ax = plt.subplots(figsize=figsize)
    SmoothingCurveDisplay(rates, rates).plot(ax=ax)
    fig.canvas.draw()
    assert_apart(ax.get_xticklabels())
    assert "0" in words(ax.xaxis)
