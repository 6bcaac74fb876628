"""A picture of memorization."""

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
from tests.plots.helpers import assert_inside, plt, words


def test_memorization_by_hand():
    given, right = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    said = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1]]
    shown = MemorizationDisplay.from_predictions(
        given, said, y_clean=right, held_out=[0.5, 0.75, 0.25]
    )
    drawn = {name: line.get_ydata() for name, line in shown.lines_.items()}
    assert set(drawn) == {"fit", "agreement", "held_out", "memorized", "recovered"}
    assert_allclose(drawn["fit"], [0.5, 0.5, 0.75])
    assert_allclose(drawn["agreement"], [np.nan, 0.5, 0.75])
    assert_allclose(drawn["memorized"], [0.5, 0, 0.5])
    assert_allclose(drawn["recovered"], [0.5, 1, 0.5])
    assert_array_equal(shown.lines_["fit"].get_xdata(), [1, 2, 3])
    best = shown.ax_.lines[-1]
    assert (best.get_xdata()[0], best.get_ydata()[0]) == (2, 0.75)


def test_memorization_is_what_the_training_recorded(fitted):
    *_, clf = fitted
    shown = MemorizationDisplay.from_estimator(clf)
    for name, column in (("fit", "train_acc"), ("held_out", "valid_acc")):
        assert_allclose(shown.lines_[name].get_ydata(), clf.history_[:, column])
    labels = [text.get_text() for text in shown.ax_.get_legend().get_texts()]
    assert labels == ["training accuracy", "unchanged predictions", "held-out accuracy"]


def test_memorization_of_a_pipeline(fitted):
    X, _, noisy, clf = fitted
    pipe = make_pipeline(StandardScaler(), clone(clf).set_params(max_epochs=2)).fit(X, noisy)
    shown = MemorizationDisplay.from_estimator(pipe)
    assert_allclose(shown.lines_["fit"].get_ydata(), pipe[-1].history_[:, "train_acc"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pd.Series(["a", "b", "a"]), np.array([["a", "a", "a"]])),
        (pd.Series(["a", "b", "a"], dtype="category"), np.array([["a", "a", "a"]])),
        (np.array(["a", "b", "a"], dtype=object), [["a", "a", "a"]]),
        (np.array([3, 5, 3]), np.array([[3, 3, 3]], dtype=np.uint8)),
        (np.array([3, 5, 3]), np.array([[3.0, 3.0, 3.0]])),
        (np.array([False, True, False]), np.array([[0, 0, 0]])),
    ],
)
def test_equal_labels_of_other_types_are_equal(given, said):
    shown = MemorizationDisplay.from_predictions(given, said, y_clean=np.asarray(said)[0])
    assert_allclose(shown.fit, [2 / 3])
    assert_allclose(shown.recovered, [1])


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("figsize", [(10, 4), (5, 2.5)])
def test_the_legend_of_shares_is_not_cut_off(figsize, layout):
    shares = np.linspace(0, 1, 20)
    lines = {"agreement": shares, "held_out": shares, "memorized": shares, "recovered": shares}
    fig, axes = plt.subplots(1, 2, figsize=figsize, layout=layout)
    for ax in axes:
        MemorizationDisplay(shares, **lines).plot(ax=ax)
    fig.canvas.draw()
    for ax in axes:
        legend = ax.get_legend().get_window_extent()
        assert_inside(legend, ax.get_window_extent())
        assert ax.transData.transform((0, 1))[1] < legend.y0
    alone = MemorizationDisplay(shares, **lines).plot()
    alone.figure_.canvas.draw()
    legend = alone.ax_.get_legend().get_window_extent()
    assert_inside(legend, alone.figure_.bbox)
    assert legend.y1 < alone.ax_.xaxis.label.get_window_extent().y0


def test_one_epoch_has_one_tick():
    assert words(MemorizationDisplay([0.5]).plot().ax_.xaxis) == ["1"]


def test_memorization_of_changed_rows_needs_rows_held_out(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("mixup", max_epochs=2, random_state=0).fit(X, noisy)
    with pytest.raises(ValueError, match=r"Mixup trains on modified samples.*early_stopping=True"):
        MemorizationDisplay.from_estimator(clf)
    clf.set_params(early_stopping=True).fit(X, noisy)
    assert set(MemorizationDisplay.from_estimator(clf).lines_) == {"held_out"}


def test_memorization_refuses_what_does_not_match(fitted):
    X, _, noisy, clf = fitted
    search = GridSearchCV(clf, {"max_epochs": [1]}, cv=2, refit=False).fit(X, noisy)
    with pytest.raises(TypeError, match=r"pass the best_estimator_ of a search. Got GridSearchCV"):
        MemorizationDisplay.from_estimator(search)
    with pytest.raises(ValueError, match="y and y_pred must all hold numbers or all strings"):
        MemorizationDisplay.from_predictions(["a", "b"], [[0, 1]])
    with pytest.raises(ValueError, match=r"y_pred must have shape \(n_epochs, 2\).*Got \(2,\)"):
        MemorizationDisplay.from_predictions([0, 1], [0, 1])
    with pytest.raises(ValueError, match="there are no noisy labels to memorize"):
        MemorizationDisplay.from_predictions([0, 1], [[0, 1]], y_clean=[0, 1])
    with pytest.raises(ValueError, match=r"held_out must have a value for each of 2 epochs. Got 3"):
        MemorizationDisplay([0.1, 0.2], held_out=[1, 2, 3]).plot()
