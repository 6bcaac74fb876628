"""Likelihood of given labels: calibrated predictions, and noise that may follow hard samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, minimize
from scipy.sparse import csr_array

__all__ = [
    "GivenLabels",
    "Likelihood",
    "Parameters",
    "evaluate",
    "maximise",
    "members",
    "n_parameters",
    "unpack",
]

# With more classes, samples are too few for a rate of each pair, and all have the same rate.
_MAX_PAIRED_CLASSES = 32

# Priors, which matter where few labels are wrong: scale of the Cauchy prior of the log-odds of all
# flips, whose tails allow any noise; standard deviations of the other parameters.
_SCALE_FLIP = 0.7
_SD_PAIR = 1.0
_SD_BIAS = 1.0

# The objective is a mean over samples, so this is a thousandth of a unit of the log-likelihood.
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class GivenLabels:
    """Given labels to fit, with predictions and the mean of the prior of the flips.

    Attributes
    ----------
    log_p : ndarray of shape (n_samples, n_classes)
        Logarithm of the predictions.
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    log_flips : ndarray of shape (n_classes, n_classes)
        Logarithm of P(given label j) / P(given label i) for true class i; -inf on the diagonal.
    """

    log_p: np.ndarray
    codes: np.ndarray
    log_flips: np.ndarray

    @cached_property
    def members(self) -> csr_array:
        """The samples with each label, of shape (n_classes, n_samples)."""
        return members(self.codes, self.log_p.shape[1])


class Parameters(NamedTuple):
    """Parameters of the likelihood.

    Attributes
    ----------
    log_sharpness, dependence : float
        Logarithm of the exponent of the predictions in the true class, and their exponent in flips.
    flip : float
        Added to the log-odds of all flips.
    bias : ndarray of shape (n_classes,)
        Added to the logarithm of the probability of each true class.
    pair_flip : ndarray of shape (n_classes, n_classes) or (1, 1)
        Added to the log-odds of each flip.
    """

    log_sharpness: float
    dependence: float
    flip: float
    bias: np.ndarray
    pair_flip: np.ndarray


class Likelihood(NamedTuple):
    """The likelihood of given labels, with what its derivatives need.

    Attributes
    ----------
    log_likelihood : float
    true : ndarray of shape (n_samples, n_classes)
        Probability of each true class, given the predictions.
    posterior : ndarray of shape (n_samples, n_classes)
        Probability of each true class, given predictions and label.
    flips : ndarray of shape (n_classes, n_classes)
        Odds of each flip where the prediction of the given label is 1.
    plausible : ndarray of shape (n_samples, n_classes)
        Predictions to the power of the dependence, by which the odds are multiplied.
    correct : ndarray of shape (n_samples, n_classes)
        Probability of a correct label for each true class.
    """

    log_likelihood: float
    true: np.ndarray
    posterior: np.ndarray
    flips: np.ndarray
    plausible: np.ndarray
    correct: np.ndarray


def members(codes: np.ndarray, n_classes: int) -> csr_array:
    """Return the matrix that sums rows of samples by class, of shape (n_classes, n_samples)."""
    n = len(codes)
    return csr_array((np.ones(n), (codes, np.arange(n))), shape=(n_classes, n))


def n_parameters(n_classes: int) -> int:
    """Return the number of parameters for a number of classes."""
    return 3 + n_classes + (n_classes**2 if n_classes <= _MAX_PAIRED_CLASSES else 1)


def unpack(theta: np.ndarray, n_classes: int) -> Parameters:
    """Name the entries of a vector of parameters."""
    bias, pair_flip = theta[3 : 3 + n_classes], theta[3 + n_classes :]
    side = 1 if len(pair_flip) == 1 else n_classes
    return Parameters(theta[0], theta[1], theta[2], bias, pair_flip.reshape(side, side))


def evaluate(labels: GivenLabels, parameters: Parameters) -> Likelihood:
    """Compute the likelihood of given labels."""
    log_p, codes = labels.log_p, labels.codes
    rows = np.arange(len(codes))
    logits = np.exp(parameters.log_sharpness) * log_p + parameters.bias
    logits -= logits.max(axis=1, keepdims=True)
    true = np.exp(logits, out=logits)
    true /= true.sum(axis=1, keepdims=True)
    flips = np.exp(labels.log_flips + parameters.flip + parameters.pair_flip)
    plausible = np.exp(parameters.dependence * log_p)
    correct = 1 / (1 + plausible @ flips.T)
    posterior = flips.T[codes]
    posterior *= plausible[rows, codes][:, None]
    posterior[rows, codes] = 1.0
    posterior *= true
    posterior *= correct
    likelihoods = posterior.sum(axis=1, keepdims=True)
    posterior /= likelihoods
    log_likelihood = float(np.log(likelihoods).sum())
    return Likelihood(log_likelihood, true, posterior, flips, plausible, correct)


def maximise(
    labels: GivenLabels,
    start: np.ndarray,
    log_sharpness: tuple[float, float],
    dependence: tuple[float, float],
) -> tuple[np.ndarray, float]:
    """Maximise the penalised likelihood, within limits of the first two parameters.

    Returns
    -------
    theta : ndarray of shape (n_parameters,)
    loss : float
        The objective, which is lowest at theta.
    """
    # Parameters of rare and of frequent flips differ in curvature by orders of magnitude. In units
    # of their standard errors, few steps are enough.
    unit = 1 / np.sqrt(_curvature(labels, start))
    limits = np.full((len(start), 2), [-np.inf, np.inf])
    limits[:2] = log_sharpness, dependence

    def objective(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = loss_and_gradient(labels, scaled * unit)
        return loss, gradient * unit

    result = minimize(
        objective,
        start / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(*(limits / unit[:, None]).T),
        options={"ftol": _TOLERANCE, "maxcor": 20},
    )
    return np.clip(result.x * unit, *limits.T), float(result.fun)


def loss_and_gradient(labels: GivenLabels, theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Compute the negative mean of the penalised log-likelihood, and its gradient."""
    n, k = labels.log_p.shape
    parameters = unpack(theta, k)
    at = evaluate(labels, parameters)
    residuals = at.posterior - at.true
    # Expected numbers of flips, given the labels, less those expected without knowing them.
    n_given = (labels.members @ at.posterior).T
    np.fill_diagonal(n_given, 0.0)
    by_class = at.posterior * at.correct
    by_flip = n_given - at.flips * (by_class.T @ at.plausible)
    label_log_p = labels.log_p[np.arange(n), labels.codes]
    wrong = 1 - at.posterior[np.arange(n), labels.codes]
    unknown = (by_class @ at.flips) * at.plausible
    scaled = parameters.flip / _SCALE_FLIP
    by_pair = by_flip if len(parameters.pair_flip) > 1 else by_flip.sum(keepdims=True)
    gradient = np.r_[
        np.exp(parameters.log_sharpness) * np.vdot(residuals, labels.log_p),
        wrong @ label_log_p - np.vdot(unknown, labels.log_p),
        by_flip.sum() - 2 * scaled / (1 + scaled**2) / _SCALE_FLIP,
        residuals.sum(axis=0) - parameters.bias / _SD_BIAS**2,
        (by_pair - parameters.pair_flip / _SD_PAIR**2).ravel(),
    ]
    penalty = (
        2 * np.log1p(scaled**2)
        + np.square(parameters.bias / _SD_BIAS).sum()
        + np.square(parameters.pair_flip / _SD_PAIR).sum()
    )
    return float((penalty / 2 - at.log_likelihood) / n), -gradient / n


def _curvature(labels: GivenLabels, theta: np.ndarray) -> np.ndarray:
    """Estimate the second derivatives of the objective, as if the true classes were known."""
    n, k = labels.log_p.shape
    parameters = unpack(theta, k)
    at = evaluate(labels, parameters)
    mean = np.einsum("ij,ij->i", at.true, labels.log_p)[:, None]
    variance = np.einsum("ij,ij->", at.true, np.square(labels.log_p - mean))
    by_flip = at.flips * ((at.posterior * at.correct).T @ at.plausible)
    by_pair = by_flip if len(parameters.pair_flip) > 1 else by_flip.sum(keepdims=True)
    curvature = np.r_[
        np.exp(2 * parameters.log_sharpness) * variance + 1,
        by_flip.sum() * labels.log_p.var() + 1,
        by_flip.sum() + 1 / _SCALE_FLIP**2,
        (at.true * (1 - at.true)).sum(axis=0) + 1 / _SD_BIAS**2,
        by_pair.ravel() + 1 / _SD_PAIR**2,
    ]
    return curvature / n
