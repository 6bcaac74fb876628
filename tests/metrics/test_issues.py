"""Metrics of label issue detection."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknoisy.metrics import (
    issue_average_precision,
    issue_precision_at_k,
)

mislabelled = np.array([True, False, True, False, False])
quality = [0.1, 0.2, 0.2, 0.8, 0.9]


def test_issue_metrics_handle_ties():
    assert issue_average_precision(mislabelled, quality) == pytest.approx(0.5 + 0.5 * 2 / 3)
    precision = [issue_precision_at_k(mislabelled, quality, k) for k in range(1, 6)]
    assert_allclose(precision, [1, 1.5 / 2, 2 / 3, 2 / 4, 2 / 5])


def test_bad_input_of_issue_metrics_is_refused():
    for k in (0, 6, 1.5, "2"):
        with pytest.raises(ValueError, match=r"'k' parameter .* in the range \[1, 5\]"):
            issue_precision_at_k(mislabelled, quality, k)
    with pytest.raises(ValueError, match="boolean mask"):
        issue_average_precision([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="contains NaN"):
        issue_average_precision([0, 1], [0.1, np.nan])


def test_series_in_another_order_are_refused():
    mislabelled = pd.Series([True, False, True, False], index=list("abcd"))
    quality = pd.Series([0.1, 0.9, 0.2, 0.8], index=list("abcd"))
    ranked = quality.sort_values()
    for metric in (issue_average_precision, lambda *arrays: issue_precision_at_k(*arrays, k=2)):
        assert metric(mislabelled, ranked.sort_index()) == 1
        assert metric(mislabelled, quality.to_numpy()) == 1
        assert metric(mislabelled, quality.tolist()) == metric(mislabelled.tolist(), quality) == 1
        with pytest.raises(ValueError, match=r"must have the same index.* by \.sort_index\(\)"):
            metric(mislabelled, ranked)
