"""LabelQualityDisplay."""

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
from tests.plots.helpers import LONG_NAMES, assert_apart, assert_inside, plt, total_count


@pytest.mark.parametrize("shape", [(-1, 1, 8, 8), (-1, 8, 8), (-1, 64)])
def test_samples_with_the_lowest_quality_are_shown(fitted, shape):
    X, _, noisy, clf = fitted
    display = LabelQualityDisplay.from_estimator(clf, X.reshape(shape), noisy, n_worst=5)
    assert total_count(display.ax_) == len(X)
    assert_array_equal(display.worst_, np.argsort(display.quality, kind="stable")[:5])
    assert display.ax_.get_legend() is not None
    other_axes = [ax for ax in display.figure_.axes if ax is not display.ax_]
    if len(shape) > 2:
        images = [np.asarray(ax.images[0].get_array()) for ax in other_axes if ax.images]
        assert_allclose(images, X.reshape(-1, 8, 8)[display.worst_] / X.max())
        titles = [ax.get_title() for ax in other_axes if ax.images]
        names = [ax.texts[0].get_text() for ax in other_axes if ax.images]
        assert names == [str(sample) for sample in display.worst_]
        i = display.worst_[0]
        assert titles[0] == f"{noisy[i]} → {np.asarray(display.suggested)[i]}"
    else:
        cells = other_axes[0].tables[0].get_celld()
        assert cells[1, 0].get_text().get_text() == str(display.worst_[0])


@pytest.mark.slow
def test_rows_of_a_data_frame_are_shown_by_name(fitted):
    """The names of rows are not their positions, and need not be increasing."""
    X, _, noisy, clf = fitted
    unnamed = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), noisy)
    frame = pd.DataFrame(X, index=np.arange(len(X))[::-1])
    refitted = NoisyLabelClassifier(max_epochs=10, random_state=0).fit(frame, noisy)
    display = LabelQualityDisplay.from_estimator(refitted, X.reshape(-1, 8, 8), noisy)
    assert_array_equal(display.worst_, len(X) - 1 - unnamed.worst_)
    assert_array_equal(display.quality, unnamed.quality)
    assert_array_equal(display.X, unnamed.X)


@pytest.mark.slow
def test_from_predictions_and_plot_on_given_axes():
    y = np.arange(30) % 3
    p = np.where(np.eye(3)[y], 0.9, 0.05)
    y[4] = (y[4] + 1) % 3
    display = LabelQualityDisplay.from_predictions(y, p)
    assert display.worst_[0] == 4
    _, ax = plt.subplots()
    display.plot(ax=ax)
    assert display.ax_ is ax
    color_images = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    assert len(LabelQualityDisplay([0.1, 0.5], y[:2], X=color_images).plot().worst_) == 2
    assert len(LabelQualityDisplay([0.1, 0.5], y[:2]).plot(n_worst=0).figure_.axes) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64])
def test_grey_images_share_one_scale(dtype):
    images = np.zeros((3, 8, 8), dtype=dtype)
    images[1], images[2] = 20, 200
    images[1, 0, 0] = 24
    display = LabelQualityDisplay([0.1, 0.2, 0.3], ["black", "dark", "white"], X=images).plot()
    drawn = [ax.images[0] for ax in display.figure_.axes if ax.images]
    maxima = [image.norm(image.get_array()).max() for image in drawn]
    assert_allclose(maxima, [0, 0.12, 1], rtol=1e-6)
    # A single constant image has no range to scale by: it is white, as 0 is black.
    display = LabelQualityDisplay([0.1], ["white"], X=images[2:]).plot()
    (image,) = (ax.images[0] for ax in display.figure_.axes if ax.images)
    assert_allclose(image.norm(image.get_array()), 1)


def test_samples_without_weight_are_left_out(fitted):
    X, _, noisy, clf = fitted
    weight = np.ones(len(X))
    weight[:40] = 0
    clf = clone(clf).set_params(max_epochs=4).fit(X, noisy, sample_weight=weight)
    issues = find_label_issues(clf, noisy, return_all=True)
    display = LabelQualityDisplay.from_estimator(clf, X.reshape(-1, 8, 8), noisy, n_worst=3)
    assert_array_equal(display.worst_, issues.index[:3])
    image_axes = [ax for ax in display.figure_.axes if ax.images]
    images = [np.asarray(ax.images[0].get_array()) for ax in image_axes]
    weighted = X[40:]
    assert_allclose(images, X[display.worst_].reshape(-1, 8, 8) / weighted.max())
    named = pd.Series(noisy, index=[f"r{i}" for i in range(len(X))])
    display = LabelQualityDisplay.from_estimator(clf, X, named, n_worst=3)
    assert display.worst_.tolist() == [f"r{i}" for i in issues.index[:3]]
    (table,) = display.figure_.axes[1].tables
    assert table.get_celld()[1, 0].get_text().get_text() == display.worst_[0]
    ranked = LabelQualityDisplay(issues["quality"], issues["given"], issues["suggested"])
    assert_array_equal(ranked.plot(n_worst=3).worst_, issues.index[:3])


def test_sparse_samples_are_listed_in_a_table():
    y = np.arange(30) % 3
    p = np.c_[np.where(np.eye(3)[y], 0.9, 0.05), np.zeros(30)]
    sparse = coo_array(np.eye(30))
    display = LabelQualityDisplay.from_predictions(y, p, X=sparse, classes=[0, 1, 2, 3], n_worst=2)
    assert display.figure_.axes[1].tables


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="Input quality contains NaN"):
        LabelQualityDisplay([0.5, np.nan], [0, 1]).plot()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LabelQualityDisplay.from_predictions([0, 1], np.eye(2), X=np.zeros((3, 4, 4)))


@pytest.mark.parametrize(
    ("name", "value"), [("bins", 0), ("bins", 2.5), ("n_worst", "a"), ("n_worst", -1)]
)
def test_bad_parameters_are_refused(name, value):
    message = rf"'{name}' parameter of LabelQualityDisplay.plot must"
    with pytest.raises(ValueError, match=message):
        LabelQualityDisplay([0.5, 0.6], [0, 1]).plot(**{name: value})


def test_shortened_names_of_samples_stay_distinguishable():
    paths = [f"folder/of/images/img_{i:05d}.png" for i in range(30)]
    for given, suggested in (("cat", "dog"), LONG_NAMES[:2]):
        display = LabelQualityDisplay(
            pd.Series(np.linspace(0, 1, 30), paths), [given] * 30, [suggested] * 30
        ).plot()
        cells = display.figure_.axes[1].tables[0].get_celld()
        names = [cells[row, 0].get_text().get_text() for row in range(1, 13)]
        ends = ("images/" if given == "cat" else "") + "img_{:05d}.png"
        assert all(name.endswith(ends.format(i)) for i, name in enumerate(names))


@pytest.mark.slow
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_the_legend_does_not_cover_the_histogram(layout):
    quality = np.r_[np.full(50, 0.1), np.full(400, 0.55), np.full(300, 0.95)]
    suggested = np.repeat([1, 0], [50, 700])
    fig, axes = plt.subplots(2, 2, figsize=(8, 6), layout=layout)
    for ax in axes.ravel():
        LabelQualityDisplay(quality, np.zeros(750), suggested).plot(ax=ax)
    fig.canvas.draw()
    for ax in axes.ravel():
        lowest = ax.get_legend().get_window_extent().y0
        assert all(bar.get_window_extent().y1 < lowest for bar in ax.patches)


@pytest.mark.slow
@pytest.mark.parametrize("n_worst", [1, 12, 40])
@pytest.mark.parametrize("images", [True, False])
def test_images_and_table_fit_into_the_figure(images, n_worst):
    given = np.array(LONG_NAMES)[np.arange(60) % 10]
    suggested = np.array(LONG_NAMES)[np.arange(1, 61) % 10]
    X = np.zeros((60, 8, 8)) if images else None
    display = LabelQualityDisplay(np.linspace(0, 1, 60), given, suggested, X).plot(n_worst=n_worst)
    display.figure_.canvas.draw()
    frame = display.figure_.bbox
    if images:
        image_axes = [ax for ax in display.figure_.axes if ax.images]
        assert len(image_axes) == n_worst
        for ax in image_axes:
            assert_inside(ax.title.get_window_extent(), frame)
        columns = int(np.ceil(np.sqrt(1.5 * n_worst)))
        if n_worst > 1:
            assert_apart([ax.title for ax in image_axes[:columns]])
    else:
        cells = display.figure_.axes[1].tables[0].get_celld()
        assert len(cells) == 3 * (n_worst + 1)
        for cell in cells.values():
            assert_inside(cell.get_window_extent(), frame)
            assert_inside(cell.get_text().get_window_extent(), cell.get_window_extent())
