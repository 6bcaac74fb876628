"""The suspects of an audit: a review sheet with the probabilities beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sknoisy.issues._next import ordered_by_worth
from sknoisy.issues._posterior import LabelPosterior
from sknoisy.issues._sheet import sheet_of_rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["order_of_suspects", "suspects_of"]


def order_of_suspects(labels: LabelPosterior) -> np.ndarray:
    """Return the suspects as places among the predicted rows, the most worthwhile first."""
    order = ordered_by_worth(labels)
    return order[labels.suggested[order] != labels.codes[order]]


def suspects_of(labels: LabelPosterior, shown: pd.DataFrame) -> pd.DataFrame:
    """Make a review sheet of the rows whose given label is not the most likely one.

    Parameters
    ----------
    labels : LabelPosterior
    shown : DataFrame
        What a reader sees of each row; its index names the rows.

    Returns
    -------
    DataFrame
        As that of :func:`~sknoisy.issues.review_sheet`, with the columns ``quality`` and
        ``confidence`` of :func:`~sknoisy.issues.find_label_issues` after the first five.
    """
    order = order_of_suspects(labels)
    probabilities = {
        "quality": np.round(labels.quality[order], 4),
        "confidence": np.round(labels.proba[order].max(axis=1), 4),
    }
    return sheet_of_rows(labels, order, shown.index, shown, probabilities)
