"""Opinion pool: models judge samples whose labels they do not know, first about the given labels.

Round one predicts given labels. Its pooled opinion gives a transition matrix and, with the given
label of a sample, the probability of each true class. Round two is fitted to these soft targets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch

from sknoisy._label_noise.forest import fit_forest
from sknoisy._label_noise.kernel_ridge import KernelFeatures
from sknoisy._label_noise.log_pool import fit_exponents, log_pool
from sknoisy._runtime.threads import limit_threads
from sknoisy.functional import confident_counts, correct_predictions, counts_to_transition

__all__ = ["Judge", "OpinionPool", "Round", "Samples", "fit_opinion_pool", "true_class_posterior"]

# Judges of more samples are fitted to parts of this size, so that they cost less than networks.
_MAX_ROWS = 20_000
# Weight, in trusted samples per class, of the matrix that is estimated without trusted samples.
_PRIOR_ROWS = 5


class Judge(Protocol):
    """A fitted model with opinions about its training samples.

    Attributes
    ----------
    oob : ndarray of shape (n_samples, n_classes)
        Predictions of a model that was not fitted to samples of the same group; NaN if unknown.
    """

    @property
    def oob(self) -> np.ndarray: ...

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict class probabilities, (n_samples, n_classes)."""


class Samples(NamedTuple):
    """A training set with noisy labels.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_columns), float32
        Standardised columns.
    labels : ndarray of shape (n_samples, n_classes)
        Given labels as distributions.
    weight : ndarray of shape (n_samples,)
        Positive.
    groups : ndarray of shape (n_samples,), int
        Numbers of groups, from 0.
    trusted : ndarray of bool of shape (n_samples,) or None
        Mask of the samples whose labels are clean.
    """

    X: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    groups: np.ndarray
    trusted: np.ndarray | None = None


@dataclass(frozen=True)
class Round:
    """Judges and the exponents of their log pool."""

    judges: Sequence[Judge]
    exponents: np.ndarray

    @classmethod
    def of(
        cls, judges: Sequence[Judge], labels: np.ndarray, weight: np.ndarray, transition: np.ndarray
    ) -> Round:
        """Fit the exponents to given labels."""
        opinions = [_known(judge.oob) for judge in judges]
        return cls(judges, fit_exponents(opinions, labels, weight, transition))

    @property
    def oob(self) -> np.ndarray:
        """Pooled out-of-bag predictions, (n_samples, n_classes)."""
        return log_pool([_known(judge.oob) for judge in self.judges], self.exponents)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Pool predictions for new samples, (n_samples, n_classes)."""
        return log_pool([judge.predict(X) for judge in self.judges], self.exponents)


@dataclass(frozen=True)
class OpinionPool:
    """A fitted pool of two rounds.

    Attributes
    ----------
    given : ndarray of shape (n_samples, n_classes)
        Out-of-bag probabilities of the given labels, of round one.
    transition : ndarray of shape (n_classes, n_classes)
    posterior : ndarray of shape (n_samples, n_classes)
        Probabilities of the true classes, out-of-bag predictions combined with the given label.
    rounds : tuple of Round
    """

    given: np.ndarray
    transition: np.ndarray
    posterior: np.ndarray
    rounds: tuple[Round, Round]

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities of the true classes, (n_samples, n_classes)."""
        first, second = self.rounds
        return (_corrected(first.predict(X), self.transition) + second.predict(X)) / 2


def fit_opinion_pool(
    samples: Samples,
    random_state: np.random.RandomState,
    judges: Sequence[Judge] = (),
    transition: np.ndarray | None = None,
    n_trees: int = 100,
    n_jobs: int | None = None,
) -> OpinionPool:
    """Fit two rounds of forests and kernel ridge regression, and pool their opinions.

    Parameters
    ----------
    samples : Samples
    random_state : RandomState
    judges : sequence of Judge, default=()
        Further judges of round one, fitted to the given labels.
    transition : ndarray of shape (n_classes, n_classes) or None, default=None
        None: estimated from the opinions of round one.
    n_trees : int, default=100
        Trees of each forest.
    n_jobs : int or None, default=None

    Returns
    -------
    OpinionPool
    """
    labels, weight, trusted = samples.labels, samples.weight, samples.trusted
    # Many small operations are slower with several threads.
    with limit_threads(0):
        fit = _judges_of(samples, random_state, n_trees, n_jobs)
        identity = np.eye(labels.shape[1])
        first = Round.of([*judges, *fit(labels, 10, 5)], labels, weight, identity)
        given = first.oob
        if transition is None:
            transition = _estimated_transition(given, samples)
        true = _corrected(given, transition)
        targets = _posterior(true, samples, transition)
        noisy = weight if trusted is None or trusted.all() else weight * ~trusted
        second = Round.of(fit(targets, 3, 1), labels, noisy, transition)
        posterior = _posterior((true + second.oob) / 2, samples, transition)
    return OpinionPool(given, transition, posterior, (first, second))


def _judges_of(
    samples: Samples, random_state: np.random.RandomState, n_trees: int, n_jobs: int | None
) -> Callable[[np.ndarray, int, int], list[Judge]]:
    """Return a function that fits judges to a target, with leaves of the given sizes."""
    X, _, weight, groups, _ = samples
    kernel = KernelFeatures(X, weight, groups, random_state)

    def fit(target: np.ndarray, rf_leaf: int, et_leaf: int) -> list[Judge]:
        forests = [
            fit_forest(
                X,
                target,
                weight,
                groups,
                random_splits=random_splits,
                min_samples_leaf=min_samples_leaf,
                random_state=random_state,
                max_rows=_MAX_ROWS,
                n_trees=n_trees,
                n_jobs=n_jobs,
            )
            for random_splits, min_samples_leaf in ((False, rf_leaf), (True, et_leaf))
        ]
        return [*forests, kernel.fit(target)]

    return fit


def _estimated_transition(given: np.ndarray, samples: Samples) -> np.ndarray:
    """Estimate the transition matrix from confident opinions, and from trusted samples."""
    probs, weight = torch.from_numpy(given), torch.from_numpy(samples.weight)
    transition = counts_to_transition(confident_counts(probs, weight))
    if samples.trusted is not None:
        is_trusted = samples.trusted * samples.weight / samples.weight.mean()
        counts = torch.from_numpy((samples.labels * is_trusted[:, None]).T @ given)
        transition = counts_to_transition(counts + _PRIOR_ROWS * transition)
    return transition.numpy()


def _corrected(given: np.ndarray, transition: np.ndarray) -> np.ndarray:
    return correct_predictions(torch.from_numpy(given), torch.from_numpy(transition)).numpy()


def true_class_posterior(
    true: np.ndarray, labels: np.ndarray, transition: np.ndarray
) -> np.ndarray:
    """Combine probabilities of the true classes with the given labels, by Bayes' theorem.

    Parameters
    ----------
    true : ndarray of shape (n_samples, n_classes)
        Predictions that do not depend on the labels.
    labels : ndarray of shape (n_samples, n_classes)
        Given labels as distributions.
    transition : ndarray of shape (n_classes, n_classes)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    joint = true * (labels @ transition.T)
    total = joint.sum(axis=1, keepdims=True)
    # A label that the transition matrix excludes says nothing.
    return np.where(total > 0, joint / np.maximum(total, 1e-300), true)


def _posterior(true: np.ndarray, samples: Samples, transition: np.ndarray) -> np.ndarray:
    posterior = true_class_posterior(true, samples.labels, transition)
    if samples.trusted is None:
        return posterior
    return np.where(samples.trusted[:, None], samples.labels, posterior)


def _known(oob: np.ndarray) -> np.ndarray:
    """Replace unknown opinions by undecided ones."""
    return np.where(np.isnan(oob), 1 / oob.shape[1], oob)
