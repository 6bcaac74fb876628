"""Names of classes, and checks of plots."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib").use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

NAMES = np.array(["cat", "dog", "fox"])
LONG_NAMES = [f"quite_a_long_name_of_class_{i}" for i in range(10)]


def tick_labels(axis):
    """Return the texts of the tick labels."""
    return [label.get_text() for label in axis.get_ticklabels()]


def assert_apart(texts):
    """Check that texts, ordered from left to right, do not overlap."""
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) > 1
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def assert_inside(box, frame):
    """Check that a bounding box is inside another."""
    assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
    assert frame.y0 <= box.y0 <= box.y1 <= frame.y1


def total_count(ax):
    """Return the sum of the bars of a histogram."""
    return sum(bar.get_height() for bar in ax.patches)
