"""A picture of losses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import trapezoid
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from sknoisy.plots import (
    LossDistributionDisplay,
)
from tests.plots.helpers import NAMES, counts, plt


def test_losses_and_what_is_fitted_to_them(fitted):
    X, y, noisy, clf = fitted
    wrong = y != noisy
    shown = LossDistributionDisplay.from_estimator(clf, X, noisy, mislabelled=wrong, bins=20)
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
        "given labels", "lower component", "upper component",
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
    LossDistributionDisplay(losses, mislabelled=losses > 1).plot(ax=ax)
    fig.canvas.draw()
    lowest = ax.get_legend().get_window_extent().y0
    assert all(bar.get_window_extent().y1 < lowest for bar in ax.patches)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="Input losses contains"):
        LossDistributionDisplay([0.1, bad, 0.3]).plot()
    with pytest.raises(ValueError, match=r"losses must have shape \(n_samples,\).*shape \(2, 1\)"):
        LossDistributionDisplay([[0.1], [0.2]]).plot()
