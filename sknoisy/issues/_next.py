"""The rows that are worth the next look: probably mislabelled, and not ambiguous."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples

from sknoisy._validation.constraints import checked
from sknoisy._validation.labels import check_trusted
from sknoisy.issues._posterior import LabelPosterior

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["next_to_check", "ordered_by_worth"]

# Weight of the ambiguity, in [0, 1], against the probability that the label is wrong. Chosen on
# development data: with it, an expert corrects as many labels as without it, and reviewers that err
# on ambiguous rows correct more.
_AMBIGUITY_WEIGHT = 0.1


@checked(budget=[Interval(Integral, 1, None, closed="left")])
def next_to_check(
    clf_or_proba: Any,
    y: Any,
    budget: int,
    *,
    transition_matrix: Any = "auto",
    trusted: Any = None,
    classes: Any = None,
) -> pd.Index:
    """Choose the rows whose labels are worth the next looks of a reviewer.

    A look is worth most where the label is probably wrong and the right one is clear. Rows are
    ordered by ``1 - quality`` of :func:`find_label_issues` minus a tenth of their ambiguity, which
    is the entropy of the true label, divided by that of a uniform one: on rows that could be of
    several classes, reviewers err, too [1]_. Unlike there, the probability of an error counts more
    than the ambiguity, so that confident experts lose nothing.

    Parameters
    ----------
    clf_or_proba : fitted classifier, Pipeline, search, or array-like of shape \
(n_samples, n_classes)
        As in :func:`find_label_issues`.
    y : array-like of shape (n_samples,)
        The given labels, as in :func:`find_label_issues`.
    budget : int
        Number of rows that can be checked, at least 1.
    trusted : array-like of bool of shape (n_samples,), default=None
        Mask of the rows that need no check, as :func:`apply_review` returns it, besides those
        that were passed to ``fit`` as ``trusted``.
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        As in :func:`find_label_issues`.
    classes : array-like of shape (n_classes,), default=None
        As in :func:`find_label_issues`.

    Returns
    -------
    Index of at most ``budget`` entries
        Names of rows, the most worthwhile first: the index of y, otherwise the index of the X that
        the classifier was fitted to, otherwise positions. It holds fewer if there are no more rows.

    See Also
    --------
    review_sheet : A table for the reviewer.

    References
    ----------
    .. [1] Bernhardt et al., "Active label cleaning for improved dataset quality under resource
       constraints", Nature Communications 2022, Eq. 1, which weighs both alike.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.issues import next_to_check
    >>> X, y = load_iris(return_X_y=True)
    >>> y[7] = 2
    >>> clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    >>> int(next_to_check(clf, y, budget=3)[0])
    7
    """
    import pandas as pd

    labels = LabelPosterior.of(clf_or_proba, y, transition_matrix, classes, "next_to_check")
    mask = check_trusted(trusted, _num_samples(y))
    names = labels.predictions.row_names
    rows = labels.predictions.positions[ordered_by_worth(labels, mask)[:budget]]
    return pd.Index(rows) if names is None else names[rows]


def ordered_by_worth(labels: LabelPosterior, trusted: np.ndarray | None = None) -> np.ndarray:
    """Order the predicted samples by how much a look at them is worth, leaving out trusted ones.

    Parameters
    ----------
    labels : LabelPosterior
    trusted : ndarray of bool of shape (n_samples,), default=None
        Samples that are left out, in addition to those that were passed to ``fit``.

    Returns
    -------
    ndarray of int
        Places among the predicted samples.
    """
    worth = 1 - labels.quality - _AMBIGUITY_WEIGHT * _ambiguity(labels.proba)
    left_out = np.isnan(worth)
    if labels.predictions.trusted is not None:
        left_out |= labels.predictions.trusted
    if trusted is not None:
        left_out |= trusted[labels.predictions.positions]
    places = np.argsort(-worth, kind="stable")
    return places[~left_out[places]]


def _ambiguity(proba: np.ndarray) -> np.ndarray:
    """Compute the entropy relative to that of the uniform distribution; 0 if it is unknown."""
    logs = np.log(np.where(proba > 0, proba, 1))
    return np.nan_to_num(-(proba * logs).sum(axis=1)) / np.log(max(proba.shape[1], 2))
