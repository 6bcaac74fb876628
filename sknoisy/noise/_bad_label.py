"""BadLabel noise: the labels that are the hardest to tell from clean ones by a loss."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from sknoisy._validation.constraints import checked
from sknoisy.noise._rates import check_rate, max_rate
from sknoisy.noise._samples import check_samples

__all__ = ["bad_label"]

_N_FOLDS = 5


@checked(random_state=["random_state"])
def bad_label(
    X: Any,
    codes: np.ndarray,
    n_classes: int,
    rate: float,
    *,
    estimator: BaseEstimator | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Choose the noisy labels that contradict the features most.

    A classifier learns the true labels. The candidate of each sample is the class that it predicts
    with the lowest probability, and the labels of the samples with the lowest such probabilities
    are changed. This noise depends on the samples: it hits those whose class is the clearest, and
    similar samples get the same wrong label. So a network learns the noisy labels as early as the
    clean ones, and small losses do not tell clean labels.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        The samples.
    codes : array-like of int of shape (n_samples,)
        Encoded true labels.
    n_classes : int
        At least 2.
    rate : float
        Fraction of all labels to change, in [0, 1 - 1 / n_classes]; the number is rounded down. The
        labels changed at a rate are also changed at each higher rate.
    estimator : classifier or None, default=None
        Its out-of-fold probabilities are used. None: logistic regression on standardised columns.
    random_state : int, RandomState instance or None, default=None
        Source of five folds, and of the order of equal probabilities.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Probability of each given label: 0 or 1.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range, lengths differ, or ``estimator`` has no ``predict_proba``.

    References
    ----------
    Zhang et al., "BadLabel: A Robust Perspective on Evaluating and Enhancing Label-noise Learning",
    IEEE TPAMI 2024. Departure: the probabilities are out-of-fold, while the authors average those
    of a network over its training on the same samples.

    Examples
    --------
    >>> from sknoisy.noise import bad_label
    >>> X = [[0.0], [1.0], [2.0], [7.0], [8.0], [9.0]]
    >>> bad_label(X, [0, 0, 0, 1, 1, 1], 2, 0.4, random_state=0).argmax(axis=1)
    array([1, 0, 0, 1, 1, 0])
    """
    rate, rng = check_rate(rate, max_rate(n_classes)), check_random_state(random_state)
    if estimator is not None and not hasattr(estimator, "predict_proba"):
        raise TypeError(
            "The 'estimator' parameter of bad_label must be a classifier with predict_proba, or "
            f"None. Got {estimator!r} instead."
        )
    X, codes = check_samples(X, codes, n_classes, "bad_label")
    rows = np.arange(len(codes))
    p = _out_of_fold(X, codes, n_classes, estimator, rng)
    p[rows, codes] = np.inf
    candidates = np.lexsort((rng.random_sample(p.shape), p), axis=1)[:, 0]
    order = np.lexsort((rng.random_sample(len(p)), p[rows, candidates]))
    # The tolerance is needed because 0.29 * 100 is 28.999... in floating point.
    changed = order[: int(rate * len(codes) + 1e-9)]
    noisy = codes.copy()
    noisy[changed] = candidates[changed]
    return np.eye(n_classes)[noisy]


def _out_of_fold(
    X: np.ndarray, codes: np.ndarray, n_classes: int, estimator: Any, rng: np.random.RandomState
) -> np.ndarray:
    """Predict probabilities of the true labels for each fold, by a fit to the others."""
    if estimator is None:
        X = X.reshape(len(X), -1)
        estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    fold = rng.permutation(len(X)) % _N_FOLDS
    p = np.zeros((len(X), n_classes))
    for left_out in np.unique(fold):
        train, test = fold != left_out, fold == left_out
        known = np.unique(codes[train])
        # A single class cannot be learned, and no other class is then less probable than another.
        if len(known) < 2:
            continue
        with warnings.catch_warnings():
            # The order of the classes is settled long before the last digits.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = clone(estimator).fit(X[train], codes[train])
        p[np.ix_(test, known)] = fitted.predict_proba(X[test])
    return p
