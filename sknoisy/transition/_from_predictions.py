"""Transition matrices from predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._label_noise import estimators as _estimates
from sknoisy._validation.labels import check_trusted
from sknoisy.transition._checks import _checked, _in_range

__all__ = ["most_confident", "anchor_points", "confident_joint", "dual_t", "gold"]


def most_confident(
    y: Any, proba: Any, *, min_samples: int = 10, z_score: float = 4.0, classes: Any = None
) -> np.ndarray:
    """Estimate the transition matrix from the samples whose class is most beyond doubt.

    Of the samples that are likeliest of a class, those said so most firmly are its own, and their
    given labels show how it was labelled. As many of them are looked at as make it surest that a
    large share keeps the label: nearly all where classes lie apart, few where they overlap. What
    the model says only ranks the samples: of those chosen for a high probability it is too high.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    min_samples : int, default=10
        How many samples of a class to look at, or all where there are fewer.
    z_score : float, default=4
        How many standard errors below the share its lower bound is, at least 0. The higher, the
        more samples are looked at: a lower one mistakes chance for samples that are surer, a higher
        one wrong guesses for wrong labels.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        A class that nothing is likeliest of keeps its label.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927,
    for the lower bound.

    Examples
    --------
    >>> from sknoisy.transition import most_confident
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.2, 0.8]]
    >>> most_confident([0, 1, 0, 0, 1, 1], p, min_samples=2)
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    _in_range("most_confident", min_samples=min_samples, z_score=z_score)
    return _estimates.most_confident(*_checked(y, proba, classes), min_samples, z_score)


def anchor_points(y: Any, proba: Any, *, quantile: float = 0.97, classes: Any = None) -> np.ndarray:
    """Estimate each row of the transition matrix from one sample that is surely of that class.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels; only the classes are taken from them.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    quantile : float, default=0.97
        Which sample it is, by its probability of the class, in [0, 1]: the very highest may be an
        outlier. In a class that is rarer than 1 - quantile it is of another class.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach", CVPR 2017, Section 4.2. The authors' code overwrites what it reads; that is not
    repeated here.

    Examples
    --------
    >>> from sknoisy.transition import anchor_points
    >>> anchor_points([0, 1, 1], [[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]], quantile=1.0)
    array([[0.8, 0.2],
           [0.3, 0.7]])
    """
    _in_range("anchor_points", quantile=quantile)
    return _estimates.anchor_points(*_checked(y, proba, classes), quantile)


def confident_joint(y: Any, proba: Any, *, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix from counts of confident guesses.

    A sample is counted as one of the class with the highest probability, among those where it is at
    least as high as that of the average sample labelled so.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        A class that no sample was counted as keeps its label.

    References
    ----------
    Northcutt et al., "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021,
    Eq. 1 to 3.

    Examples
    --------
    >>> from sknoisy.transition import confident_joint
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]
    >>> confident_joint([0, 1, 1, 1], p)
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    return _estimates.confident_joint(*_checked(y, proba, classes))


def dual_t(y: Any, proba: Any, *, quantile: float = 0.97, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix in two steps, by way of the class a model would guess.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    quantile : float, default=0.97
        As in :func:`anchor_points`, which is the first step; the second counts labels.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    References
    ----------
    Yao et al., "Dual T: Reducing Estimation Error for Transition Matrix in Label-noise Learning",
    NeurIPS 2020, Algorithm 1.

    Examples
    --------
    >>> from sknoisy.transition import dual_t
    >>> dual_t([0, 1, 1], [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], quantile=1.0)
    array([[0.4 , 0.6 ],
           [0.15, 0.85]])
    """
    _in_range("dual_t", quantile=quantile)
    return _estimates.dual_t(*_checked(y, proba, classes), quantile)


def gold(y: Any, proba: Any, trusted: Any, *, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix from samples whose labels are known to be right.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels; those of trusted samples are right.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    trusted : array-like of bool of shape (n_samples,)
        Marks the samples whose labels are right.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        The row of a class without trusted samples is that of :func:`most_confident`.

    References
    ----------
    Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels Corrupted by Severe
    Noise", NeurIPS 2018, Algorithm 1.

    Examples
    --------
    >>> from sknoisy.transition import gold
    >>> gold([0, 1, 1], [[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], [True, True, False])
    array([[0.8, 0.2],
           [0.6, 0.4]])
    """
    codes, p = _checked(y, proba, classes)
    mask = check_trusted(trusted, len(codes))
    if mask is None:
        raise ValueError(
            "The 'trusted' parameter of gold must be a boolean mask that marks the samples whose "
            "labels are right. Got None instead; surest does without."
        )
    found = _estimates.most_confident(codes, p)
    for label in np.unique(codes[mask]):
        found[label] = p[mask & (codes == label)].mean(axis=0)
    return found
