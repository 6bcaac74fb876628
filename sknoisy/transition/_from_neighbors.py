"""Transition matrices from the labels of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

from sknoisy._label_noise.hoc import fit_hoc
from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy.transition._checks import _in_range

__all__ = ["hoc"]


def hoc(
    y: Any, features: Any, *, metric: str = "cosine", max_iter: int = 1500, classes: Any = None
) -> np.ndarray:
    """Estimate the transition matrix from how often a sample and its two neighbours agree.

    Neighbours mostly share their true class, and their labels were given independently of each
    other; so the shares of single labels, pairs and triples of them are functions of the matrix and
    of the shares of the classes, which are fitted to them. It needs no model, but features in which
    neighbours are of one class, and many samples beside the cube of the number of classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    features : {array-like, sparse matrix} of shape (n_samples, n_features)
        Best from a model trained without these labels; columns of one scale.
    metric : str, default="cosine"
        What neighbours are near by, as in :class:`sklearn.neighbors.NearestNeighbors`.
    max_iter : int, default=1500
        Steps of the fit, at least 1; each costs about the fourth power of the number of classes:
        a quarter of a second for a hundred, for which the authors take 301.
    classes : array-like of shape (n_classes,), default=None
        All labels there may be, sorted; None: those in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    References
    ----------
    Zhu et al., "Clusterability as an Alternative to Anchor Points When Learning with Noisy
    Labels", ICML 2021, Algorithm 1. As in the authors' code, norms are not squared and the fit is
    by Adam. Departure: all samples are counted at once, where the authors average over subsets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy.transition import hoc
    >>> X, y = load_iris(return_X_y=True)
    >>> hoc(y, X).diagonal().round(1)
    array([1., 1., 1.])
    """
    _in_range("hoc", max_iter=max_iter)
    features = check_array(features, accept_sparse="csr", dtype=np.float64, input_name="features")
    (labels,) = check_labels(classes, y=y)
    known = sorted_classes(np.unique(labels) if classes is None else classes)
    codes, k = encode(labels, known), len(known)
    check_consistent_length(codes, features)
    if len(codes) < 3:
        raise ValueError(f"hoc needs at least 3 samples. Got {len(codes)}.")
    around = NearestNeighbors(n_neighbors=2, metric=metric).fit(features).kneighbors()[1]
    first, second = codes[around[:, 0]], codes[around[:, 1]]
    seen = np.zeros((k, k, k))
    np.add.at(seen, (codes, first, second), 1 / len(codes))
    return fit_hoc(seen, max_iter)
