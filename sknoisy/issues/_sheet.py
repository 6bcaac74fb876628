"""A table of the rows to check, which a reviewer fills in."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples

from sknoisy._validation.constraints import checked
from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import check_trusted
from sknoisy._validation.shapes import check_same_length
from sknoisy.issues._lookup import Lookup
from sknoisy.issues._next import ordered_by_worth
from sknoisy.issues._posterior import LabelPosterior

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["review_sheet", "sheet_of_rows"]


@checked(budget=[Interval(Integral, 1, None, closed="left"), None])
def review_sheet(
    clf_or_proba: Any,
    y: Any,
    X: Any = None,
    budget: int | None = None,
    *,
    transition_matrix: Any = "auto",
    trusted: Any = None,
    classes: Any = None,
) -> pd.DataFrame:
    """Make a table of the rows to check, for a reviewer to fill in.

    Write it by ``sheet.to_csv(path, index=False)`` or :func:`to_label_studio`. The reviewer enters
    the true label in ``new``, or marks the row as ``checked`` if the given label is right.
    :func:`apply_review` reads the answers.

    Parameters
    ----------
    clf_or_proba : fitted classifier, Pipeline, search, or array-like of shape \
(n_samples, n_classes)
        As in :func:`find_label_issues`.
    y : array-like of shape (n_samples,)
        The given labels, as in :func:`find_label_issues`. If they have an index, its names must be
        distinct.
    X : array-like of shape (n_samples, n_features) or (n_samples,), default=None
        What the reviewer sees of each row: a table, or a column such as paths or texts. It may have
        other columns than those that the classifier was fitted to.
    budget : int, default=None
        Number of rows, those of :func:`next_to_check`. None: all rows that
        :func:`find_label_issues` returns.
    trusted : array-like of bool of shape (n_samples,), default=None
        As in :func:`next_to_check`.
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        As in :func:`find_label_issues`.
    classes : array-like of shape (n_classes,), default=None
        As in :func:`find_label_issues`.

    Returns
    -------
    DataFrame
        In the order of :func:`next_to_check`, with the columns

        - ``row``: the name of the row, as in :func:`find_label_issues`,
        - ``given``: its label,
        - ``suggested``: the most likely true label,
        - ``new``: None; the reviewer enters the true label,
        - ``checked``: False; the reviewer enters True if the given label is right,

        and the columns of X. If X has columns of these names, an underscore is appended to them.

    Raises
    ------
    ValueError
        If names of rows are not distinct, or X has more than two dimensions or another number of
        rows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> from sknoisy.issues import apply_review, review_sheet
    >>> X, y = load_iris(return_X_y=True)
    >>> y[7] = 2
    >>> clf = NoisyLabelClassifier(random_state=0).fit(X, y)
    >>> sheet = review_sheet(clf, y, budget=1)
    >>> sheet.loc[0, "new"] = 0
    >>> y, trusted = apply_review(y, sheet)
    >>> int(y[7]), int(trusted.sum())
    (0, 1)
    """
    labels = LabelPosterior.of(clf_or_proba, y, transition_matrix, classes, "review_sheet")
    shown = None if X is None else _as_frame(X, _num_samples(y))
    rows = ordered_by_worth(labels, check_trusted(trusted, _num_samples(y)))
    if budget is None:
        rows = rows[labels.suggested[rows] != labels.codes[rows]]
    names = labels.predictions.row_names
    if names is not None and (repeated := Lookup(names).repeated):
        raise ValueError(
            f"Names of rows must be distinct, so that answers can be assigned. {repeated[0]!r} "
            "occurs several times in the index of y or X. Call reset_index(drop=True) before fit."
        )
    return sheet_of_rows(labels, rows[:budget], names, shown)


def sheet_of_rows(
    labels: LabelPosterior,
    predicted: np.ndarray,
    names: Any,
    shown: pd.DataFrame | None,
    more: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Make the sheet of some rows.

    Parameters
    ----------
    labels : LabelPosterior
    predicted : ndarray of int
        The rows, as places among those that have predictions.
    names : Index or None
        Names of all rows; None: their positions.
    shown : DataFrame or None
        What the reviewer sees of all rows.
    more : mapping of str to ndarray, default=None
        Further columns.

    Returns
    -------
    DataFrame
    """
    import pandas as pd

    rows = labels.predictions.positions[predicted]
    columns = {
        "row": rows if names is None else names[rows],
        "given": labels.classes[labels.codes[predicted]],
        "suggested": labels.classes[labels.suggested[predicted]],
        "new": pd.Series([None] * len(rows), dtype=object),
        "checked": np.zeros(len(rows), dtype=bool),
        **(more or {}),
    }
    sheet = pd.DataFrame(columns)
    if shown is None:
        return sheet
    taken = {*columns, *shown.columns.map(str)}
    renamed = {name: _free_name(name, taken) for name in shown.columns if name in columns}
    cells = shown.iloc[rows].reset_index(drop=True).rename(columns=renamed)
    return pd.concat([sheet, cells], axis=1)


def _as_frame(X: Any, n_samples: int) -> pd.DataFrame:
    """Turn what the reviewer sees into a data frame."""
    import pandas as pd

    X = on_host(X)
    X = X.to_pandas() if hasattr(X, "to_pandas") else X
    X = X.toarray() if hasattr(X, "toarray") else X
    if not isinstance(X, (pd.DataFrame, pd.Series)):
        X = np.asarray(X)
        if X.ndim not in (1, 2):
            raise ValueError(
                "The 'X' parameter of review_sheet must be a table or a column, such as the paths "
                f"of images. Got an array of shape {X.shape} instead."
            )
    check_same_length(X=X, y=np.empty(n_samples))
    return pd.DataFrame(X)


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
