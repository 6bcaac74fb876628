"""Scorers for scikit-learn's searches and validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy._validation.matrices import numbers_in
from sknoisy.metrics.corrected import (
    inverse_of,
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_log_loss,
)
from sknoisy.metrics.matrix_free import cores_score, peer_accuracy

__all__ = ["METRICS", "NoisyScorer", "make_noisy_scorer"]

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

_ADVICE = (
    "Where some training folds lack a class, pass all of them as 'classes' to make_noisy_scorer."
)


class NoisyScorer:
    """A scorer for scikit-learn's searches and validation; see :func:`make_noisy_scorer`.

    Parameters
    ----------
    metric : str
    transition_matrix : array-like or None
    classes : array-like or None
    """

    def __init__(self, metric: str, transition_matrix: Any = None, classes: Any = None) -> None:
        self.metric = metric
        self.transition_matrix = transition_matrix
        self.classes = classes
        self._asked: bool | str | None = None

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        check_is_fitted(estimator)
        metric, reads, takes_matrix, sign = _SCORERS[self.metric]
        params: dict[str, Any] = {"sample_weight": sample_weight}
        seen = getattr(estimator, reads)(X)
        if metric is not peer_accuracy:
            # A fold need not hold all classes.
            known = np.asarray(estimator.classes_ if self.classes is None else self.classes)
            params["classes"] = known
            if reads == "predict_proba":
                seen = _widened(seen, estimator.classes_, known)
        if takes_matrix:
            n_rows = len(np.asarray(self.transition_matrix))
            if n_rows != len(known):
                raise ValueError(
                    f"The estimator knows {len(known)} classes, {known.tolist()}, and the "
                    f"'transition_matrix' has {n_rows} rows. {_ADVICE}"
                )
            params["transition_matrix"] = self.transition_matrix
        if metric is not peer_accuracy:
            (labels,) = check_labels(known, y=y)
            encode(labels, known, advice=f" {_ADVICE}")
        return sign * metric(y, seen, **params)

    def set_score_request(self, *, sample_weight: bool | str | None) -> NoisyScorer:
        """Say whether weights are wanted, for scikit-learn's metadata routing.

        Parameters
        ----------
        sample_weight : bool, str or None
            Whether to be given what is passed under this name, or under another one; None: neither,
            and an error if it is passed.

        Returns
        -------
        NoisyScorer
            This one.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it "
                "using sklearn.set_config(enable_metadata_routing=True)."
            )
        self._asked = sample_weight
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """Say what is taken beside X and y.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self._asked)
        return request

    def _accept_sample_weight(self) -> bool:
        """What scikit-learn asks its own scorers, where routing is off."""
        return True

    def __repr__(self) -> str:
        return f"make_noisy_scorer({self.metric!r})"


def _widened(proba: np.ndarray, own: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Probabilities of more classes, of which those that an estimator does not know have none."""
    wide = np.zeros((len(proba), len(classes)))
    wide[:, encode(own, classes)] = proba
    return wide


def make_noisy_scorer(
    metric: str, *, transition_matrix: Any = None, classes: Any = None
) -> NoisyScorer:
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
    classes : array-like of shape (n_classes,), default=None
        All labels there may be, sorted, for folds that lack some: an estimator that was trained
        without one gives it no probability. None: those that the estimator knows.

    Returns
    -------
    NoisyScorer
        Called as ``scorer(estimator, X, y)``. Where metadata routing is enabled, ask for weights by
        ``set_score_request(sample_weight=True)``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sknoisy.metrics import make_noisy_scorer
    >>> from sknoisy.noise import corrupt_labels
    >>> from sknoisy.noise import symmetric
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
    if classes is not None:
        classes = sorted_classes(classes)
    if needs:
        shape = numbers_in("transition_matrix", transition_matrix).shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                "The 'transition_matrix' parameter must be a square array, with a row and a column "
                f"for each class. Got {transition_matrix!r} instead."
            )
        inverse_of(transition_matrix, np.arange(shape[0]) if classes is None else classes)
    return NoisyScorer(metric, transition_matrix, classes)
