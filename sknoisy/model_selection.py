"""Ways to split samples whose labels cannot be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_consistent_length, column_or_1d

__all__ = ["NoisyLabelSplitter"]


class NoisyLabelSplitter:
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

    def get_metadata_routing(self) -> MetadataRequest:
        """Say that groups are taken.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.split.add_request(param="groups", alias=True)
        return request

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
        """
        check_consistent_length(X, y_noisy, y)
        rows = np.arange(len(column_or_1d(y)))
        return _safe_indexing(X, np.r_[rows, rows]), np.r_[column_or_1d(y_noisy), column_or_1d(y)]

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
        wrong, right = (
            _safe_indexing(X, rows) for rows in np.split(np.arange(2 * (len(y) // 2)), 2)
        )
        if not _same(wrong, right):
            raise ValueError("The halves of X must be the same samples, as `double` makes them.")
        X, y, groups = _right_half(X, y, groups)
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


def _same(one: Any, other: Any) -> bool:
    if sp.issparse(one):
        return (one != other).nnz == 0
    if hasattr(one, "iloc"):
        return one.reset_index(drop=True).equals(other.reset_index(drop=True))
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _right_half(*parts: Any) -> tuple[Any, ...]:
    n = len(parts[1])
    if n % 2:
        raise ValueError(f"y must hold the labels of samples given twice. Got {n} labels.")
    rows = np.arange(n // 2, n)
    return tuple(None if part is None else _safe_indexing(part, rows) for part in parts)
