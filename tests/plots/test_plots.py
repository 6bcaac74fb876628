"""Pictures: what is drawn, not how it looks."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import trapezoid
from scipy.sparse import coo_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.noise import corrupt_labels, pair
from sknoisy.plots import (
    LabelQualityDisplay,
    LossDistributionDisplay,
    MemorizationDisplay,
    SmoothingCurveDisplay,
    TransitionMatrixDisplay,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


NAMES = np.array(["cat", "dog", "fox"])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    X, y = load_digits(return_X_y=True)
    X, y = X[y < 3], NAMES[y[y < 3]]
    noisy = corrupt_labels(y, 0.3, kind="pair", random_state=0)
    return X, y, noisy, NoisyLabelClassifier(max_epochs=10, random_state=0).fit(X, noisy)


def words(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def assert_apart(texts):
    """Texts side by side, in their order, do not touch."""
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def assert_inside(box, frame):
    assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
    assert frame.y0 <= box.y0 <= box.y1 <= frame.y1


LONG = [f"quite_a_long_name_of_class_{i}" for i in range(10)]


def test_transition_matrix_from_all_sides(fitted):
    _, y, noisy, clf = fitted
    shown = TransitionMatrixDisplay.from_estimator(clf)
    assert_allclose(shown.im_.get_array(), clf.method_.transition)
    assert words(shown.ax_.xaxis) == words(shown.ax_.yaxis) == list(NAMES)
    assert (shown.ax_.get_xlabel(), shown.ax_.get_ylabel()) == ("Given label", "True label")
    shown = TransitionMatrixDisplay.from_predictions(y, noisy)
    expected = pd.crosstab(y, noisy, normalize="index").to_numpy()
    assert_allclose(shown.im_.get_array(), expected)
    for (i, j), text in np.ndenumerate(shown.text_):
        assert text.get_text() == (f"{expected[i, j]:.2f}" if expected[i, j] else "")
        assert text.get_position() == (j, i)
    fig, ax = plt.subplots()
    shown = TransitionMatrixDisplay(pair(3, 0.2))
    assert shown.plot(ax=ax, include_values=False, colorbar=False) is shown
    assert shown.ax_ is ax
    assert shown.figure_ is fig
    assert shown.text_ is None
    assert len(fig.axes) == 1


def test_many_classes_stay_legible():
    shown = TransitionMatrixDisplay(pair(100, 0.2)).plot()
    assert shown.text_ is None
    assert len(shown.ax_.get_xticks()) <= 30


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_numbers_fit_into_cells_of_any_size(layout):
    fig, (ax, small) = plt.subplots(1, 2, figsize=(10, 4), layout=layout)
    matrix = 0.5 * np.eye(10) + 0.05
    shown = TransitionMatrixDisplay(matrix).plot(ax=ax)
    TransitionMatrixDisplay(matrix, display_labels=LONG).plot(ax=small)
    for size in ((10, 4), (8, 4)):
        fig.set_size_inches(size)
        fig.canvas.draw()
        assert_apart(shown.text_[0])
        assert 5 < shown.text_[0, 0].get_fontsize() <= 10


def test_numbers_too_small_to_read_are_not_drawn():
    pixels = []
    for values in (True, False):
        fig, ax = plt.subplots(figsize=(2, 2))
        TransitionMatrixDisplay(pair(12, 0.2)).plot(ax=ax, include_values=values)
        fig.canvas.draw()
        pixels.append(np.asarray(fig.canvas.buffer_rgba()))
    assert_array_equal(*pixels)


def test_numbers_as_shares():
    shown = TransitionMatrixDisplay([[2 / 3, 1 / 3], [0.001, 0.999]]).plot(values_format=".0%")
    texts = [text.get_text() for text in shown.text_.ravel()]
    assert texts == ["67%", "33%", "", "100%"]


def test_long_names_of_classes_leave_room_for_the_matrix():
    shown = TransitionMatrixDisplay(pair(10, 0.2), display_labels=LONG).plot()
    shown.figure_.canvas.draw()
    assert shown.ax_.get_window_extent().width > 0.4 * shown.figure_.bbox.width
    assert len(set(words(shown.ax_.xaxis))) == 10, "what tells them apart is left"
    assert all("…" in name for name in words(shown.ax_.yaxis))
    for label in shown.ax_.get_xticklabels() + shown.ax_.get_yticklabels():
        assert_inside(label.get_window_extent(), shown.figure_.bbox)


def test_a_class_that_is_no_right_label_is_unknown():
    shown = TransitionMatrixDisplay.from_predictions([0, 0, 1], [0, 2, 1])
    nan = np.nan
    assert_allclose(shown.transition_matrix, [[0.5, 0, 0.5], [0, 1, 0], [nan, nan, nan]])
    assert [text.get_text() for text in shown.text_[2]] == [""] * 3
    assert shown.im_.get_array().mask.tolist()[2] == [True] * 3
    (hatched,) = shown.ax_.patches
    assert hatched.get_hatch()
    middles = shown.ax_.transData.transform([(1, 0), (1, 1), (1, 2)])
    assert [hatched.contains_point(middle) for middle in middles] == [False, False, True]
    assert "unknown" in [text.get_text() for text in shown.ax_.texts]


def test_labels_of_two_types_are_compared():
    right = pd.Series(["a", "b", "b"], dtype="category")
    shown = TransitionMatrixDisplay.from_predictions(right, np.array(["a", "a", "b"]))
    assert_allclose(shown.transition_matrix, [[1, 0], [0.5, 0.5]])
    with pytest.raises(ValueError, match=r"y and y_noisy must all hold numbers or all strings"):
        TransitionMatrixDisplay.from_predictions(["a", "b"], [0, 1])
    with pytest.raises(ValueError, match=r"y must contain at least one label. Got an empty array"):
        TransitionMatrixDisplay.from_predictions([], [])
    with pytest.raises(ValueError, match="Input y_noisy contains NaN"):
        TransitionMatrixDisplay.from_predictions([0, 1], [0, np.nan])


def test_transition_matrix_of_a_pipeline(fitted):
    X, _, noisy, clf = fitted
    pipe = make_pipeline(StandardScaler(), clone(clf).set_params(max_epochs=2)).fit(X, noisy)
    shown = TransitionMatrixDisplay.from_estimator(pipe)
    assert_allclose(shown.im_.get_array(), pipe[-1].method_.transition)
    with pytest.raises(TypeError, match=r"TransitionMatrixDisplay.*Got StandardScaler"):
        TransitionMatrixDisplay.from_estimator(pipe[0])


def test_a_method_without_a_matrix_in_use_shows_what_was_found(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier(
        method__transition_matrix=None, smoothing="auto", max_epochs=10, random_state=0
    ).fit(X, noisy)
    shown = TransitionMatrixDisplay.from_estimator(clf)
    assert_allclose(shown.im_.get_array(), clf.transition_matrix_)
    clf.set_params(smoothing=0.0).fit(X, noisy)
    with pytest.raises(ValueError, match="Bagging has no transition matrix"):
        TransitionMatrixDisplay.from_estimator(clf)


def test_a_frame_names_the_classes_of_its_matrix():
    frame = pd.DataFrame(pair(3, 0.3), index=NAMES[::-1], columns=NAMES[::-1])
    shown = TransitionMatrixDisplay(frame).plot()
    assert words(shown.ax_.xaxis) == words(shown.ax_.yaxis) == list(NAMES[::-1])
    shown = TransitionMatrixDisplay(frame, display_labels=["a", "b", "c"]).plot()
    assert words(shown.ax_.xaxis) == ["a", "b", "c"]
    with pytest.raises(ValueError, match=r"columns of 'transition_matrix' must be the classes in"):
        TransitionMatrixDisplay(frame, display_labels=NAMES).plot()
    with pytest.raises(ValueError, match=r"rows of 'transition_matrix' must be the classes in"):
        TransitionMatrixDisplay(frame.iloc[::-1]).plot()


def test_what_is_no_transition_matrix_is_refused(fitted):
    X, _, noisy, _ = fitted
    with pytest.raises(ValueError, match=r"row 1 with minimum 0 and sum 0.5"):
        TransitionMatrixDisplay([[1, 0], [0, 0.5]]).plot()
    with pytest.raises(ValueError, match=r"row 1 with minimum nan"):
        TransitionMatrixDisplay([[1, 0], [np.nan, 0.5]]).plot()
    with pytest.raises(ValueError, match=r"array of shape \(2, 2\).*Got one of shape \(2, 3\)"):
        TransitionMatrixDisplay(np.ones((2, 3))).plot()
    with pytest.raises(ValueError, match=r"'transition_matrix' parameter .* as many in each row"):
        TransitionMatrixDisplay([[1, 0], [0]]).plot()
    with pytest.raises(ValueError, match=r"display_labels must have 3 entries. Got 2"):
        TransitionMatrixDisplay(np.eye(3), display_labels=["a", "b"]).plot()
    clf = NoisyLabelClassifier("ce", max_epochs=1).fit(X, noisy)
    with pytest.raises(ValueError, match="CrossEntropy has no transition matrix"):
        TransitionMatrixDisplay.from_estimator(clf)


def counts(ax):
    return sum(bar.get_height() for bar in ax.patches)


@pytest.mark.parametrize("shape", [(-1, 1, 8, 8), (-1, 8, 8), (-1, 64)])
def test_label_quality_shows_the_worst(fitted, shape):
    X, _, noisy, clf = fitted
    shown = LabelQualityDisplay.from_estimator(clf, X.reshape(shape), noisy, n_worst=5)
    assert counts(shown.ax_) == len(X)
    assert_array_equal(shown.worst_, np.argsort(shown.quality, kind="stable")[:5])
    assert shown.ax_.get_legend() is not None
    panes = [ax for ax in shown.figure_.axes if ax is not shown.ax_]
    if len(shape) > 2:
        seen = [np.asarray(ax.images[0].get_array()) for ax in panes if ax.images]
        assert_allclose(seen, X.reshape(-1, 8, 8)[shown.worst_] / X.max())
        titles = [ax.get_title() for ax in panes if ax.images]
        i = shown.worst_[0]
        assert titles[0] == f"{noisy[i]} → {np.asarray(shown.suggested)[i]}"
    else:
        cells = panes[0].tables[0].get_celld()
        assert cells[1, 0].get_text().get_text() == str(shown.worst_[0])


def test_label_quality_of_a_fit_to_a_frame(fitted):
    """Names of rows are no places, and need not rise."""
    X, _, noisy, clf = fitted
    plain = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), noisy)
    frame = pd.DataFrame(X, index=np.arange(len(X))[::-1])
    again = NoisyLabelClassifier(max_epochs=10, random_state=0).fit(frame, noisy)
    shown = LabelQualityDisplay.from_estimator(again, X.reshape(-1, 8, 8), noisy)
    assert_array_equal(shown.worst_, len(X) - 1 - plain.worst_)
    assert_array_equal(shown.quality, plain.quality)
    assert_array_equal(shown.X, plain.X)


def test_label_quality_from_probabilities_and_alone():
    y = np.arange(30) % 3
    p = np.where(np.eye(3)[y], 0.9, 0.05)
    y[4] = (y[4] + 1) % 3
    shown = LabelQualityDisplay.from_predictions(y, p)
    assert shown.worst_[0] == 4
    _, ax = plt.subplots()
    shown.plot(ax=ax)
    assert shown.ax_ is ax
    colour = LabelQualityDisplay([0.1, 0.5], y[:2], X=np.zeros((2, 3, 4, 4), dtype=np.uint8)).plot()
    assert len(colour.worst_) == 2
    assert len(LabelQualityDisplay([0.1, 0.5], y[:2]).plot(n_worst=0).figure_.axes) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64])
def test_grey_images_have_one_scale(dtype):
    images = np.zeros((3, 8, 8), dtype=dtype)
    images[1], images[2] = 20, 200
    images[1, 0, 0] = 24
    shown = LabelQualityDisplay([0.1, 0.2, 0.3], ["black", "dark", "white"], X=images).plot()
    panes = [ax.images[0] for ax in shown.figure_.axes if ax.images]
    drawn = [pane.norm(pane.get_array()).max() for pane in panes]
    assert_allclose(drawn, [0, 0.12, 1], rtol=1e-6)
    # Nothing to compare with: 0 is black.
    shown = LabelQualityDisplay([0.1], ["white"], X=images[2:]).plot()
    (pane,) = (ax.images[0] for ax in shown.figure_.axes if ax.images)
    assert_allclose(pane.norm(pane.get_array()), 1)


def test_label_quality_names_rows_where_some_were_not_judged(fitted):
    X, _, noisy, clf = fitted
    weight = np.ones(len(X))
    weight[:40] = 0
    clf = clone(clf).set_params(max_epochs=4).fit(X, noisy, sample_weight=weight)
    issues = find_label_issues(clf, noisy, return_all=True)
    shown = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), noisy, n_worst=3)
    assert_array_equal(shown.worst_, issues.index[:3])
    panes = [ax for ax in shown.figure_.axes if ax.images]
    seen = [np.asarray(ax.images[0].get_array()) for ax in panes]
    judged = X[40:]
    assert_allclose(seen, X[shown.worst_].reshape(-1, 8, 8) / judged.max())
    named = pd.Series(noisy, index=[f"r{i}" for i in range(len(X))])
    shown = LabelQualityDisplay.from_estimator(clf, X, named, n_worst=3)
    assert shown.worst_.tolist() == [f"r{i}" for i in issues.index[:3]]
    (table,) = shown.figure_.axes[1].tables
    assert table.get_celld()[1, 0].get_text().get_text() == shown.worst_[0]
    ranked = LabelQualityDisplay(issues["quality"], issues["given"], issues["suggested"])
    assert_array_equal(ranked.plot(n_worst=3).worst_, issues.index[:3])


def test_label_quality_of_sparse_tables_and_of_classes_without_labels():
    y = np.arange(30) % 3
    p = np.c_[np.where(np.eye(3)[y], 0.9, 0.05), np.zeros(30)]
    sparse = coo_array(np.eye(30))
    shown = LabelQualityDisplay.from_predictions(y, p, X=sparse, classes=[0, 1, 2, 3], n_worst=2)
    assert shown.figure_.axes[1].tables
    with pytest.raises(ValueError, match="Input quality contains NaN"):
        LabelQualityDisplay([0.5, np.nan], [0, 1]).plot()
    for params in ({"bins": 0}, {"bins": 2.5}, {"n_worst": "a"}, {"n_worst": -1}):
        (name,) = params
        with pytest.raises(
            ValueError, match=rf"'{name}' parameter of LabelQualityDisplay.plot must"
        ):
            LabelQualityDisplay([0.5, 0.6], [0, 1]).plot(**params)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LabelQualityDisplay.from_predictions(y, p[:, :3], X=np.zeros((29, 4, 4)))


def test_paths_of_rows_are_told_apart_in_the_table():
    paths = [f"folder/of/images/img_{i:05d}.png" for i in range(30)]
    for given, suggested in (("cat", "dog"), LONG[:2]):
        shown = LabelQualityDisplay(
            pd.Series(np.linspace(0, 1, 30), paths), [given] * 30, [suggested] * 30
        ).plot()
        cells = shown.figure_.axes[1].tables[0].get_celld()
        names = [cells[row, 0].get_text().get_text() for row in range(1, 13)]
        ends = ("images/" if given == "cat" else "") + "img_{:05d}.png"
        assert all(name.endswith(ends.format(i)) for i, name in enumerate(names))


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_the_legend_of_qualities_lies_on_nothing(layout):
    quality = np.r_[np.full(50, 0.1), np.full(400, 0.55), np.full(300, 0.95)]
    suggested = np.repeat([1, 0], [50, 700])
    fig, axes = plt.subplots(2, 2, figsize=(8, 6), layout=layout)
    for ax in axes.ravel():
        LabelQualityDisplay(quality, np.zeros(750), suggested).plot(ax=ax)
    fig.canvas.draw()
    for ax in axes.ravel():
        lowest = ax.get_legend().get_window_extent().y0
        assert all(bar.get_window_extent().y1 < lowest for bar in ax.patches)


@pytest.mark.parametrize("n_worst", [1, 12, 40])
@pytest.mark.parametrize("images", [True, False])
def test_the_worst_fit_into_their_figure(images, n_worst):
    given = np.array(LONG)[np.arange(60) % 10]
    suggested = np.array(LONG)[np.arange(1, 61) % 10]
    X = np.zeros((60, 8, 8)) if images else None
    shown = LabelQualityDisplay(np.linspace(0, 1, 60), given, suggested, X).plot(n_worst=n_worst)
    shown.figure_.canvas.draw()
    frame = shown.figure_.bbox
    if images:
        panes = [ax for ax in shown.figure_.axes if ax.images]
        assert len(panes) == n_worst
        for pane in panes:
            assert_inside(pane.title.get_window_extent(), frame)
        columns = int(np.ceil(np.sqrt(1.5 * n_worst)))
        if n_worst > 1:
            assert_apart([pane.title for pane in panes[:columns]])
    else:
        cells = shown.figure_.axes[1].tables[0].get_celld()
        assert len(cells) == 3 * (n_worst + 1)
        for cell in cells.values():
            assert_inside(cell.get_window_extent(), frame)
            assert_inside(cell.get_text().get_window_extent(), cell.get_window_extent())


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
    with pytest.raises(ValueError, match="no score of a number for 'smoothing'"):
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


def test_losses_and_what_is_fitted_to_them(fitted):
    X, y, noisy, clf = fitted
    wrong = y != noisy
    shown = LossDistributionDisplay.from_estimator(clf, X, noisy, wrong=wrong, bins=20)
    losses = -np.log(clf.predict_proba(X)[np.arange(len(X)), np.searchsorted(NAMES, noisy)])
    assert_allclose(shown.losses, losses, rtol=1e-4)
    heights = [bar.get_height() for bar in shown.ax_.patches]
    assert sum(heights[:20]) == (~wrong).sum()
    assert sum(heights[20:]) == wrong.sum()
    low, high = (line.get_xdata()[np.argmax(line.get_ydata())] for line in shown.lines_)
    assert low == pytest.approx(np.median(losses[~wrong]), abs=0.15)
    assert high == pytest.approx(np.median(losses[wrong]), abs=0.4)
    areas = [trapezoid(line.get_ydata(), line.get_xdata()) for line in shown.lines_]
    width = np.ptp(losses) / 20
    assert 0.7 < sum(areas) / (len(X) * width) < 1.01, "tails are outside"
    fig, ax = plt.subplots()
    plain = LossDistributionDisplay(losses).plot(ax=ax)
    assert plain.figure_ is fig
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "given labels", "lower fit", "upper fit",
    ]  # fmt: skip


def test_equal_losses_have_an_axis_to_read():
    for loss in (0.0, 2.3):
        shown = LossDistributionDisplay(np.full(5, loss)).plot()
        low, high = shown.ax_.get_xlim()
        assert 0.3 < high - low < 2
        assert low < loss < high
        assert counts(shown.ax_) == 5
        assert shown.lines_ == []


def test_the_legend_of_losses_lies_on_nothing():
    fig, ax = plt.subplots(figsize=(3, 2))
    losses = np.r_[np.linspace(0, 0.5, 500), np.linspace(2, 4, 400)]
    LossDistributionDisplay(losses, wrong=losses > 1).plot(ax=ax)
    fig.canvas.draw()
    lowest = ax.get_legend().get_window_extent().y0
    assert all(bar.get_window_extent().y1 < lowest for bar in ax.patches)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="Input losses contains"):
        LossDistributionDisplay([0.1, bad, 0.3]).plot()
    with pytest.raises(ValueError, match=r"losses must have a number for each.*shape \(2, 1\)"):
        LossDistributionDisplay([[0.1], [0.2]]).plot()


def test_rate_found_in_the_fit(fitted):
    X, _, noisy, _ = fitted
    clf = NoisyLabelClassifier("ce", smoothing="auto", max_epochs=3, random_state=0)
    found = TransitionMatrixDisplay.from_estimator(clone(clf).fit(X, noisy))
    assert words(found.ax_.xaxis) == list(NAMES)
    assert_allclose(found.transition_matrix.sum(axis=1), 1)
    search = GridSearchCV(clf, {"smoothing": ["auto", 0, -1]}, cv=2).fit(X, noisy)
    curve = SmoothingCurveDisplay.from_estimator(search)
    assert_array_equal(curve.smoothing, [-1, 0])
    assert_allclose(curve.score, search.cv_results_["mean_test_score"][[2, 1]])


# ---- memorization --------------------------------------------------------------------------------


def test_memorization_by_hand():
    given, right = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 1])
    said = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1]]
    shown = MemorizationDisplay.from_predictions(
        given, said, y_right=right, held_out=[0.5, 0.75, 0.25]
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
    assert labels == ["predicted as labelled", "predicted as before", "accuracy held out"]


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
    shown = MemorizationDisplay.from_predictions(given, said, y_right=np.asarray(said)[0])
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
    with pytest.raises(ValueError, match=r"Mixup trains on changed samples.*early_stopping=True"):
        MemorizationDisplay.from_estimator(clf)
    clf.set_params(early_stopping=True).fit(X, noisy)
    assert set(MemorizationDisplay.from_estimator(clf).lines_) == {"held_out"}


def test_memorization_refuses_what_does_not_match(fitted):
    X, _, noisy, clf = fitted
    search = GridSearchCV(clf, {"max_epochs": [1]}, cv=2, refit=False).fit(X, noisy)
    with pytest.raises(TypeError, match=r"of a search pass the best_estimator_. Got GridSearchCV"):
        MemorizationDisplay.from_estimator(search)
    with pytest.raises(ValueError, match="y and y_pred must all hold numbers or all strings"):
        MemorizationDisplay.from_predictions(["a", "b"], [[0, 1]])
    with pytest.raises(ValueError, match=r"y_pred must have shape \(n_epochs, 2\).*Got \(2,\)"):
        MemorizationDisplay.from_predictions([0, 1], [0, 1])
    with pytest.raises(ValueError, match="none can be memorized"):
        MemorizationDisplay.from_predictions([0, 1], [[0, 1]], y_right=[0, 1])
    with pytest.raises(ValueError, match=r"held_out must have a value for each of 2 epochs. Got 3"):
        MemorizationDisplay([0.1, 0.2], held_out=[1, 2, 3]).plot()
