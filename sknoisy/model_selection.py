"""Cross-validation splitters for data with noisy labels."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import _num_samples

from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import check_labels, check_trusted
from sknoisy._validation.shapes import as_column, check_same_length
from sknoisy._validation.soft_labels import refuse_soft_labels

__all__ = ["NoisyLabelSplitter", "TrustedSplit"]


class _GroupsConsumer:
    """Metadata routing of splitters that use ``groups``."""

    def get_metadata_routing(self) -> MetadataRequest:
        """Request ``groups`` for ``split``.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.split.add_request(param="groups", alias=True)
        return request


class NoisyLabelSplitter(_GroupsConsumer):
    """Splitter that trains on noisy labels and tests on clean ones.

    scikit-learn's tools use the same y for training and testing. So :meth:`double` repeats all
    samples, first with noisy and then with clean labels. Training sets come from the first half,
    test sets from the second, and no sample is in both.

    Parameters
    ----------
    cv : int, cross-validation generator or iterable, default=5
        How to split the samples of one half; an int makes stratified folds.

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
    >>> X_double, y_double = splitter.double(X, y_noisy, y)
    >>> cross_val_score(LogisticRegression(C=0.1), X_double, y_double, cv=splitter).shape
    (3,)
    """

    def __init__(self, cv: Any = 5) -> None:
        reusable = cv is None or isinstance(cv, Integral) or hasattr(cv, "split")
        # An iterator would be exhausted after one use.
        self.cv = cv if reusable else list(cv)

    def double(self, X: Any, y_noisy: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Repeat all samples, with noisy and then with clean labels.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
            The samples.
        y_noisy, y : array-like of shape (n_samples,)
            Noisy and clean labels.

        Returns
        -------
        X : array-like, sparse matrix or DataFrame of shape (2 * n_samples, ...)
            Of the same type as X.
        y : ndarray of shape (2 * n_samples,)

        Raises
        ------
        ValueError
            If lengths differ, or if some labels are strings and others are not.
        """
        noisy, clean = check_labels(y_noisy=y_noisy, y=y)
        check_same_length(X=X, y_noisy=noisy, y=clean)
        rows = np.arange(len(clean))
        return _safe_indexing(X, np.r_[rows, rows]), np.r_[noisy, clean]

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate positions in the output of :meth:`double`.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of shape (2 * n_samples, ...)
            The repeated samples.
        y : array-like of shape (2 * n_samples,)
            Noisy labels, then clean ones.
        groups : array-like of shape (2 * n_samples,), default=None
            Groups, repeated like the samples, for a ``cv`` that uses groups.

        Yields
        ------
        train, test : ndarray of int
            Positions of training samples, with noisy labels, and test samples, with clean ones.

        Raises
        ------
        ValueError
            If the two halves are not the same samples.
        """
        check_same_length(optional=("groups",), X=X, y=y, groups=groups)
        refuse_soft_labels(y, "y")
        identities = _identities(X)
        X, y, groups = _clean_half(X, y, groups)
        if (identities[: len(y)] != identities[len(y) :]).any():
            raise ValueError("The halves of X must be the same samples, as `double` makes them.")
        for train, test in check_cv(self.cv, y, classifier=True).split(X, y, groups):
            yield train, test + len(y)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : array-like, default=None
            As in :meth:`split`.

        Returns
        -------
        int
        """
        if y is not None:
            X, y, groups = _clean_half(X, y, groups)
        return check_cv(self.cv, y, classifier=True).get_n_splits(X, y, groups)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(cv={self.cv!r})"


class TrustedSplit(_GroupsConsumer):
    """Splitter with only trusted samples in the test sets, so that scores use clean labels.

    A training set contains all samples that are not in the test set, except for samples that equal
    a test sample or are in the group of a test sample.

    Parameters
    ----------
    trusted : array-like of bool of shape (n_samples,)
        Mask of the samples whose labels are known to be clean.
    cv : int or cross-validation generator, default=5
        How to split the trusted samples; an int makes stratified folds that keep groups together,
        or equal samples if there are no groups.

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
            The samples.
        y : array-like of shape (n_samples,), default=None
            The given labels, by which folds are stratified.
        groups : array-like of shape (n_samples,), default=None
            Samples in the group of a test sample are not in the training set. A ``cv`` that uses
            groups gets them too.

        Yields
        ------
        train, test : ndarray of int
            Positions of training and test samples.

        Raises
        ------
        ValueError
            If ``trusted`` is not a mask of the samples, or lengths differ.
        """
        check_same_length(optional=("y", "groups"), X=X, y=y, groups=groups)
        refuse_soft_labels(y, "y")
        mask = _check_mask(self.trusted, _num_samples(X))
        rows = np.flatnonzero(mask)
        identities = _identities(X)
        group_codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
        labels = None if y is None else as_column(on_host(y), "y")[rows]
        cv, cv_groups = check_cv(self.cv, labels, classifier=True), group_codes
        if isinstance(self.cv, Integral):
            splitter = GroupKFold if labels is None else StratifiedGroupKFold
            cv = splitter(int(self.cv))
            cv_groups = identities if group_codes is None else group_codes
        trusted_X = _safe_indexing(X, rows)
        trusted_groups = None if cv_groups is None else cv_groups[rows]
        for _, trusted_test in cv.split(trusted_X, labels, trusted_groups):
            test = rows[trusted_test]
            in_train = ~np.isin(identities, identities[test])
            if group_codes is not None:
                in_train &= ~np.isin(group_codes, group_codes[test])
            yield np.flatnonzero(in_train), test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X, y, groups : array-like, default=None
            As in :meth:`split`.

        Returns
        -------
        int
        """
        check_same_length(optional=("X", "y", "groups"), X=X, y=y, groups=groups)
        n_samples = next((_num_samples(part) for part in (X, y, groups) if part is not None), None)
        mask = _check_mask(self.trusted, np.size(self.trusted) if n_samples is None else n_samples)
        rows = np.flatnonzero(mask)
        X, y, groups = (None if p is None else _safe_indexing(p, rows) for p in (X, y, groups))
        return check_cv(self.cv, y, classifier=True).get_n_splits(X, y, groups)

    def __repr__(self) -> str:
        n = np.count_nonzero(self.trusted)
        return f"{type(self).__name__}(<{n} trusted samples>, cv={self.cv!r})"


def _check_mask(trusted: Any, n_samples: int) -> np.ndarray:
    """Check the mask of a TrustedSplit."""
    mask = check_trusted(trusted, n_samples)
    if mask is None:
        raise ValueError(
            "The 'trusted' parameter of TrustedSplit must be a boolean mask. Got None instead."
        )
    return mask


def _clean_half(*arrays: Any) -> tuple[Any, ...]:
    """Select the second half of X, y and groups."""
    n = _num_samples(arrays[1])
    if n % 2:
        raise ValueError(
            f"y must hold the labels of all samples twice, as `double` makes it. Got {n} labels "
            "instead."
        )
    rows = np.arange(n // 2, n)
    return tuple(None if array is None else _safe_indexing(array, rows) for array in arrays)


def _identities(X: Any) -> np.ndarray:
    """Number the samples so that equal samples have the same number."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in _sample_keys(X)])


def _sample_keys(X: Any) -> Iterator[Any]:
    """Make a hashable key for each sample, the same for equal samples."""
    X = on_host(X)
    if sp.issparse(X):
        X = X.tocsr(copy=True)
        X.sum_duplicates()
        X.eliminate_zeros()
        ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
        return ((X.indices[a:b].tobytes(), _key(X.data[a:b])) for a, b in ends)
    if hasattr(X, "columns"):
        # Columns are selected by position, as names may repeat, and one by one, as types differ.
        cells = getattr(X, "iloc", X)
        columns = (np.asarray(cells[:, i]).tolist() for i in range(X.shape[1]))
        return zip(*(map(_key, column) for column in columns), strict=True)
    return map(_key, X)


def _key(value: Any) -> Any:
    """Make a hashable key for a sample or a cell of it, in which NaN equals NaN."""
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind in "fc":
            # Bytes are compared: zero has two signs and NaN many payloads.
            array = np.where(np.isnan(array), np.nan, array + 0.0)
        if array.ndim and array.dtype != object:
            return array.shape, array.tobytes()
        value = array.tolist()
    if isinstance(value, list | tuple):
        return tuple(map(_key, value))
    if isinstance(value, dict):
        return frozenset((name, _key(item)) for name, item in value.items())
    return None if isinstance(value, float) and value != value else value
