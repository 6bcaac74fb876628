"""Kernel ridge regression to soft labels with closed-form predictions for left-out samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

__all__ = ["KernelFeatures", "KernelRidge"]

_N_CENTRES = 300
# Kernels of more samples are computed in parts, and not kept from one fit to the next.
_CHUNK = 10_000
# Widths of the Gaussian kernel, in units of the root of the number of columns.
_WIDTHS = (0.35, 0.7, 1.4)
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
# Regression may predict less than zero.
_MIN_PROBABILITY = 1e-3
# Eigenvalues that are smaller, relative to the largest, are rounding errors.
_MIN_EIGENVALUE = 1e-9


class _Basis(NamedTuple):
    """Orthogonal features of one kernel width: ``kernel(x, centres) @ weights``.

    Attributes
    ----------
    width : float
    weights : ndarray of shape (n_centres, n_components)
    values : ndarray of shape (n_samples, n_components)
        Of the training set.
    eigenvalues : ndarray of shape (n_components,)
        Weighted sums of squares of the values.
    """

    width: float
    weights: np.ndarray
    values: np.ndarray
    eigenvalues: np.ndarray


@dataclass(frozen=True)
class KernelRidge:
    """A fitted regression.

    Attributes
    ----------
    oob : ndarray of shape (n_samples, n_classes)
        Predictions of a fit without the group of the sample.
    """

    oob: np.ndarray
    centres: np.ndarray
    width: float
    coefficients: np.ndarray
    intercept: np.ndarray

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict class probabilities, of shape (n_samples, n_classes)."""
        starts = range(0, len(X), _CHUNK)
        parts = [
            _gaussian(X[i : i + _CHUNK].astype(np.float64), self.centres, self.width)
            @ self.coefficients
            for i in starts
        ]
        return _as_distributions(np.concatenate(parts) + self.intercept)


class KernelFeatures:
    """Nystroem features of a training set, to which several targets can be fitted.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)
        Standardised columns.
    weight : ndarray of shape (n_samples,)
    groups : ndarray of shape (n_samples,), int
        Numbers of groups, from 0.
    random_state : RandomState
        Draws the centres, 300 samples of positive weight.
    max_rows : int, default=20000
        Most samples of a fit, about: of more samples, random groups are fitted.

    References
    ----------
    Williams and Seeger, "Using the Nyström Method to Speed Up Kernel Machines", NeurIPS 2000.
    Rifkin and Lippert, "Notes on Regularized Least Squares", MIT 2007, leave-one-out predictions;
    here a whole group is left out.
    """

    def __init__(
        self,
        X: np.ndarray,
        weight: np.ndarray,
        groups: np.ndarray,
        random_state: np.random.RandomState,
        max_rows: int = 20_000,
    ) -> None:
        self._X = X
        self._is_fitted = _in_some_groups(groups, max_rows, random_state)
        X, weight = X[self._is_fitted], weight[self._is_fitted]
        positive = np.flatnonzero(weight > 0)
        self.weight = weight / weight[positive].mean()
        self.centres = X[random_state.permutation(positive)[:_N_CENTRES]].astype(np.float64)
        self._groups = _by_size(groups[self._is_fitted])
        self._fitted_X = X
        self._kept = [self._basis(width) for width in _WIDTHS] if len(X) <= _CHUNK else None

    def fit(self, target: np.ndarray) -> KernelRidge:
        """Fit soft labels, with the width and penalty of the least log loss on left-out groups.

        Parameters
        ----------
        target : ndarray of shape (n_samples, n_classes)
            Rows are distributions.

        Returns
        -------
        KernelRidge
        """
        target = target[self._is_fitted]
        mean = np.average(target, axis=0, weights=self.weight)
        bases = map(self._basis, _WIDTHS) if self._kept is None else self._kept
        # One basis of many samples is in memory at a time, as none has a name here.
        fits = map(partial(self._fit_penalty, target=target, mean=mean), bases)
        _, ridge = min(fits, key=lambda fit: fit[0])
        if self._is_fitted.all():
            return ridge
        of_all = np.empty((len(self._X), target.shape[1]))
        of_all[self._is_fitted] = ridge.oob
        of_all[~self._is_fitted] = ridge.predict(self._X[~self._is_fitted])
        return replace(ridge, oob=of_all)

    def _fit_penalty(
        self, basis: _Basis, target: np.ndarray, mean: np.ndarray
    ) -> tuple[float, KernelRidge]:
        """Fit with the penalty of the least log loss on left-out groups; return it and the fit."""
        centred, best_loss, best = target - mean, np.inf, None
        projected = basis.values.T @ (self.weight[:, None] * centred)
        for penalty in _PENALTIES:
            shrunk = projected / (basis.eigenvalues + penalty)[:, None]
            residuals = centred - basis.values @ shrunk
            left_out = self._left_out(residuals, basis, penalty)
            oob = _as_distributions(target - left_out)
            loss = -float(self.weight @ (target * np.log(oob)).sum(axis=1))
            if loss < best_loss:
                best_loss, best = loss, (oob, shrunk)
        assert best is not None
        oob, shrunk = best
        return best_loss, KernelRidge(oob, self.centres, basis.width, basis.weights @ shrunk, mean)

    def _basis(self, width: float) -> _Basis:
        values, vectors = np.linalg.eigh(_gaussian(self.centres, self.centres, width))
        kept = values > values[-1] * _MIN_EIGENVALUE
        weights = vectors[:, kept] / np.sqrt(values[kept])
        n = len(self._fitted_X)
        features = np.empty((n, weights.shape[1]))
        gram = np.zeros((weights.shape[1], weights.shape[1]))
        chunks = [slice(start, start + _CHUNK) for start in range(0, n, _CHUNK)]
        for rows in chunks:
            x = self._fitted_X[rows].astype(np.float64)
            features[rows] = _gaussian(x, self.centres, width) @ weights
            gram += features[rows].T @ (self.weight[rows, None] * features[rows])
        eigenvalues, vectors = np.linalg.eigh(gram)
        for rows in chunks:
            features[rows] = features[rows] @ vectors
        return _Basis(width, weights @ vectors, features, eigenvalues.clip(min=0))

    def _left_out(self, residuals: np.ndarray, basis: _Basis, penalty: float) -> np.ndarray:
        """Compute residuals of fits without the group of each sample.

        With the hat matrix H of a group and its residuals r they are ``(I - H)^-1 r``. For large
        groups the inverse is computed with the matrix inversion lemma.
        """
        inverse = 1 / (basis.eigenvalues + penalty)
        left_out = np.empty_like(residuals)
        for index in self._groups:
            size = index.shape[1]
            n_groups = max(1, _CHUNK // size)
            for start in range(0, len(index), n_groups):
                rows = index[start : start + n_groups]
                values, weight = basis.values[rows], self.weight[rows]
                left_out[rows] = _without_group(values, weight, residuals[rows], inverse)
        return left_out


def _without_group(
    values: np.ndarray, weight: np.ndarray, residuals: np.ndarray, inverse: np.ndarray
) -> np.ndarray:
    """Compute residuals, (n_groups, size, n_classes), of fits without each group."""
    size = values.shape[1]
    if size == 1:
        leverage = weight * (values[:, 0] ** 2 @ inverse)[:, None]
        return residuals / np.maximum(1 - leverage, 1e-6)[:, :, None]
    if size <= len(inverse):
        hat = (values * inverse) @ (weight[:, :, None] * values).transpose(0, 2, 1)
        kept = (1 + 1e-6) * np.eye(size) - hat
        return np.linalg.solve(kept, residuals)
    weighted = (weight[:, :, None] * values).transpose(0, 2, 1)
    kept = np.diag((1 + 1e-6) / inverse) - weighted @ values
    return residuals + values @ np.linalg.solve(kept, weighted @ residuals)


def _in_some_groups(
    groups: np.ndarray, max_rows: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return a mask of the samples of random groups; of all, if they are not too many."""
    if len(groups) <= max_rows:
        return np.ones(len(groups), dtype=bool)
    order = random_state.permutation(groups.max() + 1)
    n_rows = np.bincount(groups)[order].cumsum()
    # At least one group, and as many as have about the number of samples that is wanted.
    return np.isin(groups, order[: 1 + np.searchsorted(n_rows, max_rows)])


def _by_size(groups: np.ndarray) -> list[np.ndarray]:
    """Return the rows of all groups of one size as one array, (n_groups, size), for each size."""
    _, groups = np.unique(groups, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    return [
        order[starts[sizes == size][:, None] + np.arange(size)]
        for size in np.unique(sizes[sizes > 0])
    ]


def _gaussian(X: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    squares = (X * X).sum(axis=1)[:, None] + (centres * centres).sum(axis=1)
    distances = np.maximum(squares - 2 * X @ centres.T, 0)
    return np.exp(-distances / (2 * width**2 * X.shape[1]))


def _as_distributions(values: np.ndarray) -> np.ndarray:
    values = np.maximum(values, _MIN_PROBABILITY)
    return values / values.sum(axis=1, keepdims=True)
