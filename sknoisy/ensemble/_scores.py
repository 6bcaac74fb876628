"""Labels and scores that follow from predicted probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from sknoisy._training.scores import log_odds
from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import Labels
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy._validation.soft_labels import as_soft_labels
from sknoisy._validation.weights import checked_weights

__all__ = ["ScoresMixin"]


class ScoresMixin:
    """Mixin for classifiers whose predictions all follow from ``predict_proba``."""

    classes_: np.ndarray

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict class probabilities; each classifier defines it."""
        raise NotImplementedError

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict logarithms of the probabilities of the true classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        most_likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_likely]

    def decision_function(self, X: Any) -> np.ndarray:
        """Compute confidence scores, in the order of the probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            Log-odds of each class against all others, of two classes those of the second.
        """
        scores = log_odds(self.predict_log_proba(X), np.dtype(np.float64))
        return scores[:, 1] if scores.shape[1] == 2 else scores

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy on labels, or the expected accuracy on soft labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, ...)
            The samples, as in ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The labels, hard or soft; a soft label counts with the probability of the predicted
            class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        float
        """
        y = on_host(y)
        soft = as_soft_labels(y)
        if soft is None:
            predicted = self.predict(X)
            weight = None if sample_weight is None else checked_weights(sample_weight, predicted)
            return accuracy_score(as_array_of_labels(y), predicted, sample_weight=weight)
        labels = Labels.of(soft, self.classes_)
        assert labels.soft is not None
        hits = labels.soft[np.arange(len(labels.soft)), self.predict_proba(X).argmax(axis=1)]
        return float(np.average(hits, weights=checked_weights(sample_weight, hits)))
