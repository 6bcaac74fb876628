"""TransitionMatrixDisplay."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.ensemble import OpinionPoolClassifier
from sknoisy.noise import pair
from sknoisy.plots import (
    TransitionMatrixDisplay,
)
from tests.plots.helpers import LONG_NAMES, NAMES, assert_apart, assert_inside, plt, tick_labels


def test_from_estimator_from_predictions_and_plot_on_given_axes(fitted):
    _, y, noisy, clf = fitted
    display = TransitionMatrixDisplay.from_estimator(clf)
    assert_allclose(display.im_.get_array(), clf.method_.transition)
    assert tick_labels(display.ax_.xaxis) == tick_labels(display.ax_.yaxis) == list(NAMES)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Noisy label", "True label")
    display = TransitionMatrixDisplay.from_predictions(y, noisy)
    expected = pd.crosstab(y, noisy, normalize="index").to_numpy()
    assert_allclose(display.im_.get_array(), expected)
    for (i, j), text in np.ndenumerate(display.text_):
        assert text.get_text() == (f"{expected[i, j]:.2f}" if expected[i, j] else "")
        assert text.get_position() == (j, i)
    fig, ax = plt.subplots()
    display = TransitionMatrixDisplay(pair(3, 0.2))
    assert display.plot(ax=ax, include_values=False, colorbar=False) is display
    assert display.ax_ is ax
    assert display.figure_ is fig
    assert display.text_ is None
    assert len(fig.axes) == 1


def test_many_classes_get_fewer_ticks_and_no_numbers():
    display = TransitionMatrixDisplay(pair(100, 0.2)).plot()
    assert display.text_ is None
    assert len(display.ax_.get_xticks()) <= 30


@pytest.mark.slow
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_numbers_fit_into_cells_of_any_size(layout):
    fig, (ax, small) = plt.subplots(1, 2, figsize=(10, 4), layout=layout)
    matrix = 0.5 * np.eye(10) + 0.05
    display = TransitionMatrixDisplay(matrix).plot(ax=ax)
    TransitionMatrixDisplay(matrix, display_labels=LONG_NAMES).plot(ax=small)
    for size in ((10, 4), (8, 4)):
        fig.set_size_inches(size)
        fig.canvas.draw()
        assert_apart(display.text_[0])
        assert 5 < display.text_[0, 0].get_fontsize() <= 10


@pytest.mark.slow
def test_numbers_too_small_to_read_are_not_drawn():
    pixels = []
    for values in (True, False):
        fig, ax = plt.subplots(figsize=(2, 2))
        TransitionMatrixDisplay(pair(12, 0.2)).plot(ax=ax, include_values=values)
        fig.canvas.draw()
        pixels.append(np.asarray(fig.canvas.buffer_rgba()))
    assert_array_equal(*pixels)


def test_values_format_is_used():
    display = TransitionMatrixDisplay([[2 / 3, 1 / 3], [0.001, 0.999]]).plot(values_format=".0%")
    texts = [text.get_text() for text in display.text_.ravel()]
    assert texts == ["67%", "33%", "", "100%"]


def test_long_class_names_leave_space_for_the_matrix():
    display = TransitionMatrixDisplay(pair(10, 0.2), display_labels=LONG_NAMES).plot()
    display.figure_.canvas.draw()
    assert display.ax_.get_window_extent().width > 0.4 * display.figure_.bbox.width
    assert len(set(tick_labels(display.ax_.xaxis))) == 10, "names are ambiguous"
    assert all("…" in name for name in tick_labels(display.ax_.yaxis))
    for label in display.ax_.get_xticklabels() + display.ax_.get_yticklabels():
        assert_inside(label.get_window_extent(), display.figure_.bbox)


def test_the_row_of_a_class_without_true_labels_is_unknown():
    display = TransitionMatrixDisplay.from_predictions([0, 0, 1], [0, 2, 1])
    nan = np.nan
    assert_allclose(display.transition_matrix, [[0.5, 0, 0.5], [0, 1, 0], [nan, nan, nan]])
    assert [text.get_text() for text in display.text_[2]] == [""] * 3
    assert display.im_.get_array().mask.tolist()[2] == [True] * 3
    (hatched,) = display.ax_.patches
    assert hatched.get_hatch()
    middles = display.ax_.transData.transform([(1, 0), (1, 1), (1, 2)])
    assert [hatched.contains_point(middle) for middle in middles] == [False, False, True]
    assert "unknown" in [text.get_text() for text in display.ax_.texts]


def test_categorical_labels_are_compared_and_mixed_types_refused():
    clean = pd.Series(["a", "b", "b"], dtype="category")
    display = TransitionMatrixDisplay.from_predictions(clean, np.array(["a", "a", "b"]))
    assert_allclose(display.transition_matrix, [[1, 0], [0.5, 0.5]])
    with pytest.raises(ValueError, match=r"y and y_noisy must all hold numbers or all strings"):
        TransitionMatrixDisplay.from_predictions(["a", "b"], [0, 1])
    with pytest.raises(ValueError, match=r"y must contain at least one label. Got an empty array"):
        TransitionMatrixDisplay.from_predictions([], [])
    with pytest.raises(ValueError, match="Input y_noisy contains NaN"):
        TransitionMatrixDisplay.from_predictions([0, 1], [0, np.nan])


def test_from_estimator_accepts_an_opinion_pool(fitted):
    X, _, noisy, _ = fitted
    pool = OpinionPoolClassifier([("nb", GaussianNB())], built_in=False).fit(X, noisy)
    display = TransitionMatrixDisplay.from_estimator(pool)
    assert_allclose(display.im_.get_array(), pool.transition_matrix_)


def test_from_estimator_accepts_a_pipeline(fitted):
    X, _, noisy, clf = fitted
    pipe = make_pipeline(StandardScaler(), clone(clf).set_params(max_epochs=2)).fit(X, noisy)
    display = TransitionMatrixDisplay.from_estimator(pipe)
    assert_allclose(display.im_.get_array(), pipe[-1].method_.transition)
    with pytest.raises(TypeError, match=r"TransitionMatrixDisplay.*Got StandardScaler"):
        TransitionMatrixDisplay.from_estimator(pipe[0])


@pytest.mark.slow
def test_the_estimated_matrix_is_plotted_if_the_method_has_none(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier(
        method__transition_matrix=None, smoothing="auto", max_epochs=10, random_state=0
    ).fit(X, noisy)
    display = TransitionMatrixDisplay.from_estimator(clf)
    assert_allclose(display.im_.get_array(), clf.transition_matrix_)
    clf.set_params(smoothing=0.0).fit(X, noisy)
    display = TransitionMatrixDisplay.from_estimator(GridSearchCV(clf, {}, cv=2).fit(X, noisy))
    assert display.im_.get_array().shape == (3, 3)
    clf = NoisyLabelClassifier("ce", max_epochs=1).fit(X, noisy)
    with pytest.raises(ValueError, match="CrossEntropy has no transition matrix"):
        TransitionMatrixDisplay.from_estimator(clf)


def test_a_data_frame_names_the_classes():
    frame = pd.DataFrame(pair(3, 0.3), index=NAMES[::-1], columns=NAMES[::-1])
    display = TransitionMatrixDisplay(frame).plot()
    assert tick_labels(display.ax_.xaxis) == tick_labels(display.ax_.yaxis) == list(NAMES[::-1])
    display = TransitionMatrixDisplay(frame, display_labels=["a", "b", "c"]).plot()
    assert tick_labels(display.ax_.xaxis) == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"columns of 'transition_matrix' must be the classes in"):
        TransitionMatrixDisplay(frame, display_labels=NAMES).plot()
    with pytest.raises(ValueError, match=r"rows of 'transition_matrix' must be the classes in"):
        TransitionMatrixDisplay(frame.iloc[::-1]).plot()


def test_an_invalid_transition_matrix_is_refused(fitted):
    X, _, noisy, _ = fitted
    with pytest.raises(ValueError, match=r"row 1 with minimum 0 and sum 0.5"):
        TransitionMatrixDisplay([[1, 0], [0, 0.5]]).plot()
    with pytest.raises(ValueError, match=r"row 1 with minimum nan"):
        TransitionMatrixDisplay([[1, 0], [np.nan, 0.5]]).plot()
    with pytest.raises(ValueError, match=r"\(n_classes, n_classes\).*Got .*\(2, 3\)"):
        TransitionMatrixDisplay(np.ones((2, 3))).plot()
    with pytest.raises(ValueError, match=r"'transition_matrix' parameter .* rows of equal length"):
        TransitionMatrixDisplay([[1, 0], [0]]).plot()
    with pytest.raises(ValueError, match=r"display_labels must have 3 entries. Got 2"):
        TransitionMatrixDisplay(np.eye(3), display_labels=["a", "b"]).plot()
    clf = NoisyLabelClassifier("ce", max_epochs=1).fit(X, noisy)
    with pytest.raises(ValueError, match="CrossEntropy has no transition matrix"):
        TransitionMatrixDisplay.from_estimator(clf)


def test_the_matrix_of_automatic_smoothing_is_plotted(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", smoothing="auto", max_epochs=3, random_state=0)
    display = TransitionMatrixDisplay.from_estimator(clf.fit(X, noisy))
    assert tick_labels(display.ax_.xaxis) == list(NAMES)
    assert_allclose(display.transition_matrix.sum(axis=1), 1)
