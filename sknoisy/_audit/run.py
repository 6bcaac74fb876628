"""The audit of labels, from rows to a report."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from sknoisy._audit.evidence import gather
from sknoisy._audit.findings import find_all
from sknoisy._audit.progress import Progress
from sknoisy._audit.report import AuditReport
from sknoisy._audit.result import AuditResult
from sknoisy._audit.samples import Samples
from sknoisy._audit.suspects import suspects_of
from sknoisy._validation.constraints import checked
from sknoisy._validation.frames import names_of_rows
from sknoisy._validation.groups import check_groups
from sknoisy._validation.labels import check_labels, check_trusted
from sknoisy._validation.missing_labels import is_missing
from sknoisy._validation.shapes import as_column, check_same_length
from sknoisy._validation.soft_labels import refuse_soft_labels
from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["audit"]

_PACKAGES = ("sknoisy", "torch", "skorch", "scikit-learn", "numpy", "pandas")
# Networks learn nothing from fewer different rows that are kept together.
_MIN_GROUPS = 64


@checked(
    encoder=[StrOptions({"columns"}), HasMethods(["fit", "transform"])],
    ignore=[list, tuple],
    random_state=[Interval(Integral, 0, 2**32 - 1, closed="both")],
    verbose=["verbose"],
    title=[str],
)
def audit(
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    trusted: Any = None,
    ignore: Sequence[Any] = (),
    images: str | None = None,
    folder: Any = None,
    method: Any = "distilled_pool",
    encoder: Any = "columns",
    random_state: int = 0,
    verbose: int = 0,
    title: str = "Label audit",
    **params: Any,
) -> AuditReport:
    """Audit the labels of a table or of images.

    The report says how many labels are wrong, which ones probably are, which classes are confused,
    and which rows contradict each other or are repeated. On the command line:
    ``python -m sknoisy audit data.csv --label y --out report.html``. Neither X nor y is changed.

    Parameters
    ----------
    X : DataFrame, array-like, sparse matrix, or array-like of paths
        The rows: a table with numbers, dates, categories, texts and missing values; images as an
        array or as paths of files.
    y : array-like of shape (n_samples,)
        The labels. Rows whose label is missing are left out.
    groups : array-like of shape (n_samples,), default=None
        Groups of rows that depend on each other, such as those of one person; they are trained on
        or predicted together. None: equal rows are a group.
    trusted : array-like of bool of shape (n_samples,), default=None
        Mask of the rows whose labels are known to be clean.
    ignore : sequence of str, default=()
        Names of columns of X that are shown in the report, but not used, such as keys. Columns that
        are alike in all rows, or look like keys, are left out anyway.
    images : str, default=None
        Name of the column of X that holds paths of images. Then the classifier sees the images
        only, and the other columns are shown in the report. This needs Pillow
        (``sknoisy[images]``).
    folder : str or path, default=None
        Where relative paths of images begin; None: the working directory.
    method : str, Method class or Method instance, default="distilled_pool"
        As in :class:`~sknoisy.NoisyLabelClassifier`. Methods with out-of-bag predictions, such as
        the default, are fitted once, others in five folds.
    encoder : "columns" or transformer, default="columns"
        Turns a table into numbers, inside the folds. "columns": numbers are imputed, dates become
        day, month, weekday and hour, categories one column each, and texts the main components of
        their words. Or a transformer such as ``skrub.TableVectorizer()``; numbers that it leaves
        missing are replaced by their mean.
    random_state : int, default=0
        Seed of the classifier; the report names it.
    verbose : int, default=0
        Above 0, say on standard error how far the audit is.
    title : str, default="Label audit"
        Title of the report.
    **params
        Further parameters of :class:`~sknoisy.NoisyLabelClassifier`, such as ``max_epochs``.

    Returns
    -------
    AuditReport
        Print it, read its ``findings``, or write it by ``report.save("report.html")``.

    Raises
    ------
    ValueError, TypeError
        If labels are not classes, or a parameter is not valid.

    Examples
    --------
    >>> import sknoisy
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> y = y.replace({0: "setosa", 1: "versicolor", 2: "virginica"})
    >>> y[7] = "virginica"
    >>> report = sknoisy.audit(X, y)
    >>> suspect = report.suspects.iloc[0]
    >>> int(suspect["row"]), suspect["given"], suspect["suggested"]
    (7, 'virginica', 'setosa')
    """
    refuse_soft_labels(y, "y")
    column = as_column(np.asarray(y, dtype=object), "y")
    samples = Samples.of(X, images, folder, encoder, names_of_rows(y), ignore)
    check_same_length(X=np.empty(len(samples)), y=column)
    kept = np.flatnonzero(~is_missing(column))
    labels = _checked_labels(column[kept])
    numbers = check_groups(groups, len(column))
    mask = check_trusted(trusted, len(column))
    samples = samples.take(kept)
    codes = np.unique(labels, return_inverse=True)[1]
    repeated = samples.repeated(codes)
    if numbers is None:
        is_enough = len(np.unique(repeated.first)) >= _MIN_GROUPS
        groups = repeated.first if is_enough else np.arange(len(kept))
    else:
        groups = numbers[kept]
    mask = None if mask is None or not mask[kept].any() else mask[kept]
    if samples.image_size is not None:
        params = {"image_size": samples.image_size} | params
    clf = NoisyLabelClassifier(method, random_state=random_state, **params)
    progress = Progress.on_stderr() if verbose else Progress()
    try:
        evidence = gather(samples.features, labels, samples.encoder, clf, groups, mask, progress)
    finally:
        progress.close()
    settings = {
        "method": method if isinstance(method, str) else repr(method),
        "encoder": encoder if isinstance(encoder, str) else repr(encoder),
        "random_state": random_state,
        "groups": "equal rows" if numbers is None else "given",
        "trusted rows": 0 if mask is None else int(mask.sum()),
        **{name: value if _is_plain(value) else repr(value) for name, value in params.items()},
    }
    result = AuditResult(
        title=title,
        samples=samples,
        evidence=evidence,
        repeated=repeated,
        findings=find_all(evidence, repeated, len(column) - len(kept)),
        suspects=suspects_of(evidence.labels, samples.shown),
        settings=settings,
        versions=_versions(),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return AuditReport(result)


def _checked_labels(column: np.ndarray) -> np.ndarray:
    """Check that labels are classes, of which there are several."""
    if len(column) and all(isinstance(label, (bool, np.bool_)) for label in column):
        column = column.astype(bool)
    elif any(isinstance(label, str) for label in column):
        # A column of numbers and texts comes from one text among numbers.
        column = np.array([str(label) for label in column], dtype=object)
    else:
        column = np.array(column.tolist())
    (labels,) = check_labels(y=column)
    labels = labels.astype(str).astype(object) if labels.dtype.kind == "U" else labels
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"The labels must have at least two classes. Got {classes.tolist()} in "
            f"{len(labels)} labelled rows."
        )
    is_fraction = labels.dtype.kind == "f" and (labels % 1 != 0).any()
    if len(classes) > max(2, len(labels) // 2) or (is_fraction and len(classes) > 20):
        raise ValueError(
            f"The labels must be classes. Got {len(classes)} different labels in {len(labels)} "
            "rows, such as numbers to predict or names of rows."
        )
    return labels


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
