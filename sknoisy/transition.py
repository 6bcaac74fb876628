"""Transition matrices and noise rates, estimated: numpy in, numpy out.

Entry (i, j) of a transition matrix is the probability that label j is given where i is true; rows
and columns are in the order of the sorted classes. All estimators but ``hoc`` read what a model
says of the *given* labels of samples whose labels it has not seen: out of fold, or out of bag.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_parameter_constraints
from sklearn.utils.validation import check_consistent_length

from sknoisy._label_noise import estimators as _estimates
from sknoisy._label_noise.estimators import Estimate, NoiseRate
from sknoisy._label_noise.hoc import fit_hoc
from sknoisy._label_noise.report import Confusion, NoiseReport
from sknoisy._validation.labels import (
    check_labels,
    check_labels_and_proba,
    check_trusted,
    encode,
    sorted_classes,
)
from sknoisy._validation.params import parameters_of
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.search._proxy import proba_out_of_fold

__all__ = [
    "ESTIMATORS",
    "Confusion",
    "NoiseRate",
    "NoiseReport",
    "anchor_points",
    "confident_joint",
    "dual_t",
    "estimate_transition",
    "gold",
    "hoc",
    "noise_rate",
    "most_confident",
]


_CONSTRAINTS = {
    "min_samples": [Interval(Integral, 1, None, closed="left")],
    "z_score": [Interval(Real, 0, None, closed="left")],
    "quantile": [Interval(Real, 0, 1, closed="both")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "confidence_level": [Interval(Real, 0, 1, closed="neither")],
    "n_resamples": [Interval(Integral, 1, None, closed="left")],
    "min_rate": [Interval(Real, 0, 1, closed="left")],
}


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


_FROM_PROBABILITIES: dict[str, Estimate] = {
    "most_confident": _estimates.most_confident,
    "anchor_points": _estimates.anchor_points,
    "confident_joint": _estimates.confident_joint,
    "dual_t": _estimates.dual_t,
}


_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "most_confident": most_confident,
    "anchor_points": anchor_points,
    "confident_joint": confident_joint,
    "dual_t": dual_t,
    "gold": gold,
    "hoc": hoc,
}


# What ``method`` may be in :func:`estimate_transition`.
ESTIMATORS = tuple(_FUNCTIONS)


def estimate_transition(
    X: Any,
    y: Any,
    estimator: BaseEstimator | None = None,
    *,
    method: str = "most_confident",
    cv: Any = 5,
    groups: Any = None,
    trusted: Any = None,
    random_state: int | np.random.RandomState | None = None,
    **params: Any,
) -> np.ndarray:
    """Estimate how often each label was given for each that is true.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of shape (n_samples, ...)
        The samples. With "hoc" the features in which neighbours are sought, in columns of one
        scale.
    y : array-like of shape (n_samples,)
        The given labels.
    estimator : classifier or None, default=None
        Whose predictions to read, out of fold. None: a
        :class:`~sknoisy.NoisyLabelClassifier` as it comes, out of bag, in one fit. Of such a
        classifier whose method is only a loss, as of a pipeline that ends in one, all folds are
        trained at once. "hoc" asks none.
    method : str, default="most_confident"
        A name of :data:`sknoisy.transition.ESTIMATORS`, each a function of this module.
    cv : int, cross-validation generator or iterable, default=5
        Folds for the predictions of ``estimator``; without one, and with "hoc", there are none.
    groups : array-like of shape (n_samples,), default=None
        For a ``cv`` such as :class:`~sklearn.model_selection.GroupKFold`: samples of one patient,
        say, of which a model has seen the labels of all or of none.
    trusted : array-like of bool of shape (n_samples,), default=None
        For "gold": marks the samples whose labels are right.
    random_state : int, RandomState instance or None, default=None
        Of the classifier that stands for ``None``.
    **params
        For the function of the method: ``max_iter`` of :func:`hoc`, say.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)

    Raises
    ------
    ValueError, TypeError
        If ``method`` is unknown or does not take these ``params``, "gold" is without trusted
        samples, or there are ``groups`` without folds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.noise import corrupt_labels
    >>> from sknoisy.transition import estimate_transition
    >>> X, y = load_iris(return_X_y=True)
    >>> y = corrupt_labels(y, 0.4, kind="pair", exact=True, random_state=0)
    >>> estimate_transition(X, y, KNeighborsClassifier(15)).shape
    (3, 3)
    """
    if method not in ESTIMATORS:
        raise ValueError(
            f"The 'method' parameter must be a str among {sorted(ESTIMATORS)}. Got {method!r} "
            "instead."
        )
    if (method == "gold") == (trusted is None):
        raise ValueError(
            f"method='gold' needs trusted samples, and it alone takes them. Got method={method!r}, "
            f"trusted={'None' if trusted is None else '...'}."
        )
    estimate = _FUNCTIONS[method]
    # What comes before is found here.
    known = {name for name, p in parameters_of(estimate).items() if p.kind is p.KEYWORD_ONLY}
    unknown = sorted(set(params) - known)
    if unknown:
        raise TypeError(
            f"estimate_transition with method={method!r} takes no parameter {unknown[0]!r}."
        )
    _in_range(method, **params)
    if groups is not None and (method == "hoc" or estimator is None):
        raise ValueError(
            "The 'groups' parameter of estimate_transition is for the folds of an 'estimator'. Got "
            f"groups beside method={method!r} and estimator={estimator!r}, which have none."
        )
    if method == "hoc":
        return estimate(y, X, **params)
    if method == "gold":
        params["trusted"] = trusted
    return estimate(y, _unseen_proba(X, y, estimator, cv, groups, random_state), **params)


def _unseen_proba(
    X: Any, y: Any, estimator: Any, cv: Any, groups: Any, random_state: Any
) -> np.ndarray:
    """What a model says of samples whose labels it has not seen."""
    if estimator is not None:
        if not hasattr(estimator, "predict_proba"):
            raise TypeError(
                "The 'estimator' parameter of estimate_transition must be a classifier with "
                f"predict_proba, or None. Got {estimator!r} instead."
            )
        if groups is not None:
            cv = list(check_cv(cv, y, classifier=True).split(X, y, groups))
        return proba_out_of_fold(estimator, X, y, cv)
    fitted = NoisyLabelClassifier(random_state=random_state).fit(X, y)
    proba, _ = fitted.method_.oob_predictions
    return proba.double().cpu().numpy()


def noise_rate(
    y: Any,
    proba: Any,
    *,
    method: str = "most_confident",
    confidence_level: float = 0.95,
    n_resamples: int = 200,
    min_rate: float = 0.01,
    classes: Any = None,
    random_state: int | np.random.RandomState | None = None,
) -> NoiseRate:
    """Estimate the share of wrong labels, with a bootstrap interval.

    Samples are drawn anew, and the interval reaches as far to both sides of the rate as their
    estimates lie on the farther one. It does not know of a bias of the model: where classes overlap
    even for the surest samples, the overlap looks like noise.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Probabilities of the given labels, from a model that has not seen them.
    method : {"most_confident", "anchor_points", "confident_joint", "dual_t"}, \
default="most_confident"
        Estimator of the transition matrix that the rate is taken from.
    confidence_level : float, default=0.95
        Of the interval, in (0, 1).
    n_resamples : int, default=200
        How many times samples are drawn.
    min_rate : float, default=0.01
        Where the interval reaches down to this rate, in [0, 1), no noise was found.
    classes : array-like of shape (n_classes,), default=None
        What the columns of ``proba`` stand for, sorted; None: the labels in y.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    NoiseRate

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.transition import noise_rate
    >>> y = np.arange(200) % 2
    >>> noise_rate(y, np.where(np.eye(2)[y], 0.99, 0.01), random_state=0).rate
    0.0
    >>> y[:60] = 1 - y[:60]
    >>> rate = noise_rate(y, np.where(np.eye(2)[np.arange(200) % 2], 0.7, 0.3), random_state=0).rate
    >>> round(rate, 2)
    0.3
    """
    if method not in _FROM_PROBABILITIES:
        raise ValueError(
            f"The 'method' parameter must be a str among {sorted(_FROM_PROBABILITIES)}. Got "
            f"{method!r} instead."
        )
    _in_range(
        "noise_rate",
        confidence_level=confidence_level,
        n_resamples=n_resamples,
        min_rate=min_rate,
    )
    codes, p = _checked(y, proba, classes)
    return _estimates.noise_rate(
        codes,
        p,
        _FROM_PROBABILITIES[method],
        check_random_state(random_state),
        confidence_level,
        n_resamples,
        min_rate,
    )


def _checked(y: Any, proba: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    return check_labels_and_proba(y, proba, classes)[:2]


def _in_range(function: str, **params: Any) -> None:
    validate_parameter_constraints(_CONSTRAINTS, params, function)
