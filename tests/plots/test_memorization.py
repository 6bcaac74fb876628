"""MemorizationDisplay."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.plots import (
    MemorizationDisplay,
)
from tests.plots.helpers import assert_inside, plt, tick_labels


def test_fractions_are_computed_from_predictions():
    given, clean = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    predicted = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1]]
    display = MemorizationDisplay.from_predictions(
        given, predicted, y_clean=clean, held_out=[0.5, 0.75, 0.25]
    )
    lines = {name: line.get_ydata() for name, line in display.lines_.items()}
    assert set(lines) == {"fit", "agreement", "held_out", "memorized", "recovered"}
    assert_allclose(lines["fit"], [0.5, 0.5, 0.75])
    assert_allclose(lines["agreement"], [np.nan, 0.5, 0.75])
    assert_allclose(lines["memorized"], [0.5, 0, 0.5])
    assert_allclose(lines["recovered"], [0.5, 1, 0.5])
    assert_array_equal(display.lines_["fit"].get_xdata(), [1, 2, 3])
    best = display.ax_.lines[-1]
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 0.75)


def test_from_estimator_plots_the_history(fitted):
    *_, clf = fitted
    display = MemorizationDisplay.from_estimator(clf)
    for name, column in (("fit", "train_acc"), ("held_out", "valid_acc")):
        assert_allclose(display.lines_[name].get_ydata(), clf.history_[:, column])
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [
        "training accuracy", "unchanged predictions", "held-out accuracy", "best held-out accuracy",
    ]  # fmt: skip


def test_from_estimator_accepts_a_pipeline(fitted):
    X, _, noisy, clf = fitted
    pipe = make_pipeline(StandardScaler(), clone(clf).set_params(max_epochs=2)).fit(X, noisy)
    display = MemorizationDisplay.from_estimator(pipe)
    assert_allclose(display.lines_["fit"].get_ydata(), pipe[-1].history_[:, "train_acc"])


@pytest.mark.parametrize(
    ("given", "predicted"),
    [
        (pd.Series(["a", "b", "a"]), np.array([["a", "a", "a"]])),
        (pd.Series(["a", "b", "a"], dtype="category"), np.array([["a", "a", "a"]])),
        (np.array(["a", "b", "a"], dtype=object), [["a", "a", "a"]]),
        (np.array([3, 5, 3]), np.array([[3, 3, 3]], dtype=np.uint8)),
        (np.array([3, 5, 3]), np.array([[3.0, 3.0, 3.0]])),
        (np.array([False, True, False]), np.array([[0, 0, 0]])),
    ],
)
def test_labels_of_different_dtypes_are_compared_by_value(given, predicted):
    display = MemorizationDisplay.from_predictions(
        given, predicted, y_clean=np.asarray(predicted)[0]
    )
    assert_allclose(display.fit, [2 / 3])
    assert_allclose(display.recovered, [1])


@pytest.mark.slow
@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("figsize", [(10, 4), (5, 2.5)])
def test_the_legend_is_not_cut_off(figsize, layout):
    fractions = np.linspace(0, 1, 20)
    lines = dict.fromkeys(("agreement", "held_out", "memorized", "recovered"), fractions)
    fig, axes = plt.subplots(1, 2, figsize=figsize, layout=layout)
    for ax in axes:
        MemorizationDisplay(fractions, **lines).plot(ax=ax)
    fig.canvas.draw()
    for ax in axes:
        legend = ax.get_legend().get_window_extent()
        assert_inside(legend, ax.get_window_extent())
        assert ax.transData.transform((0, 1))[1] < legend.y0
    display = MemorizationDisplay(fractions, **lines).plot()
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend().get_window_extent()
    assert_inside(legend, display.figure_.bbox)
    assert legend.y1 < display.ax_.xaxis.label.get_window_extent().y0


def test_one_epoch_has_one_tick():
    assert tick_labels(MemorizationDisplay([0.5]).plot().ax_.xaxis) == ["1"]


def test_methods_that_train_on_modified_samples_need_early_stopping(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("mixup", max_epochs=2, random_state=0).fit(X, noisy)
    with pytest.raises(ValueError, match=r"Mixup trains on modified samples.*early_stopping=True"):
        MemorizationDisplay.from_estimator(clf)
    clf.set_params(early_stopping=True).fit(X, noisy)
    assert set(MemorizationDisplay.from_estimator(clf).lines_) == {"held_out"}


def test_input_that_does_not_match_is_refused(fitted):
    X, _, noisy, clf = fitted
    search = GridSearchCV(clf, {"max_epochs": [1]}, cv=2, refit=False).fit(X, noisy)
    with pytest.raises(ValueError, match=r"GridSearchCV with refit=False has no fitted model"):
        MemorizationDisplay.from_estimator(search)
    with pytest.raises(ValueError, match="y and y_pred must all hold numbers or all strings"):
        MemorizationDisplay.from_predictions(["a", "b"], [[0, 1]])
    with pytest.raises(ValueError, match=r"y_pred must have shape \(n_epochs, 2\).*Got \(2,\)"):
        MemorizationDisplay.from_predictions([0, 1], [0, 1])
    with pytest.raises(ValueError, match="there are no noisy labels to memorize"):
        MemorizationDisplay.from_predictions([0, 1], [[0, 1]], y_clean=[0, 1])
    with pytest.raises(
        ValueError,
        match=r"held_out must have a value for each of 2 epochs. Got an array of shape \(3,\)",
    ):
        MemorizationDisplay([0.1, 0.2], held_out=[1, 2, 3]).plot()
