"""Transition matrix from the labels of nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._label_noise import estimators
from sknoisy.transition._checks import check_arguments

__all__ = ["hoc"]


@check_arguments
def hoc(
    features: Any, y: Any, *, metric: str = "cosine", max_iter: int = 1500, classes: Any = None
) -> np.ndarray:
    """Estimate the transition matrix from the labels of samples and their two nearest neighbours.

    Assumes that neighbours have the same true class and that their labels are noisy independently
    of each other. The frequencies of single labels, pairs and triples are then functions of the
    matrix and the class priors, which are fitted to the observed frequencies. It needs no model,
    but features in which neighbours have the same class, and many more samples than the cube of the
    number of classes.

    Parameters
    ----------
    features : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features, best of a model trained without these labels; columns must have the same scale.
    y : array-like of shape (n_samples,)
        The given labels.
    metric : str or callable, default="cosine"
        Distance between samples, as in :class:`sklearn.neighbors.NearestNeighbors`.
    max_iter : int, default=1500
        Number of steps of the fit, at least 1; the authors use 301. The cost of a step grows with
        the fourth power of the number of classes: 0.25 s for a hundred classes.
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If labels and features do not match, there are fewer than 3 samples, or ``max_iter`` is out
        of range.

    References
    ----------
    Zhu et al., "Clusterability as an Alternative to Anchor Points When Learning with Noisy
    Labels", ICML 2021, Algorithm 1. As in the authors' code, norms are not squared and the
    optimiser is Adam. Departure: all samples are counted together, while the authors average over
    subsets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy.transition import hoc
    >>> X, y = load_iris(return_X_y=True)
    >>> hoc(X, y).diagonal().round(1)
    array([1., 1., 1.])
    """
    return estimators.hoc(y, features, len(classes), metric, max_iter)
