"""Scorers for scikit-learn's searches and cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from sknoisy._validation.constraints import Names, check_options, checked
from sknoisy._validation.labels import check_labels, encode, sorted_classes
from sknoisy._validation.matrices import as_float_array
from sknoisy.metrics.corrected import (
    invert_transition,
    noise_corrected_accuracy,
    noise_corrected_balanced_accuracy,
    noise_corrected_brier_score,
    noise_corrected_log_loss,
)
from sknoisy.metrics.matrix_free import cores_score, peer_accuracy

__all__ = ["METRICS", "NoisyScorer", "make_noisy_scorer"]

_Metric = Callable[..., Any]
# By name: the metric, the method of the estimator that it needs, whether it needs a transition
# matrix, and the sign that makes higher values better.
_SCORERS: dict[str, tuple[_Metric, str, bool, int]] = {
    "noise_corrected_accuracy": (noise_corrected_accuracy, "predict", True, 1),
    "noise_corrected_balanced_accuracy": (noise_corrected_balanced_accuracy, "predict", True, 1),
    "neg_noise_corrected_log_loss": (noise_corrected_log_loss, "predict_proba", True, -1),
    "neg_noise_corrected_brier_score": (noise_corrected_brier_score, "predict_proba", True, -1),
    "peer_accuracy": (peer_accuracy, "predict", False, 1),
    "cores_score": (cores_score, "predict_proba", False, 1),
}
# The names that make_noisy_scorer accepts.
METRICS = tuple(_SCORERS)

_ADVICE = "If some training folds lack a class, pass all classes as 'classes' to make_noisy_scorer."


class NoisyScorer:
    """A scorer for scikit-learn's searches and cross-validation.

    Use :func:`make_noisy_scorer`, which checks the parameters, to create one.

    Parameters
    ----------
    metric : str
        A name in :data:`sknoisy.metrics.METRICS`.
    transition_matrix : array-like of shape (n_classes, n_classes), default=None
        For the metrics that need one.
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted; None: the classes of the estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from sknoisy.metrics import make_noisy_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_noisy_scorer("peer_accuracy")
    >>> scores = cross_val_score(LogisticRegression(max_iter=1000), X, y, scoring=scorer, cv=3)
    >>> bool((scores > 0.5).all())
    True
    """

    def __init__(self, metric: str, transition_matrix: Any = None, classes: Any = None) -> None:
        self.metric = metric
        self.transition_matrix = transition_matrix
        self.classes = classes
        self._weight_request: bool | str | None = None

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        check_is_fitted(estimator)
        check_options("NoisyScorer", "metric", self.metric, METRICS)
        metric, method, takes_matrix, sign = _SCORERS[self.metric]
        params: dict[str, Any] = {"sample_weight": sample_weight}
        predictions = getattr(estimator, method)(X)
        if metric is not peer_accuracy:
            # A test fold may lack some of the classes.
            classes = np.asarray(estimator.classes_ if self.classes is None else self.classes)
            params["classes"] = classes
            if method == "predict_proba":
                predictions = _add_columns(predictions, estimator.classes_, classes)
        if takes_matrix:
            n_rows = len(np.asarray(self.transition_matrix))
            if n_rows != len(classes):
                raise ValueError(
                    f"The estimator has {len(classes)} classes, {classes.tolist()}, but the "
                    f"'transition_matrix' has {n_rows} rows. {_ADVICE}"
                )
            params["transition_matrix"] = self.transition_matrix
        if metric is not peer_accuracy:
            (labels,) = check_labels(classes, y=y)
            encode(labels, classes, advice=f" {_ADVICE}")
        return sign * metric(y, predictions, **params)

    def set_score_request(self, *, sample_weight: bool | str | None) -> NoisyScorer:
        """Request sample weights, in scikit-learn's metadata routing.

        Parameters
        ----------
        sample_weight : bool, str or None
            Whether to request sample weights; a str is the name under which they are passed. None:
            not requested, and an error if they are passed.

        Returns
        -------
        self
            The scorer.

        Raises
        ------
        RuntimeError
            If metadata routing is not enabled.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it "
                "using sklearn.set_config(enable_metadata_routing=True)."
            )
        self._weight_request = sample_weight
        return self

    def get_metadata_routing(self) -> MetadataRequest:
        """Get the metadata routing of the scorer.

        Returns
        -------
        MetadataRequest
            The request for sample weights.
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self._weight_request)
        return request

    def _accept_sample_weight(self) -> bool:
        """Accept sample weights; scikit-learn calls this if metadata routing is disabled."""
        return True

    def __repr__(self) -> str:
        return f"make_noisy_scorer({self.metric!r})"


def _add_columns(proba: np.ndarray, columns: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Add a column of zeros for each class that has no column yet."""
    extended = np.zeros((len(proba), len(classes)))
    extended[:, encode(columns, classes)] = proba
    return extended


@checked(metric=[Names(set(METRICS))])
def make_noisy_scorer(
    metric: str, *, transition_matrix: Any = None, classes: Any = None
) -> NoisyScorer:
    """Make a scorer from a metric, for ``GridSearchCV(scoring=...)`` and similar functions.

    Estimate the transition matrix once, before a search. If each candidate used its own estimate, a
    candidate that overestimates the noise would score best.

    Parameters
    ----------
    metric : str
        A name in :data:`sknoisy.metrics.METRICS`. Losses are negated, so that higher is better.
    transition_matrix : array-like of shape (n_classes, n_classes), default=None
        For the metrics that need one.
    classes : array-like of shape (n_classes,), default=None
        All possible labels, sorted; needed if some training folds may lack one. A class that an
        estimator was not fitted with gets probability 0. None: the classes of the estimator.

    Returns
    -------
    NoisyScorer
        Called as ``scorer(estimator, X, y)``. If metadata routing is enabled, request sample
        weights by ``set_score_request(sample_weight=True)``.

    Raises
    ------
    ValueError
        If the metric is unknown, or the transition matrix or classes are not valid.

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
    needs = _SCORERS[metric][2]
    if needs == (transition_matrix is None):
        raise ValueError(
            f"metric={metric!r} {'needs a' if needs else 'takes no'} 'transition_matrix'."
        )
    if classes is not None:
        classes = sorted_classes(classes)
    if needs:
        shape = as_float_array("transition_matrix", transition_matrix).shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                "The 'transition_matrix' parameter must be a square array, with a row and a column "
                f"for each class. Got {transition_matrix!r} instead."
            )
        invert_transition(transition_matrix, np.arange(shape[0]) if classes is None else classes)
    return NoisyScorer(metric, transition_matrix, classes)
