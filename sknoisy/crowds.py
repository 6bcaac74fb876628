"""Soft labels from the votes of several annotators."""

from __future__ import annotations

import itertools
import reprlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from sknoisy._validation.constraints import check_options
from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy._validation.shapes import check_same_length
from sknoisy._validation.user_warnings import warn_user

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["soft_labels"]

_LAYOUTS = ["counts", "long", "wide"]


def soft_labels(
    votes: Any,
    *,
    layout: str = "wide",
    classes: Any = None,
    samples: Any = None,
    columns: Sequence[Any] = ("sample", "annotator", "label"),
) -> pd.DataFrame:
    """Make soft labels from the votes of several annotators.

    The soft label of a sample is the fraction of its votes for each class. A sample without a vote
    is undecided: all its entries are ``1 / n_classes``, and classifiers of this package ignore it
    in training. Needs pandas.

    Parameters
    ----------
    votes : array-like or DataFrame of pandas or polars
        The votes, in the form that ``layout`` names. None, NaN, pandas.NA, the null of polars and
        masked entries are no vote.
    layout : {"wide", "counts", "long"}, default="wide"
        - "wide": labels of shape (n_samples, n_annotators). Lists may differ in length.
        - "counts": numbers of votes of shape (n_samples, n_classes), also sparse. A missing number
          is 0.
        - "long": a data frame with a row for each vote, or a tuple of three arrays of shape
          (n_votes,): names of samples, names of annotators (or None) and labels. If an annotator
          labels a sample several times, the labels share one vote.
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted. None: the labels that occur; of counts the column names, or the
        positions of the columns of an array.
    samples : array-like of shape (n_samples,), default=None
        Only for layout "long": the names of all samples, in the order of X; those that nobody
        labels are undecided. None: the samples that occur, sorted.
    columns : sequence of 3 names, default=("sample", "annotator", "label")
        Only for a data frame in layout "long": its columns of samples, annotators and labels. The
        second may be None; each row is then a vote.

    Returns
    -------
    DataFrame of shape (n_samples, n_classes)
        Rows sum to one. The columns are the classes. The index is that of a data frame, in layout
        "long" the names of the samples, otherwise the positions. Pass it as ``y``.

    Raises
    ------
    ValueError, TypeError
        If there is no vote, fewer than two classes, a label that is not one of the classes, a
        sample that is not in ``samples``, a negative count, or strings and numbers are mixed.

    Warns
    -----
    UserWarning
        If labels in layout "wide" look like counts.

    Notes
    -----
    All annotators have the same weight. If some are much better than others, estimate their
    quality first; the Dawid-Skene model of the package crowd-kit returns probabilities that can be
    passed as ``y`` too. A float that is a whole number, as NaN makes it of an int, becomes an int.
    If a number such as -1 stands for no vote, replace it first: ``votes.mask(votes == -1)`` of a
    data frame, ``np.where(votes == -1, np.nan, votes)`` of an array.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.crowds import soft_labels
    >>> soft_labels([["cat", "cat", "dog", "cat"], ["dog", None, None, None], [None] * 4])
        cat   dog
    0  0.75  0.25
    1  0.00  1.00
    2  0.50  0.50
    >>> table = ["b", "a", "b"], ["Ann", "Ann", "Bob"], [1, 0, 0]
    >>> soft_labels(table, layout="long", samples=["a", "b", "c"])
         0    1
    a  1.0  0.0
    b  0.5  0.5
    c  0.5  0.5
    """
    import pandas as pd

    check_options("soft_labels", "layout", layout, _LAYOUTS)
    if isinstance(columns, str) or np.shape(columns) != (3,):
        raise ValueError(
            "The 'columns' parameter of soft_labels must be a sequence of 3 names. Got "
            f"{columns!r} instead."
        )
    if samples is not None and layout != "long":
        raise ValueError(
            "The 'samples' parameter of soft_labels must be None, unless layout='long'. Got "
            f"{reprlib.repr(samples)} with layout={layout!r} instead."
        )
    if layout == "counts":
        counts = _check_counts(votes, classes)
    elif layout == "wide":
        counts = _count_wide(votes, classes, columns)
    else:
        counts = _count_long(votes, classes, samples, columns)
    if counts.shape[1] < 2:
        raise ValueError(
            f"soft_labels needs at least 2 classes. Got {counts.columns.tolist()}; pass 'classes'."
        )
    values = counts.to_numpy()
    total = values.sum(axis=1, keepdims=True)
    probs = np.where(total > 0, values / np.where(total > 0, total, 1), 1 / values.shape[1])
    return pd.DataFrame(probs, index=counts.index, columns=counts.columns)


def _check_counts(votes: Any, classes: Any) -> pd.DataFrame:
    frame = _as_frame(votes.toarray() if sp.issparse(votes) else votes)
    if not hasattr(votes, "columns"):
        names = np.arange(frame.shape[1]) if classes is None else sorted_classes(classes)
        if len(names) != frame.shape[1]:
            raise ValueError(
                f"The 'classes' parameter of soft_labels must name the {frame.shape[1]} columns of "
                f"counts. Got {names.tolist()} instead."
            )
        frame.columns = names
    elif not frame.columns.is_unique or (classes is not None and {*frame} != {*classes}):
        raise ValueError(
            "The columns of counts must be the classes, each once. Got "
            f"{frame.columns.tolist()}{'' if classes is None else f' beside {[*classes]}'}."
        )
    try:
        counts = frame.astype(np.float64).fillna(0)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "The 'votes' parameter of soft_labels must hold numbers with layout='counts'. Got "
            f"{reprlib.repr(votes)} instead."
        ) from error
    values = counts.to_numpy()
    if not ((values >= 0) & np.isfinite(values)).all():
        raise ValueError(
            "The 'votes' parameter of soft_labels must hold finite numbers of at least 0 with "
            f"layout='counts'. Got {values.min():g} to {values.max():g} instead."
        )
    if not values.any():
        raise ValueError("The 'votes' parameter of soft_labels must hold at least one vote.")
    return counts


def _count_wide(votes: Any, classes: Any, columns: Sequence[Any]) -> pd.DataFrame:
    frame = _as_frame(votes)
    if {*columns} <= {*frame.columns}:
        raise ValueError(f"votes has the columns {[*columns]} of a long table: pass layout='long'.")
    _warn_about_counts(frame)
    n_samples, n_annotators = frame.shape
    labels = [frame.iloc[:, i].to_numpy(dtype=object) for i in range(n_annotators)]
    rows = np.tile(np.arange(n_samples), n_annotators)
    return _count(rows, frame.index, np.concatenate([*labels, []]), None, classes)


def _count_long(votes: Any, classes: Any, samples: Any, columns: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    named, annotators, labels = _long_columns(votes, columns)
    check_same_length(optional=("annotators",), samples=named, annotators=annotators, labels=labels)
    for what, names in (("samples", named), ("annotators", annotators)):
        if names is not None and pd.isna(names).any():
            raise ValueError(f"The names of {what} in votes must not be missing.")
    if samples is None:
        rows, index = pd.factorize(named, sort=True)
        return _count(rows, pd.Index(index), labels, annotators, classes)
    try:
        index = pd.Index(on_host(samples))
    except (TypeError, ValueError) as error:
        raise type(error)(
            "The 'samples' parameter of soft_labels must be an array-like of names. Got "
            f"{reprlib.repr(samples)} instead."
        ) from error
    if not index.is_unique:
        raise ValueError("The 'samples' parameter of soft_labels must name each sample once.")
    rows = index.get_indexer(pd.Index(named))
    if (rows < 0).any():
        raise ValueError(
            "The 'samples' parameter of soft_labels must name all samples with votes. Got votes on "
            f"{reprlib.repr(pd.unique(named[rows < 0]).tolist())} beside them."
        )
    return _count(rows, index, labels, annotators, classes)


def _long_columns(votes: Any, columns: Sequence[Any]) -> list[Any]:
    """Return samples, annotators (or None) and labels as arrays of objects."""
    if isinstance(votes, tuple | list):
        parts = list(votes)
        names: list[Any] = ["samples", "annotators", "labels"]
    else:
        frame, names = _as_frame(votes), list(columns)
        missing = [name for name in names if name is not None and name not in frame]
        if missing:
            raise ValueError(
                f"votes has no column {missing[0]!r}, only {frame.columns.tolist()}. Name the "
                "columns of samples, annotators and labels in 'columns'."
            )
        parts = [None if name is None else frame[name] for name in names]
    if len(parts) != 3 or parts[0] is None or parts[2] is None:
        raise ValueError(
            "Long votes must have 3 columns: samples, annotators (or None) and labels. Got "
            f"{names if len(parts) == 3 else len(parts)} instead."
        )
    return [None if part is None else _as_objects(part) for part in parts]


def _as_objects(values: Any) -> np.ndarray:
    import pandas as pd

    values = values.to_list() if hasattr(values, "to_list") else on_host(values)
    return pd.Series(values).to_numpy(dtype=object)


def _count(
    rows: np.ndarray, index: pd.Index, labels: np.ndarray, annotators: Any, classes: Any
) -> pd.DataFrame:
    """Count the votes of each sample for each class; an annotator has one vote on a sample."""
    import pandas as pd

    codes, classes = _encode_votes(labels, classes)
    voted = codes >= 0
    rows, codes = rows[voted], codes[voted]
    weight = np.ones(len(rows))
    if annotators is not None:
        voter = pd.factorize(annotators[voted])[0]
        _, ballot, size = np.unique(
            np.stack([rows, voter]), axis=1, return_inverse=True, return_counts=True
        )
        weight = 1 / size[ballot.ravel()]
    shape = len(index), len(classes)
    counts = np.bincount(rows * shape[1] + codes, weight, shape[0] * shape[1]).reshape(shape)
    return pd.DataFrame(counts, index=index, columns=classes)


def _encode_votes(labels: np.ndarray, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    """Encode labels as positions in the sorted classes, and missing ones as -1."""
    import pandas as pd

    try:
        codes, unique = pd.factorize(labels)
    except TypeError as error:
        raise TypeError(
            "The 'votes' parameter of soft_labels must hold one label in each entry. Got "
            f"{reprlib.repr(labels.tolist())} instead."
        ) from error
    if not len(unique):
        raise ValueError("The 'votes' parameter of soft_labels must hold at least one vote.")
    (names,) = check_labels(classes, votes=np.asarray(unique, dtype=object))
    names = _as_labels(names)
    known = np.unique(names) if classes is None else sorted_classes(classes)
    # The last entry is the code of a missing label, -1.
    return np.append(encode(names, known, "votes"), -1)[codes], known


def _as_labels(names: np.ndarray) -> np.ndarray:
    """Turn objects into an array of strings, booleans or whole numbers."""
    labels = np.array(names.tolist())
    whole = labels.astype(np.int64) if _is_whole(labels) else labels
    if whole.ndim != 1 or whole.dtype.kind not in "biuUT":
        raise ValueError(
            "The 'votes' parameter of soft_labels must hold strings, booleans or whole numbers. "
            f"Got {reprlib.repr(names.tolist())} instead."
        )
    return whole


def _is_whole(labels: np.ndarray) -> bool:
    return labels.dtype.kind == "f" and bool(
        (abs(labels) < 2**53).all() and (labels % 1 == 0).all()
    )


def _warn_about_counts(frame: pd.DataFrame) -> None:
    """Warn if each row of numbers has the same sum, as counts of votes have."""
    if len(frame) < 10 or not all(dtype.kind in "iuf" for dtype in frame.dtypes):
        return
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    totals = values.sum(axis=1)
    if (values >= 0).all() and (totals == totals[0]).all() and (values != values[0]).any():
        warn_user(
            f"Each row of votes has the sum {totals[0]:g}. If votes holds numbers of votes for the "
            "classes, and not labels, pass layout='counts'."
        )


def _as_frame(votes: Any) -> pd.DataFrame:
    """Turn an array, lists or a table of any library into a new data frame of two dimensions."""
    import pandas as pd

    if isinstance(votes, pd.DataFrame):
        return votes.copy(deep=False)
    if hasattr(votes, "columns") and hasattr(votes, "to_dict"):  # polars
        return pd.DataFrame(votes.to_dict(as_series=False))
    if hasattr(votes, "to_pydict"):  # Arrow
        return pd.DataFrame(votes.to_pydict())
    votes = on_host(votes)
    if isinstance(votes, list | tuple) and any(isinstance(row, Mapping) for row in votes):
        raise ValueError(
            "The 'votes' parameter of soft_labels must not be a list of mappings. Got "
            f"{reprlib.repr(votes)}; if they count votes, pass pandas.DataFrame(votes) with "
            "layout='counts'."
        )
    if isinstance(votes, tuple) and all(isinstance(row, tuple) for row in votes):
        votes = list(votes)
    if isinstance(votes, list):
        is_table = all(hasattr(row, "__len__") and not isinstance(row, str) for row in votes)
    else:
        is_columns = isinstance(votes, dict) and all(np.ndim(part) == 1 for part in votes.values())
        is_table = is_columns or len(getattr(votes, "shape", ())) == 2
    if not is_table:
        hint = "; if these are samples, annotators and labels, pass layout='long'"
        hint = hint if isinstance(votes, tuple) and len(votes) == 3 else ""
        raise ValueError(
            "The 'votes' parameter of soft_labels must have 2 dimensions: a row for each sample. "
            f"Got {reprlib.repr(votes)} instead{hint}."
        )
    if isinstance(votes, list):
        # Short rows are filled up; a row need not be a list.
        return pd.DataFrame(
            zip(*itertools.zip_longest(*votes), strict=True), index=range(len(votes))
        )
    return pd.DataFrame(votes)
