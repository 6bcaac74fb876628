"""Ways to split samples whose labels cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import _num_samples, check_consistent_length, column_or_1d

from sknoisy._validation.labels import check_trusted

__all__ = ["NoisyLabelSplitter", "TrustedSplit"]


class _TakesGroups:
    """What splitters that pass groups on say of it to scikit-learn's routing."""

    def get_metadata_routing(self) -> MetadataRequest:
        """Say that groups are taken.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.split.add_request(param="groups", alias=True)
        return request


class NoisyLabelSplitter(_TakesGroups):
    """Folds that train on wrong labels and test on right ones.

    scikit-learn's tools know one y for both. So samples are given twice (:meth:`double`), first
    with wrong labels and then with right ones; training folds come from the first half, test folds
    from the second, and no sample is in both.

    Parameters
    ----------
    cv : int, cross-validation generator or iterable, default=5
        How to split the samples, before they are given twice; an int makes stratified folds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sknoisy.model_selection import NoisyLabelSplitter
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y_noisy = corrupt_labels(y, 0.3, random_state=0)
    >>> splitter = NoisyLabelSplitter(cv=3)
    >>> twice = splitter.double(X, y_noisy, y)
    >>> cross_val_score(LogisticRegression(C=0.1), *twice, cv=splitter).shape
    (3,)
    """

    def __init__(self, cv: Any = 5) -> None:
        whole = cv is None or isinstance(cv, Integral) or hasattr(cv, "split")
        # An iterator could be asked once only.
        self.cv = cv if whole else list(cv)

    def double(self, X: Any, y_noisy: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Give all samples twice, with wrong and with right labels.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
        y_noisy, y : array-like of shape (n_samples,)

        Returns
        -------
        X : of the type given, of shape (2 * n_samples, ...)
        y : ndarray of shape (2 * n_samples,)

        Raises
        ------
        ValueError
            If some labels are strings and others are not.
        """
        check_consistent_length(X, y_noisy, y)
        wrong, right = column_or_1d(y_noisy), column_or_1d(y)
        if len({isinstance(label, str) for label in [*wrong.tolist(), *right.tolist()]}) > 1:
            raise ValueError(
                "y_noisy and y must both hold numbers or both strings. Got labels of type "
                f"{wrong.dtype} and {right.dtype}."
            )
        rows = np.arange(len(right))
        return _safe_indexing(X, np.r_[rows, rows]), np.r_[wrong, right]

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate positions in what :meth:`double` returns.

        Parameters
        ----------
        X : array-like of shape (2 * n_samples, ...)
        y : array-like of shape (2 * n_samples,)
        groups : array-like of shape (2 * n_samples,), default=None
            Of each sample twice, for a ``cv`` that asks for groups.

        Yields
        ------
        train, test : ndarray of int
        """
        check_consistent_length(X, y, groups)
        alike = _identities(X)
        X, y, groups = _right_half(X, y, groups)
        if (alike[: len(y)] != alike[len(y) :]).any():
            raise ValueError("The halves of X must be the same samples, as `double` makes them.")
        for train, test in check_cv(self.cv, y, classifier=True).split(X, y, groups):
            yield train, test + len(y)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : as in :meth:`split`, default=None

        Returns
        -------
        int
        """
        if y is not None:
            X, y, groups = _right_half(X, y, groups)
        return check_cv(self.cv, y, classifier=True).get_n_splits(X, y, groups)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(cv={self.cv!r})"


class TrustedSplit(_TakesGroups):
    """Folds whose test parts hold trusted samples only.

    A score on them is one on right labels. All others are always trained on, and so are trusted
    samples outside of their fold; but no sample that equals one tested, or shares its group, is
    trained on, whatever its label.

    Parameters
    ----------
    trusted : array-like of bool of shape (n_samples,)
        Marks the samples whose labels are known to be right, in the order of the X to be split.
    cv : int or cross-validation generator, default=5
        How to split the trusted samples; an int makes stratified folds, in which groups, or equal
        samples where there are none, stay together.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sknoisy.model_selection import TrustedSplit
    >>> X, y = load_iris(return_X_y=True)
    >>> trusted = np.arange(150) % 5 == 0
    >>> cv = TrustedSplit(trusted, cv=3)
    >>> cross_val_score(LogisticRegression(C=0.1), X, y, cv=cv).shape
    (3,)
    """

    def __init__(self, trusted: Any, cv: Any = 5) -> None:
        self.trusted = trusted
        self.cv = cv

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate positions in X.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
        y : array-like of shape (n_samples,), default=None
        groups : array-like of shape (n_samples,), default=None
            What shares one with a tested sample is not trained on, nor is what equals it. A ``cv``
            that asks for groups gets them.

        Yields
        ------
        train, test : ndarray of int
        """
        check_consistent_length(X, y, groups)
        trusted = check_trusted(self.trusted, _num_samples(X))
        if trusted is None:
            raise ValueError("TrustedSplit needs trusted samples. Got trusted=None.")
        rows = np.flatnonzero(trusted)
        alike = _identities(X)
        own = None if groups is None else np.unique(groups, return_inverse=True)[1]
        labels = None if y is None else column_or_1d(y)[rows]
        cv, together = check_cv(self.cv, labels, classifier=True), own
        if isinstance(self.cv, Integral):
            kind = GroupKFold if labels is None else StratifiedGroupKFold
            cv, together = kind(int(self.cv)), alike if own is None else own
        some = _safe_indexing(X, rows)
        for _, test in cv.split(some, labels, None if together is None else together[rows]):
            test = rows[test]
            kept = ~np.isin(alike, alike[test])
            if own is not None:
                kept &= ~np.isin(own, own[test])
            yield np.flatnonzero(kept), test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : as in :meth:`split`, default=None

        Returns
        -------
        int
        """
        rows = np.flatnonzero(np.asarray(self.trusted))
        X, y, groups = (None if p is None else _safe_indexing(p, rows) for p in (X, y, groups))
        return check_cv(self.cv, y, classifier=True).get_n_splits(X, y, groups)

    def __repr__(self) -> str:
        n = np.count_nonzero(self.trusted)
        return f"{type(self).__name__}(<{n} trusted samples>, cv={self.cv!r})"


def _identities(X: Any) -> np.ndarray:
    """A number for each sample, the same for equal ones."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in _keys(X)])


def _keys(X: Any) -> Iterator[Any]:
    """What stands for each sample: it can be hashed, and is the same for equal ones."""
    if sp.issparse(X):
        X = X.tocsr(copy=True)
        X.sum_duplicates()
        X.eliminate_zeros()
        ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        return ((X.indices[a:b].tobytes(), _key(X.data[a:b])) for a, b in ends)
    if hasattr(X, "columns"):
        # By their places, for two may share a name; and one by one, for each has its own type.
        cells = getattr(X, "iloc", X)
        columns = (np.asarray(cells[:, i]).tolist() for i in range(X.shape[1]))
        return zip(*(map(_key, column) for column in columns), strict=True)
    return map(_key, X)


def _key(value: Any) -> Any:
    """What stands for a sample or a cell of it; NaN equals NaN here."""
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "fc":
            # Zero has two signs, and NaN many forms.
            array = np.where(np.isnan(array), np.nan, array + 0.0)
        if array.ndim and array.dtype != object:
            return array.shape, array.tobytes()
        value = array.tolist()
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    if isinstance(value, dict):
        return frozenset((name, _key(inner)) for name, inner in value.items())
    return None if isinstance(value, float) and value != value else value


def _right_half(*parts: Any) -> tuple[Any, ...]:
    n = len(parts[1])
    if n % 2:
        raise ValueError(f"y must hold the labels of samples given twice. Got {n} labels.")
    rows = np.arange(n // 2, n)
    return tuple(None if part is None else _safe_indexing(part, rows) for part in parts)
