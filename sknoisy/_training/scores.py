"""Labels and scores of classes, computed from logarithms of their probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import accuracy_score

from sknoisy._data.samples import is_dataset, labels_of_dataset
from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import Labels
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.soft_labels import as_soft_labels
from sknoisy._validation.weights import checked_weights

__all__ = ["ScoresMixin", "log_odds", "probabilities"]


class ScoresMixin:
    """Mixin for classifiers whose predictions all follow from ``predict_log_proba``."""

    classes_: np.ndarray

    if TYPE_CHECKING:

        def predict_log_proba(self, X: Any) -> np.ndarray: ...

    @property
    def _score_dtype(self) -> np.dtype:
        """The precision of the predictions: scores have no more digits."""
        return np.dtype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        most_likely = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[most_likely]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy on labels, or the expected accuracy on soft labels.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            The labels, hard or soft; a soft label counts with the probability of the predicted
            class. None: the labels of the items of a Dataset.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
        """
        y = labels_of_dataset(self, X, y) if is_dataset(X) else on_host(y)
        soft = as_soft_labels(y)
        if soft is None:
            predicted = self.predict(X)
            weight = None if sample_weight is None else checked_weights(sample_weight, predicted)
            return accuracy_score(as_array_of_labels(y), predicted, sample_weight=weight)
        labels = Labels.of(soft, self.classes_)
        predicted = self.predict_log_proba(X).argmax(axis=1)
        assert labels.soft is not None
        hits = labels.soft[np.arange(len(predicted)), predicted]
        return float(np.average(hits, weights=checked_weights(sample_weight, hits)))

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute confidence scores, in the order of the probabilities.

        Parameters
        ----------
        X : of a type and shape that ``fit`` takes
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            Log-odds of each class against all others, of two classes those of the second. They are
            computed in double precision, so that confident predictions are not tied; the dtype is
            the precision of the training.
        """
        scores = log_odds(self.predict_log_proba(X), self._score_dtype)
        return scores[:, 1] if scores.shape[1] == 2 else scores


def probabilities(log_proba: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round probabilities to a dtype; those below 1, whose logarithm is not 0, stay below 1."""
    proba = np.exp(log_proba).astype(dtype)
    below_one = np.nextafter(dtype.type(1), dtype.type(0))
    return np.minimum(proba, below_one, out=proba, where=log_proba < 0)


def log_odds(log_proba: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Compute log-odds, also where a probability rounds to 1, and round them to a dtype."""
    rows, largest = np.arange(len(log_proba)), log_proba.argmax(axis=1)
    others = log_proba.copy()
    others[rows, largest] = -np.inf
    with np.errstate(divide="ignore"):
        complement = np.log1p(-np.exp(log_proba))
    complement[rows, largest] = logsumexp(others, axis=1)
    return (log_proba - complement).astype(dtype)
