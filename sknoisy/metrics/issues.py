"""How well wrong labels are found."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sknoisy._validation.frames import names_of_rows

__all__ = ["issue_average_precision", "issue_precision_at_k"]


def issue_average_precision(wrong: Any, label_quality: Any) -> float:
    """How well label qualities rank wrong labels first: the area under precision and recall.

    Parameters
    ----------
    wrong : array-like of bool of shape (n_samples,)
        Which labels are wrong in truth.
    label_quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected. In the order of ``wrong``: what
        :func:`~sknoisy.issues.find_label_issues` ranks is put back by ``.sort_index()``, or by
        ``.loc[y.index]`` where rows have names.

    Returns
    -------
    float
        In [0, 1]; chance gives the share of wrong labels.

    Examples
    --------
    >>> from sknoisy.metrics import issue_average_precision
    >>> issue_average_precision([True, False, False], [0.1, 0.7, 0.9])
    1.0
    """
    return float(average_precision_score(*_wrong_and_suspected(wrong, label_quality)))


def issue_precision_at_k(wrong: Any, label_quality: Any, k: int) -> float:
    """Share of wrong labels among the k that are suspected most.

    Parameters
    ----------
    wrong : array-like of bool of shape (n_samples,)
        Which labels are wrong in truth.
    label_quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected. In the order of ``wrong``: what
        :func:`~sknoisy.issues.find_label_issues` ranks is put back by ``.sort_index()``, or by
        ``.loc[y.index]`` where rows have names. Samples that tie at
        the border count in part.
    k : int
        From 1 to n_samples.

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
    found, suspected = _wrong_and_suspected(wrong, label_quality)
    if not isinstance(k, Integral) or not 1 <= k <= len(found):
        raise ValueError(
            f"The 'k' parameter must be an int in the range [1, {len(found)}]. Got {k!r} instead."
        )
    border = np.sort(suspected)[-k]
    above, at = suspected > border, suspected == border
    return float((found[above].sum() + (k - above.sum()) * found[at].mean()) / k)


def _wrong_and_suspected(wrong: Any, label_quality: Any) -> tuple[np.ndarray, np.ndarray]:
    own, other = names_of_rows(wrong), names_of_rows(label_quality)
    if own is not None and other is not None and not own.equals(other):
        raise ValueError(
            "wrong and label_quality must have the same index, in the same order. What "
            "find_label_issues ranks is put back in order by .sort_index(), or .loc[y.index]."
        )
    wrong, quality = column_or_1d(wrong), column_or_1d(label_quality)
    check_consistent_length(wrong, quality)
    if not np.isin(wrong, (0, 1)).all():
        raise ValueError("wrong must be a boolean mask of the wrong labels.")
    if np.isnan(quality).any():
        raise ValueError("label_quality contains NaN.")
    return wrong.astype(bool), -quality
