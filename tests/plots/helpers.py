"""Checks of what is drawn."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib").use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

NAMES = np.array(["cat", "dog", "fox"])
LONG = [f"quite_a_long_name_of_class_{i}" for i in range(10)]


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


def counts(ax):
    return sum(bar.get_height() for bar in ax.patches)
