"""Scores that mean something although the labels they are taken on are wrong in part.

Each says what it takes for granted. With ``confidence_level`` a score comes with its standard error
and an interval, which count the test samples as drawn at random and the transition matrix as known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.metrics import average_precision_score
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from sknoisy._checks import encode
from sknoisy._checks import transition_matrix as checked
from sknoisy._labels import check_trusted, sorted_classes, with_proba

__all__ = [
    "METRICS",
    "NoisyScorer",
    "Score",
    "cores_score",
    "issue_average_precision",
    "issue_precision_at_k",
    "make_noisy_scorer",
    "noise_corrected_accuracy",
    "noise_corrected_balanced_accuracy",
    "noise_corrected_brier_score",
    "noise_corrected_calibration_error",
    "noise_corrected_log_loss",
    "peer_accuracy",
    "trusted_accuracy",
]

# Beyond it an error in the sixth digit of a matrix changes the first of a score.
_WORST_CONDITION = 1e6


class Score(NamedTuple):
    """A score and how far it is to be trusted.

    Attributes
    ----------
    value : float
    standard_error : float
    low, high : float
        Ends of the interval, which may reach beyond what the score can be.
    """

    value: float
    standard_error: float
    low: float
    high: float


def noise_corrected_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the accuracy on right labels, without bias.

    Takes for granted that the transition matrix is right and that wrong labels hang on nothing but
    the right one. It may come out above 1 or below 0 on few samples, the more so the noisier the
    labels: an unbiased estimate has to.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    y_pred : array-like of shape (n_samples,)
        The predicted ones.
    transition_matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is right.
    classes : array-like of shape (n_classes,), default=None
        What rows and columns stand for, sorted; None: the labels given or predicted.
    sample_weight : array-like of shape (n_samples,), default=None
    confidence_level : float, default=None
        Of an interval, in (0, 1); None: return the score alone.

    Returns
    -------
    float or Score

    References
    ----------
    Natarajan et al., "Learning with Noisy Labels", NeurIPS 2013, Lemma 1, for two classes; Patrini
    et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach", CVPR
    2017, Theorem 1, for more.

    Examples
    --------
    A perfect classifier, of whose test labels a quarter was turned:

    >>> from sknoisy.metrics import noise_corrected_accuracy
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_accuracy([0, 0, 0, 1], [0, 0, 0, 0], T)
    1.0
    """
    given, said, known = _labels(y_noisy, y_pred, classes)
    inverse = _inverse(transition_matrix, len(known))
    return _summary(inverse[given, said], sample_weight, confidence_level)


def noise_corrected_balanced_accuracy(
    y_noisy: Any,
    y_pred: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the mean over classes of the share of right predictions.

    Takes for granted what :func:`noise_corrected_accuracy` does. The share of each class among the
    right labels is estimated too, so there is a bias, which falls with the number of samples.

    Parameters
    ----------
    y_noisy, y_pred, transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    Raises
    ------
    ValueError
        If a class has no share in the right labels, by these samples.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_balanced_accuracy
    >>> T = [[1.0, 0.0], [0.5, 0.5]]
    >>> noise_corrected_balanced_accuracy([0, 0, 0, 1], [0, 0, 1, 1], T)
    1.0
    """
    given, said, known = _labels(y_noisy, y_pred, classes)
    inverse = _inverse(transition_matrix, len(known))
    weight = _weights(given, sample_weight)
    hits = inverse[given] * (said[:, None] == np.arange(len(known)))
    share, right = weight @ inverse[given], weight @ hits
    if (share <= 0).any():
        label = known[share.argmin()]
        raise ValueError(
            f"By these labels and this matrix no sample is of class {label!r} (its share comes out "
            f"as {share.min():.3g}); the balanced accuracy needs more samples."
        )
    recall = right / share
    # The first terms of a series: how each sample moves the ratio.
    moved = (hits - recall * inverse[given]) / share
    return _summary(recall.mean() + moved.mean(axis=1), sample_weight, confidence_level)


def noise_corrected_log_loss(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the log loss on right labels, without bias: the lower the better.

    Takes for granted what :func:`noise_corrected_accuracy` does. Probabilities are cut at the
    precision of their type; sure ones weigh heavily in both directions.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities of the right labels.
    transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_log_loss
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> round(noise_corrected_log_loss([0, 0, 0, 1], [[0.5, 0.5]] * 4, T), 3)
    0.693
    """
    given, p, known = with_proba(y_noisy, proba, classes)
    inverse = _inverse(transition_matrix, len(known))
    losses = -np.log(p.clip(np.finfo(p.dtype).eps))
    return _summary((inverse[given] * losses).sum(axis=1), sample_weight, confidence_level)


def noise_corrected_brier_score(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Estimate the Brier score on right labels, without bias: the lower the better.

    The squared distance of the probabilities from the right label, in [0, 2]. Takes for granted
    what :func:`noise_corrected_accuracy` does.

    Parameters
    ----------
    y_noisy, proba, transition_matrix, classes, sample_weight, confidence_level
        As in :func:`noise_corrected_log_loss`.

    Returns
    -------
    float or Score

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_brier_score
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_brier_score([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    given, p, known = with_proba(y_noisy, proba, classes)
    inverse = _inverse(transition_matrix, len(known))
    losses = (p**2).sum(axis=1, keepdims=True) - 2 * p + 1
    return _summary((inverse[given] * losses).sum(axis=1), sample_weight, confidence_level)


def noise_corrected_calibration_error(
    y_noisy: Any,
    proba: Any,
    transition_matrix: Any,
    *,
    n_bins: int = 10,
    classes: Any = None,
    sample_weight: Any = None,
) -> float:
    """Estimate how far the confidence of predictions is from their accuracy on right labels.

    The expected calibration error: samples are sorted by the probability of their likeliest class
    into bins of equal width, and the distances of mean probability and corrected accuracy averaged.
    Takes for granted what :func:`noise_corrected_accuracy` does. Few samples in a bin look badly
    calibrated by chance, more so with noisy labels.

    Parameters
    ----------
    y_noisy, proba, transition_matrix, classes, sample_weight
        As in :func:`noise_corrected_log_loss`.
    n_bins : int, default=10

    Returns
    -------
    float
        At least 0.

    References
    ----------
    Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, Eq. 3.

    Examples
    --------
    >>> from sknoisy.metrics import noise_corrected_calibration_error
    >>> T = [[0.75, 0.25], [0.25, 0.75]]
    >>> noise_corrected_calibration_error([0, 0, 0, 1], [[1.0, 0.0]] * 4, T)
    0.0
    """
    given, p, known = with_proba(y_noisy, proba, classes)
    inverse, weight = _inverse(transition_matrix, len(known)), _weights(given, sample_weight)
    said = p.argmax(axis=1)
    confidence = p[np.arange(len(p)), said]
    place = np.ceil(confidence * n_bins).astype(int).clip(1, n_bins)
    gap = np.bincount(place, weight * (confidence - inverse[given, said]))
    return float(abs(gap).sum())


def peer_accuracy(
    y_noisy: Any,
    y_pred: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Accuracy on the given labels, less what chance would give with such labels and predictions.

    It needs no transition matrix. Takes for granted that wrong labels hang on nothing but the right
    one and, with more than two classes, that all wrong labels are equally likely; then it ranks
    classifiers as it would on right labels, where no class is favoured. It is no accuracy: 0 is
    chance, and its height hangs on the noise.

    Parameters
    ----------
    y_noisy, y_pred, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    References
    ----------
    Liu and Guo, "Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates",
    ICML 2020, with the 0-1 loss, and all pairs of samples as peers.

    Examples
    --------
    Guessing the more frequent label is worth nothing:

    >>> from sknoisy.metrics import peer_accuracy
    >>> peer_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.0
    >>> peer_accuracy([0, 0, 1, 1], [0, 0, 1, 1])
    0.5
    """
    given, said, known = _labels(y_noisy, y_pred, None)
    weight, k = _weights(given, sample_weight), len(known)
    labels, guesses = np.bincount(given, weight, k), np.bincount(said, weight, k)
    chance = labels @ guesses
    moved = chance - labels[said] - guesses[given]
    return _summary((given == said) + moved, sample_weight, confidence_level)


def cores_score(
    y_noisy: Any,
    proba: Any,
    *,
    beta: float = 2.0,
    classes: Any = None,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Log likelihood of the given labels, less that of labels drawn at random.

    The higher the better. Predictions that are sure gain, whatever they say, and those that follow
    the labels gain more; so it compares networks, and not a model that says 0 and 1 with another.
    Takes for granted that each right label is likelier than any other to be given. Its height means
    nothing by itself.

    Parameters
    ----------
    y_noisy : array-like of shape (n_samples,)
        The given labels.
    proba : array-like of shape (n_samples, n_classes)
        Predicted probabilities.
    beta : float, default=2.0
        Weight of the labels drawn at random, at least 0; at 0 it is the log likelihood.
    classes, sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    References
    ----------
    Cheng et al., "Learning with Instance-Dependent Label Noise: A Sample Sieve Approach", ICLR
    2021, Eq. 3: the loss, with the sign turned. ``beta`` is the last value of their schedule.

    Examples
    --------
    >>> from sknoisy.metrics import cores_score
    >>> round(cores_score([0, 1], [[0.9, 0.1], [0.1, 0.9]]), 2)
    2.3
    """
    given, p, known = with_proba(y_noisy, proba, classes)
    weight = _weights(given, sample_weight)
    log_p = np.log(p.clip(np.finfo(p.dtype).eps))
    prior = np.bincount(given, weight, len(known))
    scores = log_p[np.arange(len(given)), given] - beta * (log_p @ prior)
    return _summary(scores, sample_weight, confidence_level)


def trusted_accuracy(
    y: Any,
    y_pred: Any,
    trusted: Any,
    *,
    sample_weight: Any = None,
    confidence_level: float | None = None,
) -> float | Score:
    """Accuracy on the samples whose labels are known to be right.

    Takes for granted that these are like the others. As a scorer it takes the mask by metadata
    routing: ``make_scorer(trusted_accuracy).set_score_request(trusted=True)``.

    Parameters
    ----------
    y, y_pred : array-like of shape (n_samples,)
    trusted : array-like of bool of shape (n_samples,)
        Marks the samples whose labels are right.
    sample_weight, confidence_level
        As in :func:`noise_corrected_accuracy`.

    Returns
    -------
    float or Score

    Examples
    --------
    >>> from sknoisy.metrics import trusted_accuracy
    >>> trusted_accuracy([0, 1, 1], [0, 0, 1], [True, False, True])
    1.0
    """
    given, said, _ = _labels(y, y_pred, None)
    rows = check_trusted(trusted, len(given))
    if rows is None:
        raise ValueError("trusted_accuracy needs trusted samples. Got trusted=None.")
    weight = None if sample_weight is None else _weights(given, sample_weight)[rows]
    return _summary((given == said)[rows].astype(float), weight, confidence_level)


def issue_average_precision(wrong: Any, label_quality: Any) -> float:
    """How well label qualities rank wrong labels first: the area under precision and recall.

    Parameters
    ----------
    wrong : array-like of bool of shape (n_samples,)
        Which labels are wrong in truth.
    label_quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected.

    Returns
    -------
    float
        In [0, 1]; chance gives the share of wrong labels.

    Examples
    --------
    >>> from sknoisy.metrics import issue_average_precision
    >>> issue_average_precision([True, False, False], [0.1, 0.7, 0.9])
    1.0
    """
    return float(average_precision_score(*_wrong_and_suspected(wrong, label_quality)))


def issue_precision_at_k(wrong: Any, label_quality: Any, k: int) -> float:
    """Share of wrong labels among the k that are suspected most.

    Parameters
    ----------
    wrong : array-like of bool of shape (n_samples,)
        Which labels are wrong in truth.
    label_quality : array-like of shape (n_samples,)
        The lower, the more a label is suspected. Samples that tie at the border count in part.
    k : int
        From 1 to n_samples.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> from sknoisy.metrics import issue_precision_at_k
    >>> issue_precision_at_k([True, False, False], [0.1, 0.7, 0.9], k=2)
    0.5
    """
    found, suspected = _wrong_and_suspected(wrong, label_quality)
    if not 1 <= k <= len(found):
        raise ValueError(f"k must be in the range [1, {len(found)}]. Got {k!r}.")
    border = np.sort(suspected)[-k]
    above, at = suspected > border, suspected == border
    return float((found[above].sum() + (k - above.sum()) * found[at].mean()) / k)


_Metric = Callable[..., Any]
# Name: metric, what it reads, whether it takes a matrix, and the sign that makes more better.
_SCORERS: dict[str, tuple[_Metric, str, bool, int]] = {
    "noise_corrected_accuracy": (noise_corrected_accuracy, "predict", True, 1),
    "noise_corrected_balanced_accuracy": (noise_corrected_balanced_accuracy, "predict", True, 1),
    "neg_noise_corrected_log_loss": (noise_corrected_log_loss, "predict_proba", True, -1),
    "neg_noise_corrected_brier_score": (noise_corrected_brier_score, "predict_proba", True, -1),
    "peer_accuracy": (peer_accuracy, "predict", False, 1),
    "cores_score": (cores_score, "predict_proba", False, 1),
}
# What :func:`make_noisy_scorer` knows.
METRICS = tuple(_SCORERS)


class NoisyScorer:
    """A scorer for scikit-learn's searches and validation; see :func:`make_noisy_scorer`.

    Parameters
    ----------
    metric : str
    transition_matrix : array-like or None
    """

    def __init__(self, metric: str, transition_matrix: Any = None) -> None:
        self.metric = metric
        self.transition_matrix = transition_matrix

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        check_is_fitted(estimator)
        metric, reads, takes_matrix, sign = _SCORERS[self.metric]
        params: dict[str, Any] = {"sample_weight": sample_weight}
        if metric is not peer_accuracy:
            # A fold need not hold all classes.
            params["classes"] = estimator.classes_
        if takes_matrix:
            params["transition_matrix"] = self.transition_matrix
        return sign * metric(y, getattr(estimator, reads)(X), **params)

    def __repr__(self) -> str:
        return f"make_noisy_scorer({self.metric!r})"


def make_noisy_scorer(metric: str, *, transition_matrix: Any = None) -> NoisyScorer:
    """Make a scorer of one of these metrics, for ``GridSearchCV(scoring=...)`` and the like.

    Estimate the matrix once, before a search: were it that of each candidate, one that sees noise
    everywhere would look best.

    Parameters
    ----------
    metric : str
        A name of :data:`sknoisy.metrics.METRICS`; of losses the negative is taken, so that more is
        better.
    transition_matrix : array-like of shape (n_classes, n_classes), default=None
        For the metrics that need it.

    Returns
    -------
    NoisyScorer
        Called as ``scorer(estimator, X, y)``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.metrics import make_noisy_scorer
    >>> from sknoisy.noise import corrupt_labels, symmetric
    >>> X, y = load_iris(return_X_y=True)
    >>> y, T = corrupt_labels(y, 0.3, random_state=0), symmetric(3, 0.3)
    >>> scorer = make_noisy_scorer("noise_corrected_accuracy", transition_matrix=T)
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 15]}, scoring=scorer)
    >>> search.fit(X, y).best_params_
    {'n_neighbors': 15}
    """
    if metric not in METRICS:
        raise ValueError(
            f"The 'metric' parameter must be a str among {sorted(METRICS)}. Got {metric!r} instead."
        )
    needs = _SCORERS[metric][2]
    if needs == (transition_matrix is None):
        raise ValueError(
            f"metric={metric!r} {'needs a' if needs else 'takes no'} 'transition_matrix'."
        )
    if needs:
        _inverse(transition_matrix, len(np.asarray(transition_matrix)))
    return NoisyScorer(metric, transition_matrix)


def _summary(
    scores: np.ndarray, sample_weight: Any, confidence_level: float | None
) -> float | Score:
    """The mean of what each sample scores, and its error."""
    weight = _weights(scores, sample_weight)
    value = float(weight @ scores)
    if confidence_level is None:
        return value
    if not 0 < confidence_level < 1:
        raise ValueError(
            "The 'confidence_level' parameter must be None or a float in the range (0, 1). Got "
            f"{confidence_level!r} instead."
        )
    error = float(np.sqrt((weight**2 * (scores - value) ** 2).sum()))
    reach = norm.ppf((1 + confidence_level) / 2) * error
    return Score(value, error, float(value - reach), float(value + reach))


def _weights(like: np.ndarray, sample_weight: Any) -> np.ndarray:
    weight = _check_sample_weight(sample_weight, like, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight / weight.sum()


def _labels(y: Any, y_pred: Any, classes: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    y, y_pred = column_or_1d(y, input_name="y"), column_or_1d(y_pred, input_name="y_pred")
    check_consistent_length(y, y_pred)
    known = sorted_classes(np.union1d(y, y_pred) if classes is None else classes)
    return encode(y, known), encode(y_pred, known), known


def _inverse(transition_matrix: Any, n_classes: int) -> np.ndarray:
    given = checked(transition_matrix, n_classes)
    condition = np.linalg.cond(given)
    if not condition < _WORST_CONDITION:
        raise ValueError(
            "The 'transition_matrix' parameter must have an inverse: two classes whose labels come "
            "out alike cannot be told "
            f"apart. Got one with condition number {condition:.3g}."
        )
    return np.linalg.inv(given)


def _wrong_and_suspected(wrong: Any, label_quality: Any) -> tuple[np.ndarray, np.ndarray]:
    wrong, quality = column_or_1d(wrong), column_or_1d(label_quality)
    check_consistent_length(wrong, quality)
    if not np.isin(wrong, (0, 1)).all():
        raise ValueError("wrong must be a boolean mask of the wrong labels.")
    if np.isnan(quality).any():
        raise ValueError("label_quality contains NaN.")
    return wrong.astype(bool), -quality
