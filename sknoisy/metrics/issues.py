"""Metrics of label issue detection: how well mislabelled samples are ranked."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from sknoisy._validation.frames import names_of_rows, on_host
from sknoisy._validation.shapes import as_column, check_same_length

__all__ = ["issue_average_precision", "issue_precision_at_k"]


def issue_average_precision(mislabelled: Any, label_quality: Any) -> float:
    """Compute the average precision of label qualities in ranking mislabelled samples first.

    Parameters
    ----------
    mislabelled : array-like of bool of shape (n_samples,)
        Mask of the samples whose labels are in fact wrong.
    label_quality : array-like of shape (n_samples,)
        Label qualities, low for samples that are probably mislabelled, in the order of
        ``mislabelled``. The result of :func:`~sknoisy.issues.find_label_issues` is sorted by
        quality: restore the order by ``.sort_index()``, or by ``.loc[y.index]`` if rows have names.

    Returns
    -------
    float
        In [0, 1]; a random ranking scores the fraction of mislabelled samples.

    Examples
    --------
    >>> from sknoisy.metrics import issue_average_precision
    >>> issue_average_precision([True, False, False], [0.1, 0.7, 0.9])
    1.0
    """
    return float(average_precision_score(*_check_ranking(mislabelled, label_quality)))


def issue_precision_at_k(mislabelled: Any, label_quality: Any, k: int) -> float:
    """Compute the fraction of mislabelled samples among the k with the lowest label quality.

    Parameters
    ----------
    mislabelled : array-like of bool of shape (n_samples,)
        Mask of the samples whose labels are in fact wrong.
    label_quality : array-like of shape (n_samples,)
        As in :func:`issue_average_precision`.
    k : int
        Number of samples to review, from 1 to n_samples. If several samples have the k-th lowest
        quality, their mean is used.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> from sknoisy.metrics import issue_precision_at_k
    >>> issue_precision_at_k([True, False, False], [0.1, 0.7, 0.9], k=2)
    0.5
    """
    mask, suspicion = _check_ranking(mislabelled, label_quality)
    if isinstance(k, bool) or not isinstance(k, Integral) or not 1 <= k <= len(mask):
        raise ValueError(
            f"The 'k' parameter must be an int in the range [1, {len(mask)}]. Got {k!r} instead."
        )
    threshold = np.sort(suspicion)[-k]
    above, tied = suspicion > threshold, suspicion == threshold
    return float((mask[above].sum() + (k - above.sum()) * mask[tied].mean()) / k)


def _check_ranking(mislabelled: Any, label_quality: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check both arrays; return the mask and the negative label qualities."""
    index, other = names_of_rows(mislabelled), names_of_rows(label_quality)
    if index is not None and other is not None and not index.equals(other):
        raise ValueError(
            "mislabelled and label_quality must have the same index, in the same order. Restore "
            "the order of the result of find_label_issues by .sort_index() or .loc[y.index]."
        )
    mask = as_column(on_host(mislabelled), "mislabelled", "a boolean for each sample")
    quality = as_column(on_host(label_quality), "label_quality", "a number for each sample")
    check_same_length(mislabelled=mask, label_quality=quality)
    if not np.isin(mask, (0, 1)).all():
        raise ValueError("mislabelled must be a boolean mask of the mislabelled samples.")
    if np.isnan(quality).any():
        raise ValueError("Input label_quality contains NaN.")
    return mask.astype(bool), -quality
