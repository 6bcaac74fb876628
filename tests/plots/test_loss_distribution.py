"""LossDistributionDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import trapezoid
from sklearn.experimental import enable_halving_search_cv  # noqa: F401

from sknoisy.plots import (
    LossDistributionDisplay,
)
from tests.plots.helpers import NAMES, plt, total_count


def test_losses_and_the_fitted_mixture_are_plotted(fitted):
    X, y, noisy, clf = fitted
    mislabelled = y != noisy
    display = LossDistributionDisplay.from_estimator(
        clf, X, noisy, mislabelled=mislabelled, bins=20
    )
    losses = -np.log(clf.predict_proba(X)[np.arange(len(X)), np.searchsorted(NAMES, noisy)])
    assert_allclose(display.losses, losses, rtol=1e-4)
    heights = [bar.get_height() for bar in display.ax_.patches]
    assert sum(heights[:20]) == (~mislabelled).sum()
    assert sum(heights[20:]) == mislabelled.sum()
    low, high = (line.get_xdata()[np.argmax(line.get_ydata())] for line in display.lines_)
    assert low == pytest.approx(np.median(losses[~mislabelled]), abs=0.15)
    assert high == pytest.approx(np.median(losses[mislabelled]), abs=0.4)
    areas = [trapezoid(line.get_ydata(), line.get_xdata()) for line in display.lines_]
    bin_width = np.ptp(losses) / 20
    assert 0.7 < sum(areas) / (len(X) * bin_width) < 1.01, "The tails are outside of the plot."
    fig, ax = plt.subplots()
    ungrouped = LossDistributionDisplay(losses).plot(ax=ax)
    assert ungrouped.figure_ is fig
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "given labels", "lower component", "upper component",
    ]  # fmt: skip


def test_equal_losses_get_a_readable_axis():
    for loss in (0.0, 2.3):
        display = LossDistributionDisplay(np.full(5, loss)).plot()
        low, high = display.ax_.get_xlim()
        assert 0.3 < high - low < 2
        assert low < loss < high
        assert total_count(display.ax_) == 5
        assert display.lines_ == []


def test_the_legend_does_not_cover_the_histogram():
    fig, ax = plt.subplots(figsize=(3, 2))
    losses = np.r_[np.linspace(0, 0.5, 500), np.linspace(2, 4, 400)]
    LossDistributionDisplay(losses, mislabelled=losses > 1).plot(ax=ax)
    fig.canvas.draw()
    lowest = ax.get_legend().get_window_extent().y0
    assert all(bar.get_window_extent().y1 < lowest for bar in ax.patches)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="Input losses contains"):
        LossDistributionDisplay([0.1, bad, 0.3]).plot()
    with pytest.raises(ValueError, match=r"losses must have shape \(n_samples,\).*shape \(2, 1\)"):
        LossDistributionDisplay([[0.1], [0.2]]).plot()


def test_a_small_mode_and_single_samples_are_both_visible():
    """Of modes of 400 and 4 samples, the small one is a tenth as tall, not a hundredth."""
    ax = LossDistributionDisplay(np.r_[np.zeros(400), np.full(4, 2.0)]).plot(bins=2).ax_
    bottom, small, tall = ax.yaxis.get_transform().transform([0.0, 4.0, 400.0])
    assert_allclose((small - bottom) / (tall - bottom), 0.1)
    ticks = ax.get_yticks()
    assert len(ticks) > 3 and ticks[0] == 0 and ticks.max() <= ax.get_ylim()[1]
