"""Probability that each class is the true one, from a classifier or from probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from sknoisy._label_noise.information import are_informative
from sknoisy._label_noise.posterior import true_label_posterior
from sknoisy._predictions import Predictions, out_of_sample_predictions
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._validation.constraints import did_you_mean
from sknoisy._validation.matrices import check_transition_matrix
from sknoisy._validation.user_warnings import warn_user
from sknoisy.functional import correct_predictions

__all__ = ["LabelPosterior"]

# Iterations of the correction. More are needed than in predictions, because probabilities are
# reported here, and not only the most likely class.
_N_ITER = 8

_OWNER = "find_label_issues"

_UNINFORMATIVE = (
    "The predictions tell nothing about the labels: given them, labels are not significantly more "
    "likely than by the frequencies of the classes. So no label issues are returned, and 'n_wrong' "
    "is unknown (NaN). Use a model or features that predict the labels better than chance, or more "
    "samples, and check that probabilities are in the order of the samples."
)


@dataclass(frozen=True)
class LabelPosterior:
    """Probability of each true label, given the features and the given label.

    Attributes
    ----------
    predictions : Predictions
        The out-of-sample predictions that it is computed from.
    proba : ndarray of shape (n_predicted, n_classes)
        The probabilities; NaN for the given label if predictions tell nothing about the labels.
    """

    predictions: Predictions
    proba: np.ndarray

    @classmethod
    def of(
        cls, source: Any, y: Any, transition_matrix: Any, classes: Any, function: str = _OWNER
    ) -> LabelPosterior:
        """Combine predictions and given labels.

        Parameters
        ----------
        source, y, transition_matrix, classes
            As in :func:`~sknoisy.issues.find_label_issues`.
        function : str, default="find_label_issues"
            Name of the calling function in error messages.

        Returns
        -------
        LabelPosterior
        """
        predictions = out_of_sample_predictions(source, y, classes, function)
        codes, classes = predictions.codes, predictions.classes
        matrix = _resolve_matrix(transition_matrix, predictions, function)
        with default_torch_settings():
            if matrix is not None:
                posterior = _posterior_from_matrix(predictions, matrix)
            elif are_informative(codes, predictions.p):
                posterior = true_label_posterior(codes, predictions.p)
            else:
                warn_user(_UNINFORMATIVE)
                posterior = np.where(np.eye(len(classes), dtype=bool)[codes], np.nan, 0.0)
        if predictions.trusted is not None:
            is_given = np.eye(len(classes))[codes]
            posterior = np.where(predictions.trusted[:, None], is_given, posterior)
        return cls(predictions, posterior)

    @property
    def codes(self) -> np.ndarray:
        """The encoded given labels."""
        return self.predictions.codes

    @property
    def classes(self) -> np.ndarray:
        """The classes, sorted."""
        return self.predictions.classes

    @cached_property
    def suggested(self) -> np.ndarray:
        """The encoded label that is most likely the true one."""
        return self.proba.argmax(axis=1)

    @cached_property
    def clean_proba(self) -> np.ndarray:
        """The probability that the given label is the true one."""
        return self.proba[np.arange(len(self.codes)), self.codes]

    @cached_property
    def quality(self) -> np.ndarray:
        """The mean of this probability and ``label_quality_``, as far as they are known."""
        if self.predictions.label_quality is None:
            return self.clean_proba
        return _mean_of_known(self.clean_proba, self.predictions.label_quality)


def _mean_of_known(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Average two arrays; where one is NaN, return the other one."""
    first, second = (np.where(np.isnan(a), b, a) for a, b in ((first, second), (second, first)))
    return (first + second) / 2


def _resolve_matrix(
    transition_matrix: Any, predictions: Predictions, function: str
) -> np.ndarray | None:
    """Check a given matrix; for "auto" return the matrix given to the classifier, or None."""
    if not isinstance(transition_matrix, str):
        k = len(predictions.classes)
        return check_transition_matrix(transition_matrix, k, "'auto' or ", predictions.classes)
    if transition_matrix != "auto":
        raise ValueError(
            f"The 'transition_matrix' parameter of {function} must be an array-like or the "
            f"str 'auto'. Got {transition_matrix!r} instead."
            f"{did_you_mean(transition_matrix, ['auto'])}"
        )
    return predictions.transition_matrix


def _posterior_from_matrix(predictions: Predictions, transition: np.ndarray) -> np.ndarray:
    """Combine predictions and a known matrix to the probability that each label is the true one."""
    p = torch.from_numpy(predictions.p)
    true = correct_predictions(p, torch.from_numpy(transition), _N_ITER).numpy()
    joint = true * transition.T[predictions.codes]
    total = joint.sum(axis=1, keepdims=True)
    # If model and matrix contradict each other, the model decides.
    return np.where(total > 0, joint / np.maximum(total, np.finfo(float).tiny), true)
