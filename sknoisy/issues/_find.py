"""Which labels are probably wrong, and what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sknoisy._validation.matrices import transition_matrix as checked
from sknoisy.functional import correct_predictions
from sknoisy.issues._predictions import _said
from sknoisy.transition import most_confident

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_label_issues"]


# Of the correction: more than predictions take, since here probabilities are the answer.
_STEPS = 8


# Share of labels that may be anything: where the surest are all right, others may still be wrong.
_LEAST = 0.01


def find_label_issues(
    clf_or_proba: Any,
    y: Any,
    *,
    transition_matrix: Any = "auto",
    return_all: bool = False,
    classes: Any = None,
) -> pd.DataFrame:
    """Rank the labels that are probably wrong, with the labels they should have.

    What a model says of samples whose labels it has not seen, and how labels were changed, give by
    Bayes' rule how likely each label is the right one where this one was given. So a label that is
    seldom given in place of another is believed where one that often is would not be. Of a
    classifier it counts as much how firmly each label was believed in the course of training,
    ``label_quality_``, which does not depend on what is taken for granted here.

    Takes for granted that wrong labels hang on nothing but the right one. Samples that are of two
    classes at once, or of none, are ranked as wrong too: look before you change anything.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline or array-like of shape (n_samples, n_classes)
        The default classifier, alone or at the end of a pipeline, fitted to these labels: its
        networks have judged the samples they were not trained on. Or probabilities of the given
        labels from any model, out of fold.
    y : array-like of shape (n_samples,)
        The given labels; of a classifier those it was fitted to, in the same order.
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        Entry (i, j): the probability that label j is given where i is true. "auto": that of the
        classifier, or by :func:`~sknoisy.transition.most_confident` from probabilities.
    return_all : bool, default=False
        Whether to return the other samples too.
    classes : array-like of shape (n_classes,), default=None
        What the columns of probabilities stand for, sorted; None: the labels in y. A classifier
        knows its own.

    Returns
    -------
    DataFrame
        A row for each sample for which another label is likelier, the least believed first, and
        columns

        - ``given``: the label,
        - ``suggested``: the likeliest label,
        - ``quality``: how much the given label is believed, in [0, 1]. From probabilities: the
          probability that it is right; of a classifier: the mean of that and ``label_quality_``,
        - ``confidence``: probability that the suggested label is right.

        The index is that of y; where it has none, that of X in ``fit`` of the classifier; else the
        places of the samples. ``attrs["n_wrong"]`` is the number of wrong labels to be expected
        among all samples: with many doubtful ones it is larger than the number of rows.

    Raises
    ------
    ValueError, TypeError
        If the classifier has not judged samples whose labels it had not seen, or columns are named
        by the classes in another order.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.issues._find import find_label_issues
    >>> X, y = load_iris(return_X_y=True)
    >>> y[7] = 2
    >>> clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    >>> int(find_label_issues(clf, y).index[0])
    7
    """
    found, names = issues_by_place(clf_or_proba, y, transition_matrix, return_all, classes)
    if names is not None:
        found.index = names[found.index.to_numpy()]
    return found


def issues_by_place(
    source: Any, y: Any, transition_matrix: Any, return_all: bool, classes: Any
) -> tuple[pd.DataFrame, Any]:
    """As :func:`find_label_issues`, with places in y as the index, and the names of all rows."""
    import pandas as pd

    codes, p, classes, own, judged, believed, names = _said(source, y, classes)
    k = len(classes)
    if not isinstance(transition_matrix, str):
        own = checked(transition_matrix, k, "'auto' or ", classes)
    elif transition_matrix != "auto":
        raise ValueError(
            "The 'transition_matrix' parameter of find_label_issues must be an array-like or the "
            f"str 'auto'. Got {transition_matrix!r} instead."
        )
    else:
        own = most_confident(codes, p, classes=np.arange(k)) if own is None else own
        own = (1 - _LEAST) * own + _LEAST / k
    right = _right(p, own, codes)
    kept, suggested = right[np.arange(len(p)), codes], right.argmax(axis=1)
    frame = pd.DataFrame(
        {
            "given": classes[codes],
            "suggested": classes[suggested],
            "quality": kept if believed is None else (kept + believed) / 2,
            "confidence": right.max(axis=1),
        },
        index=judged,
    )
    found = frame if return_all else frame[suggested != codes]
    found = found.sort_values("quality", kind="stable")
    found.attrs["n_wrong"] = float((1 - kept).sum())
    return found, names


def _right(p: np.ndarray, transition: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Probability of each label to be the right one, given the one that was given."""
    true = correct_predictions(torch.from_numpy(p), torch.from_numpy(transition), _STEPS).numpy()
    joint = true * transition.T[codes]
    total = joint.sum(axis=1, keepdims=True)
    # What neither the model nor the matrix allows is settled by the model.
    return np.where(total > 0, joint / np.maximum(total, np.finfo(float).tiny), true)
