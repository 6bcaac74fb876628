"""Transition matrices from labels and out-of-sample predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sknoisy._label_noise import estimators
from sknoisy.transition._checks import check_arguments

__all__ = ["anchor_points", "confident_joint", "dual_t", "gold", "most_confident"]


@check_arguments
def most_confident(
    clf_or_proba: Any, y: Any, *, min_samples: int = 10, z_score: float = 4.0, classes: Any = None
) -> np.ndarray:
    """Estimate the transition matrix from the most confident samples of each class.

    Samples are grouped by their most likely class and sorted by its probability. The labels of the
    first n samples of a class estimate its row. n is chosen so that a lower bound of the fraction
    of unchanged labels is highest: nearly all samples if classes are well separated, few if they
    overlap. Probabilities are only used for sorting, because the probabilities of samples selected
    for a high probability are too high.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
    min_samples : int, default=10
        Minimum number of samples per class; all samples of a smaller class are used.
    z_score : float, default=4
        Number of standard errors between the bound and the fraction, at least 0. A higher value
        uses more samples. If it is too low, n depends on chance; if it is too high, wrong
        predictions are counted as noisy labels.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        A class that is never the most likely class gets its row of the identity matrix.

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels and probabilities do not match, or a
        parameter is out of range.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927,
    for the lower bound.

    Examples
    --------
    >>> from sknoisy.transition import most_confident
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.6, 0.4], [0.2, 0.8]]
    >>> most_confident(p, [0, 1, 0, 0, 1, 1], min_samples=2)
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    return estimators.most_confident(y, clf_or_proba, min_samples, z_score)


@check_arguments
def anchor_points(
    clf_or_proba: Any, y: Any, *, quantile: float = 0.97, classes: Any = None
) -> np.ndarray:
    """Estimate each row of the transition matrix from one anchor point of the class.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels, used only for the classes; with a classifier, the labels that it was
        fitted to, in the same order.
    quantile : float, default=0.97
        The anchor point is the sample at this quantile of the probability of the class, in [0, 1].
        The sample with the highest probability may be an outlier. If the class is rarer than
        1 - quantile, the anchor point is a sample of another class.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels and probabilities do not match, or a
        parameter is out of range.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
    Approach", CVPR 2017, Section 4.2. The authors' code overwrites the probabilities that it
    reads; this function does not.

    Examples
    --------
    >>> from sknoisy.transition import anchor_points
    >>> anchor_points([[0.8, 0.2], [0.5, 0.5], [0.3, 0.7]], [0, 1, 1], quantile=1.0)
    array([[0.8, 0.2],
           [0.3, 0.7]])
    """
    return estimators.anchor_points(y, clf_or_proba, quantile)


@check_arguments
def confident_joint(clf_or_proba: Any, y: Any, *, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix by counting confident predictions.

    A class is a candidate for a sample if its probability is at least the mean probability of the
    samples with this label. The sample is counted for its most likely candidate.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        A class without counted samples gets its row of the identity matrix.

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels and probabilities do not match.

    References
    ----------
    Northcutt et al., "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021,
    Eq. 1 to 3.

    Examples
    --------
    >>> from sknoisy.transition import confident_joint
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]
    >>> confident_joint(p, [0, 1, 1, 1])
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    return estimators.confident_joint(y, clf_or_proba)


@check_arguments
def dual_t(clf_or_proba: Any, y: Any, *, quantile: float = 0.97, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix as a product of two matrices.

    The first matrix, from true to predicted classes, is estimated by :func:`anchor_points`. The
    second matrix, from predicted classes to given labels, is counted.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
    quantile : float, default=0.97
        As in :func:`anchor_points`.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels and probabilities do not match, or a
        parameter is out of range.

    References
    ----------
    Yao et al., "Dual T: Reducing Estimation Error for Transition Matrix in Label-noise Learning",
    NeurIPS 2020, Algorithm 1.

    Examples
    --------
    >>> from sknoisy.transition import dual_t
    >>> dual_t([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1], quantile=1.0)
    array([[0.4 , 0.6 ],
           [0.15, 0.85]])
    """
    return estimators.dual_t(y, clf_or_proba, quantile)


@check_arguments
def gold(clf_or_proba: Any, y: Any, trusted: Any, *, classes: Any = None) -> np.ndarray:
    """Estimate the transition matrix from trusted samples, whose labels are known to be clean.

    Parameters
    ----------
    clf_or_proba : NoisyLabelClassifier, Pipeline, search or array-like of shape \
(n_samples, n_classes)
        A fitted classifier with out-of-bag predictions, alone, at the end of a pipeline or in a
        search; or out-of-sample predicted probabilities of the given labels.
    y : array-like of shape (n_samples,)
        The given labels; with a classifier, the labels that it was fitted to, in the same order.
        The labels of trusted samples are clean.
    trusted : array-like of bool of shape (n_samples,)
        Mask of the trusted samples.
    classes : array-like of shape (n_classes,), default=None
        Sorted labels of the columns of probabilities; None: the labels in y. Must be None with a
        classifier.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        The row of a class without trusted samples is estimated by :func:`most_confident`.

    Raises
    ------
    ValueError, TypeError
        If the classifier has no out-of-bag predictions, labels, probabilities and mask do not
        match, or no sample is trusted.

    References
    ----------
    Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels Corrupted by Severe
    Noise", NeurIPS 2018, Algorithm 1.

    Examples
    --------
    >>> from sknoisy.transition import gold
    >>> gold([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1], [True, True, False])
    array([[0.8, 0.2],
           [0.6, 0.4]])
    """
    return estimators.gold(y, clf_or_proba, trusted)
