"""A picture of label qualities."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from sknoisy import NoisyLabelClassifier
from sknoisy.issues import find_label_issues
from sknoisy.plots import (
    LabelQualityDisplay,
)
from tests.plots.helpers import LONG, assert_apart, assert_inside, counts, plt


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
