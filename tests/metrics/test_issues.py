"""How well wrong labels are found."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknoisy.metrics import (
    issue_average_precision,
    issue_precision_at_k,
)


def test_detection():
    wrong = np.array([True, False, True, False, False])
    quality = [0.1, 0.2, 0.2, 0.8, 0.9]
    assert issue_average_precision(wrong, quality) == pytest.approx(0.5 + 0.5 * 2 / 3)
    found = [issue_precision_at_k(wrong, quality, k) for k in range(1, 6)]
    assert_allclose(found, [1, 1.5 / 2, 2 / 3, 2 / 4, 2 / 5])
    for k in (0, 6, 1.5, "2"):
        with pytest.raises(ValueError, match=r"'k' parameter .* in the range \[1, 5\]"):
            issue_precision_at_k(wrong, quality, k)
    with pytest.raises(ValueError, match="boolean mask"):
        issue_average_precision([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="contains NaN"):
        issue_average_precision([0, 1], [0.1, np.nan])


def test_detection_refuses_series_in_another_order():
    wrong = pd.Series([True, False, True, False], index=list("abcd"))
    quality = pd.Series([0.1, 0.9, 0.2, 0.8], index=list("abcd"))
    ranked = quality.sort_values()
    for metric in (issue_average_precision, lambda *given: issue_precision_at_k(*given, k=2)):
        assert metric(wrong, ranked.sort_index()) == metric(wrong, quality.to_numpy()) == 1
        assert metric(wrong, quality.tolist()) == metric(wrong.tolist(), quality) == 1
        with pytest.raises(ValueError, match=r"must have the same index.* by \.sort_index\(\)"):
            metric(wrong, ranked)
