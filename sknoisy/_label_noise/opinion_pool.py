"""Opinion pool: models judge samples whose labels they do not know, first about the given labels.

Round one predicts given labels. Its pooled opinion gives a transition matrix and, with the given
label of a sample, the probability of each true class. Round two is fitted to these soft targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from sknoisy._label_noise.forest import Forest, fit_forest
from sknoisy._label_noise.information import are_informative
from sknoisy._label_noise.kernel_ridge import KernelFeatures, KernelRidge
from sknoisy._label_noise.log_pool import fit_exponents, log_pool
from sknoisy._runtime.threads import limit_threads
from sknoisy.functional import confident_counts, correct_predictions, counts_to_transition

__all__ = ["OpinionPool", "Round", "Samples", "fit_opinion_pool", "true_class_posterior"]

# Judges of more samples are fitted to parts of this size, so that they cost less than networks.
_MAX_ROWS = 20_000
# Weight, in trusted samples per class, of the matrix that is estimated without trusted samples.
_PRIOR_ROWS = 5


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
    """Judges of one round, and the exponents of their log pool.

    Attributes
    ----------
    judges : list of Forest and KernelRidge
    exponents : ndarray of shape (n_opinions,)
        Of opinions from elsewhere, then of the judges.
    """

    judges: list[Forest | KernelRidge]
    exponents: np.ndarray

    def predict(self, X: np.ndarray, opinions: Sequence[np.ndarray] = ()) -> np.ndarray:
        """Pool predictions for new samples, (n_samples, n_classes)."""
        of_judges = [judge.predict(X) for judge in self.judges]
        return log_pool([*map(_known, opinions), *of_judges], self.exponents)


@dataclass(frozen=True)
class OpinionPool:
    """A fitted pool.

    Attributes
    ----------
    given : ndarray of shape (n_samples, n_classes)
        Out-of-bag probabilities of the given labels, of round one.
    transition : ndarray of shape (n_classes, n_classes)
    true : ndarray of shape (n_samples, n_classes)
        Out-of-bag probabilities of the true classes, which do not depend on the given label.
    posterior : ndarray of shape (n_samples, n_classes)
        The same, combined with the given label.
    first : Round
    second : Round or None
        None: there is one round only.
    is_informative : bool
        Whether its opinions tell more about the labels than how frequent they are.
    """

    given: np.ndarray
    transition: np.ndarray
    true: np.ndarray
    posterior: np.ndarray
    first: Round
    second: Round | None
    is_informative: bool = True

    def predict(self, X: np.ndarray, opinions: Sequence[np.ndarray] = ()) -> np.ndarray:
        """Predict probabilities of the true classes.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns), float32
        opinions : sequence of ndarray of shape (n_samples, n_classes)
            Of the models whose opinions the pool was fitted with.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._predict(X, opinions)[1]

    def judge(
        self,
        X: np.ndarray,
        labels: np.ndarray,
        opinions: Sequence[np.ndarray] = (),
        trusted: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Judge labelled samples that the pool was not fitted to.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_columns), float32
        labels : ndarray of shape (n_samples, n_classes)
        opinions : sequence of ndarray of shape (n_samples, n_classes)
            As in :func:`fit_opinion_pool`.
        trusted : ndarray of bool of shape (n_samples,) or None, default=None

        Returns
        -------
        given, posterior : ndarray of shape (n_samples, n_classes)
        """
        given, true = self._predict(X, opinions)
        if not self.is_informative:
            return given, _with_trusted(given, labels, trusted)
        return given, true_class_posterior(true, labels, self.transition, trusted)

    def _predict(
        self, X: np.ndarray, opinions: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict the given labels, and the true classes."""
        # Many small operations are slower with several threads.
        with limit_threads(0):
            given = self.first.predict(X, opinions)
            true = _corrected(given, self.transition)
            return given, true if self.second is None else (true + self.second.predict(X)) / 2


def fit_opinion_pool(
    samples: Samples,
    random_state: np.random.RandomState,
    opinions: Sequence[np.ndarray] = (),
    transition: np.ndarray | None = None,
    built_in: bool = True,
    n_trees: int = 100,
    n_jobs: int | None = None,
    predicts: bool = True,
    max_kept: int | None = None,
) -> OpinionPool:
    """Fit two rounds of forests and kernel ridge regression, and pool their opinions.

    Parameters
    ----------
    samples : Samples
    random_state : RandomState
    opinions : sequence of ndarray of shape (n_samples, n_classes), default=()
        Predictions of the given labels by further models, which were not fitted to samples of the
        same group; NaN if unknown. They are pooled in round one.
    transition : ndarray of shape (n_classes, n_classes) or None, default=None
        None: estimated from the opinions of round one.
    built_in : bool, default=True
        False: there are only the further models, and no second round.
    n_trees : int, default=100
        Trees of each forest.
    n_jobs : int or None, default=None
    predicts : bool, default=True
        False: only what the pool thinks of its training samples is needed, not ``predict``.
    max_kept : int or None, default=None
        Most numbers in the trees of a forest that are kept to predict; None: any number.

    Returns
    -------
    OpinionPool
    """
    _, labels, weight, _, trusted = samples
    # Many small operations are slower with several threads.
    with limit_threads(0):
        fit = None
        if built_in:
            of_forest = {"n_trees": n_trees, "n_jobs": n_jobs, "keep_trees": predicts}
            fit = _judges_of(samples, random_state, of_forest | {"max_kept": max_kept})
        identity = np.eye(labels.shape[1])
        judges = [] if fit is None else fit(labels, 10, 5)
        first, given = _fitted_round(judges, opinions, labels, weight, identity)
        if transition is None:
            codes = labels.argmax(axis=1)
            if not are_informative(codes, given):
                # There is nothing to correct, and no more to learn than how frequent labels are;
                # but of the only group with a label, nobody can know it.
                is_single = (_n_groups(samples) < 2)[codes]
                posterior = np.where(is_single[:, None], labels, given)
                posterior = _with_trusted(posterior, labels, trusted)
                return OpinionPool(given, identity, given, posterior, first, None, False)
            transition = _estimated_transition(given, samples)
        true, second = _corrected(given, transition), None
        if fit is not None:
            targets = true_class_posterior(true, labels, transition, trusted)
            noisy = weight if trusted is None or trusted.all() else weight * ~trusted
            judges = fit(targets, 3, 1)
            second, again = _fitted_round(judges, (), labels, noisy, transition)
            true = (true + again) / 2
        posterior = true_class_posterior(true, labels, transition, trusted)
    return OpinionPool(given, transition, true, posterior, first, second)


def _fitted_round(
    judges: list[Forest | KernelRidge],
    opinions: Sequence[np.ndarray],
    labels: np.ndarray,
    weight: np.ndarray,
    transition: np.ndarray,
) -> tuple[Round, np.ndarray]:
    """Fit the exponents of opinions to given labels; return the round and its pooled opinion."""
    known = [_known(opinion) for opinion in (*opinions, *(judge.oob for judge in judges))]
    exponents = fit_exponents(known, labels, weight, transition)
    # To predict, judges do not need what they think of their training samples.
    kept = [replace(judge, oob=judge.oob[:0]) for judge in judges]
    return Round(kept, exponents), log_pool(known, exponents)


def _judges_of(
    samples: Samples,
    random_state: np.random.RandomState,
    of_forest: Mapping[str, Any],
) -> Callable[[np.ndarray, int, int], list[Forest | KernelRidge]]:
    """Return a function that fits judges to a target, with leaves of the given sizes."""
    X, _, weight, groups, _ = samples
    kernel = KernelFeatures(X, weight, groups, random_state, _MAX_ROWS)

    def fit(target: np.ndarray, rf_leaf: int, et_leaf: int) -> list[Forest | KernelRidge]:
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
                **of_forest,
            )
            for random_splits, min_samples_leaf in ((False, rf_leaf), (True, et_leaf))
        ]
        return [*forests, kernel.fit(target)]

    return fit


def _estimated_transition(given: np.ndarray, samples: Samples) -> np.ndarray:
    """Estimate the transition matrix from confident opinions, and from trusted samples."""
    probs, weight = torch.from_numpy(given), torch.from_numpy(samples.weight)
    transition = counts_to_transition(confident_counts(probs, weight))
    # A model that was not fitted to the only sample of a class cannot predict the class.
    is_single = torch.from_numpy(_n_groups(samples) < 2)
    transition = torch.where(is_single[:, None], torch.eye(len(transition)).double(), transition)
    if samples.trusted is not None:
        is_trusted = samples.trusted * samples.weight / samples.weight.mean()
        counts = torch.from_numpy((samples.labels * is_trusted[:, None]).T @ given)
        transition = counts_to_transition(counts + _PRIOR_ROWS * transition)
    return transition.numpy()


def _n_groups(samples: Samples) -> np.ndarray:
    """Count the groups that have a sample with each label, (n_classes,)."""
    pairs = np.unique(np.column_stack([samples.groups, samples.labels.argmax(axis=1)]), axis=0)
    return np.bincount(pairs[:, 1], minlength=samples.labels.shape[1])


def _corrected(given: np.ndarray, transition: np.ndarray) -> np.ndarray:
    return correct_predictions(torch.from_numpy(given), torch.from_numpy(transition)).numpy()


def true_class_posterior(
    true: np.ndarray,
    labels: np.ndarray,
    transition: np.ndarray,
    trusted: np.ndarray | None = None,
) -> np.ndarray:
    """Combine probabilities of the true classes with the given labels, by Bayes' theorem.

    Parameters
    ----------
    true : ndarray of shape (n_samples, n_classes)
        Predictions that do not depend on the labels.
    labels : ndarray of shape (n_samples, n_classes)
        Given labels as distributions.
    transition : ndarray of shape (n_classes, n_classes)
    trusted : ndarray of bool of shape (n_samples,), default=None
        The samples whose labels are clean: their posterior is their label.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    joint = true * (labels @ transition.T)
    total = joint.sum(axis=1, keepdims=True)
    # A label that the transition matrix excludes says nothing.
    posterior = np.where(total > 0, joint / np.maximum(total, 1e-300), true)
    return _with_trusted(posterior, labels, trusted)


def _with_trusted(
    posterior: np.ndarray, labels: np.ndarray, trusted: np.ndarray | None
) -> np.ndarray:
    """Replace the posterior of trusted samples by their labels."""
    return posterior if trusted is None else np.where(trusted[:, None], labels, posterior)


def _known(oob: np.ndarray) -> np.ndarray:
    """Replace unknown opinions by undecided ones."""
    return np.where(np.isnan(oob), 1 / oob.shape[1], oob)
