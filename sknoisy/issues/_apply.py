"""The answers of a reviewer, put into the labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from sknoisy._validation.frames import names_of_rows, on_host
from sknoisy._validation.labels import check_labels, check_trusted, encode, sorted_classes
from sknoisy.issues._label_studio import from_label_studio
from sknoisy.issues._lookup import Lookup, is_empty, read_boolean

__all__ = ["apply_review"]

# At most as many rows are named in an error message.
_MAX_NAMED = 5


def apply_review(
    y: Any, sheet: Any, *, trusted: Any = None, classes: Any = None, names: Any = None
) -> tuple[Any, np.ndarray]:
    """Correct labels by the answers of a reviewer.

    A row of the sheet is answered if it has a ``new`` label, or is marked as ``checked``: then the
    given label is confirmed. Other rows are left as they are.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels that the sheet was made from; they are not changed.
    sheet : DataFrame, str or path
        The result of :func:`review_sheet` or :func:`from_label_studio` with answers, or the path of
        a CSV file or of a JSON export of Label Studio.
    trusted : array-like of bool of shape (n_samples,), default=None
        Mask of the rows that were checked before; they stay trusted.
    classes : array-like of shape (n_classes,), default=None
        All labels that are allowed, sorted; None: the labels in y.
    names : array-like of shape (n_samples,), default=None
        Names of the rows. None: the index of y, otherwise positions. Pass ``X.index`` if y has no
        index, but the X that the classifier was fitted to has one.

    Returns
    -------
    y : ndarray or Series of shape (n_samples,)
        The corrected labels.
    trusted : ndarray of bool of shape (n_samples,)
        Mask of the rows that were checked, now or before. Pass it to :func:`review_sheet`, which
        leaves them out, and to the next call of this function. ``fit`` takes it too, but expects
        trusted rows that are a random part of each class: suspects are not.

    Raises
    ------
    ValueError
        If the sheet lacks a column or has no answer, a row is unknown or occurs twice, a new label
        is not one of the classes, ``checked`` is neither true nor false, or the given labels of the
        sheet are not those in y. Nothing is changed then.

    Examples
    --------
    >>> import pandas as pd
    >>> from sknoisy.issues import apply_review
    >>> sheet = pd.DataFrame(
    ...     {"row": [2, 0], "given": ["no", "yes"], "new": ["yes", None], "checked": [False, True]}
    ... )
    >>> y, trusted = apply_review(["yes", "no", "no"], sheet)
    >>> y.tolist(), trusted.tolist()
    (['yes', 'no', 'yes'], [True, False, True])
    """
    sheet = _as_sheet(sheet)
    (labels,) = check_labels(classes, y=y)
    known = sorted_classes(np.unique(labels) if classes is None else classes)
    before = check_trusted(trusted, len(labels))
    codes = encode(labels, known)
    if names is None:
        names = names_of_rows(y)
    rows = _find_rows(sheet["row"].tolist(), range(len(labels)) if names is None else names, codes)
    answers = _read_answers(sheet, known)
    _refuse_other_labels(sheet, known, codes[rows], answers)
    answered = answers >= 0
    if not answered.any():
        raise ValueError(
            "No row of the review sheet is answered. Enter the true label in 'new', or True in "
            "'checked' where the given label is right."
        )
    checked = np.zeros(len(labels), dtype=bool) if before is None else before.copy()
    checked[rows[answered]] = True
    corrected = on_host(y)
    corrected = corrected.copy() if hasattr(corrected, "iloc") else labels.copy()
    new = known[answers[answered]]
    if hasattr(corrected, "iloc"):
        corrected.iloc[rows[answered]] = new
    else:
        # A longer string than all before would be cut off.
        corrected = corrected.astype(np.result_type(corrected, new))
        corrected[rows[answered]] = new
    return corrected, checked


def _as_sheet(sheet: Any) -> Any:
    """Read a file, or check that a data frame has the columns of a sheet."""
    import pandas as pd

    if isinstance(sheet, (str, os.PathLike)):
        if Path(sheet).suffix.lower() == ".json":
            sheet = from_label_studio(sheet)
        else:
            # Otherwise a label "NA" would be read as missing, and "007" as 7.
            sheet = pd.read_csv(sheet, dtype=str, keep_default_na=False)
    if not isinstance(sheet, pd.DataFrame):
        raise TypeError(
            "The 'sheet' parameter of apply_review must be a DataFrame or the path of a file. Got "
            f"{type(sheet).__name__} instead."
        )
    lacking = [name for name in ("row", "given", "new", "checked") if name not in sheet.columns]
    if lacking:
        raise ValueError(
            f"The 'sheet' parameter of apply_review must have the columns 'row', 'given', 'new' "
            f"and 'checked'. Got {sheet.columns.tolist()} instead."
        )
    return sheet


def _find_rows(wanted: list[Any], names: Any, codes: np.ndarray) -> np.ndarray:
    """Return the positions of the rows of the sheet."""
    if _num_samples(names) != len(codes):
        raise ValueError(
            f"The 'names' parameter of apply_review must have {len(codes)} entries, one for each "
            f"label. Got {_num_samples(names)} instead."
        )
    lookup = Lookup(names)
    if lookup.repeated:
        raise ValueError(
            f"Names of rows must be distinct, so that answers can be assigned. "
            f"{lookup.repeated[0]!r} occurs several times."
        )
    positions = [lookup.find(name) for name in wanted]
    unknown = [name for name, row in zip(wanted, positions, strict=True) if row is None]
    if unknown:
        raise ValueError(f"The review sheet has rows that are not in y: {_listed(unknown)}.")
    repeated = Lookup(positions).repeated
    if repeated:
        twice = [wanted[i] for i, row in enumerate(positions) if row in repeated[:_MAX_NAMED]]
        raise ValueError(
            f"The review sheet has rows that occur more than once: {_listed(_distinct(twice))}."
        )
    return np.array(positions, dtype=np.int64)


def _read_answers(sheet: Any, classes: np.ndarray) -> np.ndarray:
    """Return the encoded answer for each row of the sheet; -1: it is not answered."""
    lookup = Lookup(classes)
    answers, unknown = np.full(len(sheet), -1), []
    columns = (sheet[name].tolist() for name in ("row", "given", "new", "checked"))
    for i, (row, given, new, checked) in enumerate(zip(*columns, strict=True)):
        is_checked = _read_checked(row, checked)
        if is_empty(new) and not is_checked:
            continue
        label = given if is_empty(new) else new
        if (code := lookup.find(label)) is None:
            unknown.append(f"{label!r} in row {row!r}")
        else:
            answers[i] = code
    if unknown:
        raise ValueError(
            f"The review sheet has labels that are not among the classes {classes.tolist()}: "
            f"{', '.join(unknown[:_MAX_NAMED])}. Pass 'classes' if y does not contain all of them."
        )
    return answers


def _read_checked(row: Any, checked: Any) -> bool:
    if (mark := read_boolean(checked)) is not None:
        return mark
    raise ValueError(
        f"The 'checked' column of a review sheet must hold True or False. Got {checked!r} in row "
        f"{row!r} instead."
    )


def _refuse_other_labels(
    sheet: Any, classes: np.ndarray, codes: np.ndarray, answers: np.ndarray
) -> None:
    """Refuse a sheet of other labels, but not one that was applied before."""
    lookup = Lookup(classes)
    given = np.array([-1 if (c := lookup.find(g)) is None else c for g in sheet["given"].tolist()])
    differs = np.flatnonzero((given != codes) & (answers != codes))
    if len(differs):
        i = differs[0]
        raise ValueError(
            "The review sheet was made from other labels than y, or from y in another order: row "
            f"{sheet['row'].tolist()[i]!r} has the label {classes.tolist()[codes[i]]!r} in y and "
            f"{sheet['given'].tolist()[i]!r} in the sheet."
        )


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _listed(values: list[Any]) -> str:
    shown = ", ".join(map(repr, values[:_MAX_NAMED]))
    more = len(values) - _MAX_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
