"""Scorers for scikit-learn's searches and validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

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
        inverse_of(transition_matrix, len(np.asarray(transition_matrix)))
    return NoisyScorer(metric, transition_matrix)
