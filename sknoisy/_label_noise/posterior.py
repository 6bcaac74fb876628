"""Probability that each class is the true one, from given labels and out-of-sample predictions."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import Bounds, minimize
from torch import Tensor

from sknoisy._label_noise.estimators import confident_lower_bound, most_confident
from sknoisy._runtime.threads import limit_threads
from sknoisy.functional import correct_predictions

__all__ = ["true_label_posterior"]

# The parameters are fitted to this many samples at most, drawn with a fixed seed.
_MAX_FITTED = 10_000
_CHUNK = 50_000
# With more classes, samples are too few for a rate of each pair, and all have the same rate.
_MAX_PAIRED_CLASSES = 32
# Probabilities below this fraction of 1 / n_classes are not distinguished: forests predict zeros.
_MIN_RELATIVE_P = 1e-3
# Iterations of the correction by the noise of the most confident samples.
_N_ITER = 8

# Priors, which matter where few labels are wrong: noise rate at the median of the log-odds of all
# flips and scale of their Cauchy prior, whose tails allow any noise; standard deviations of others.
_NOISE_RATE = 0.005
_SCALE_FLIP = 0.7
_SD_PAIR = 1.0
_SD_BIAS = 1.0
# If the noise rate of the most confident samples is surely above this, their noise is the mean of
# the prior. Below, it may be overlap of classes.
_MIN_CONFIDENT_RATE = 0.1

# Limits of the logarithm of the sharpness, and of the dependence.
_LOG_SHARPNESS = (-1.5, 3.0)
_DEPENDENCE = (0.0, 1.5)
_STEP = 0.15
# The likelihood has two maxima: overlap without noise, and sharper predictions with noise. Starts
# are values of the logarithm of the sharpness and of the change of the log-odds of flips.
_STARTS = ((0.0, 0.0), (0.7, 3.0))

# A sample is a near tie if the odds of its two most likely classes are below 2. Where two classes
# overlap, there are as many near ties as errors if log-odds have a constant density around 0, and
# .80 to 1.06 times as many for two normal distributions 5 to 2 standard deviations apart.
_TIE_ODDS = 2.0
_TIES_PER_ERROR = 0.9
_Z_SCORE = 2.0
# Without ties, a class is hardly predicted: fewer of the samples with its label agree than this.
_MIN_AGREEMENT = 0.3


class _Samples(NamedTuple):
    """Samples to fit: predictions, labels, and the mean of the prior of the flips.

    Attributes
    ----------
    log_p : Tensor of shape (n_samples, n_classes)
    codes : Tensor of shape (n_samples,)
    log_flips : Tensor of shape (n_classes, n_classes)
        Logarithm of P(given label j) / P(given label i) for true class i; -inf on the diagonal.
    """

    log_p: Tensor
    codes: Tensor
    log_flips: Tensor


class _Parameters(NamedTuple):
    """Parameters of the model of given labels.

    Attributes
    ----------
    log_sharpness, dependence : Tensor, scalars
        Logarithm of the exponent of the predictions in the true class, and their exponent in flips.
    flip : Tensor, a scalar
        Added to the log-odds of all flips.
    bias : Tensor of shape (n_classes,)
        Added to the logarithm of the probability of each true class.
    pair_flip : Tensor of shape (n_classes, n_classes) or (1, 1)
        Added to the log-odds of each flip.
    """

    log_sharpness: Tensor
    dependence: Tensor
    flip: Tensor
    bias: Tensor
    pair_flip: Tensor


def true_label_posterior(codes: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Compute the probability that each class is the true one, given features and noisy label.

    Predictions are calibrated and noise is estimated together, by penalised maximum likelihood of
    the given labels y::

        P(true = i | x)          proportional to  exp(bias[i]) * q[i] ** sharpness
        P(y = j | true = i, x)   proportional to  flips[i, j] * q[j] ** dependence,  1 if j is i

    Here q are the predictions p, corrected with the noise among the most confident samples, or with
    a lower bound of it where it is small. First the noise is class-conditional (``dependence`` is
    0): a constant rate of labels that confident predictions do not explain. What calibrated
    predictions explain is overlap of classes. But overlap has samples on the boundary: about as
    many near ties as errors. If near ties are too few, ``sharpness`` is raised until they agree,
    and ``dependence`` is fitted: the difference is noise that follows the hard samples.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Encoded labels.
    p : ndarray of shape (n_samples, n_classes)
        Out-of-sample probabilities of these labels, which need not be calibrated.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows sum to one.

    References
    ----------
    Bootkrajang and Kabán, "Label-Noise Robust Logistic Regression and Its Applications", ECML PKDD
    2012, with log-probabilities as features and, as in Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017, one exponent. The dependence and the count of near ties are our own.
    """
    if p.shape[1] < 2:
        return np.ones_like(p)
    confident, is_noisy = _confident_noise(codes, p)
    log_flips = _prior_log_flips(confident if is_noisy else np.eye(len(confident)))
    drawn = np.sort(np.random.RandomState(0).permutation(len(codes))[:_MAX_FITTED])
    # Many small operations are slower with several threads.
    with limit_threads(0):
        parameters = _fit_parameters(_to_samples(codes[drawn], p[drawn], confident, log_flips))
    chunks = [slice(i, i + _CHUNK) for i in range(0, len(codes), _CHUNK)]
    joint = [
        _log_joint(_to_samples(codes[rows], p[rows], confident, log_flips), parameters)
        for rows in chunks
    ]
    return torch.softmax(torch.cat(joint), dim=1).numpy()


def _confident_noise(codes: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, bool]:
    """Estimate the noise of the most confident samples, and tell whether it is surely noise.

    It is a lower bound if it may be overlap of classes.
    """
    bound = confident_lower_bound(codes, p)
    is_noisy = bool(1 - bound.diagonal()[codes].mean() >= _MIN_CONFIDENT_RATE)
    return most_confident(codes, p) if is_noisy else bound, is_noisy


def _prior_log_flips(transition: np.ndarray) -> Tensor:
    """Compute the mean of the prior of the log-odds of flips."""
    k = len(transition)
    odds = (transition + _NOISE_RATE / (k - 1)) / transition.diagonal()[:, None]
    return torch.from_numpy(np.log(odds)).fill_diagonal_(-torch.inf)


def _to_samples(
    codes: np.ndarray, p: np.ndarray, confident: np.ndarray, log_flips: Tensor
) -> _Samples:
    corrected = correct_predictions(
        torch.from_numpy(p).double(), torch.from_numpy(confident), _N_ITER
    )
    log_p = corrected.clamp_min(_MIN_RELATIVE_P / p.shape[1]).log()
    return _Samples(log_p, torch.as_tensor(codes, dtype=torch.int64), log_flips)


def _fit_parameters(samples: _Samples) -> _Parameters:
    """Fit class-conditional noise; while there are too few near ties, sharpen and fit again."""
    k = samples.log_p.shape[1]
    n_pairs = k * k if k <= _MAX_PAIRED_CLASSES else 1
    starts = np.zeros((len(_STARTS), 3 + k + n_pairs))
    starts[:, [0, 2]] = _STARTS
    fits = [_maximise(samples, start, _LOG_SHARPNESS, (0.0, 0.0)) for start in starts]
    theta = min(fits, key=lambda theta: _loss_and_gradient(theta, samples)[0])
    while _lacks_near_ties(samples, theta) and theta[0] < _LOG_SHARPNESS[1]:
        theta[0] = min(theta[0] + _STEP, _LOG_SHARPNESS[1])
        theta = _maximise(samples, theta, (theta[0], theta[0]), _DEPENDENCE)
    return _unpack(torch.from_numpy(theta), k)


def _maximise(
    samples: _Samples,
    start: np.ndarray,
    log_sharpness: tuple[float, float],
    dependence: tuple[float, float],
) -> np.ndarray:
    """Maximise the penalised likelihood, within limits of the first two parameters."""
    limits = np.full((len(start), 2), [-np.inf, np.inf])
    limits[:2] = log_sharpness, dependence
    objective = partial(_loss_and_gradient, samples=samples)
    return minimize(objective, start, jac=True, method="L-BFGS-B", bounds=Bounds(*limits.T)).x


def _loss_and_gradient(theta: np.ndarray, samples: _Samples) -> tuple[float, np.ndarray]:
    leaf = torch.from_numpy(theta.copy()).requires_grad_()
    n, k = samples.log_p.shape
    parameters = _unpack(leaf, k)
    with torch.enable_grad():
        log_likelihood = torch.logsumexp(_log_joint(samples, parameters), dim=1).sum()
        penalty = (
            2 * (parameters.flip / _SCALE_FLIP).square().log1p()
            + (parameters.bias / _SD_BIAS).square().sum()
            + (parameters.pair_flip / _SD_PAIR).square().sum()
        )
        loss = (penalty / 2 - log_likelihood) / n
        (gradient,) = torch.autograd.grad(loss, leaf)
    return loss.item(), gradient.numpy()


def _unpack(theta: Tensor, n_classes: int) -> _Parameters:
    bias, pair_flip = theta[3 : 3 + n_classes], theta[3 + n_classes :]
    side = 1 if len(pair_flip) == 1 else n_classes
    return _Parameters(theta[0], theta[1], theta[2], bias, pair_flip.reshape(side, side))


def _log_joint(samples: _Samples, parameters: _Parameters) -> Tensor:
    """Compute log P(true = i, given label | x), of shape (n_samples, n_classes)."""
    log_true = _log_true(samples, parameters)
    log_flips = samples.log_flips + parameters.flip + parameters.pair_flip
    plausible = parameters.dependence * samples.log_p
    log_total = (plausible.exp() @ log_flips.exp().T).log1p()
    codes = samples.codes[:, None]
    log_given = (log_flips.T[samples.codes] + plausible.gather(1, codes)).scatter(1, codes, 0.0)
    return log_true + log_given - log_total


def _log_true(samples: _Samples, parameters: _Parameters) -> Tensor:
    """Compute log P(true = i | x), of shape (n_samples, n_classes)."""
    logits = parameters.log_sharpness.exp() * samples.log_p + parameters.bias
    return torch.log_softmax(logits, dim=1)


def _lacks_near_ties(samples: _Samples, theta: np.ndarray) -> bool:
    """Return whether near ties are significantly fewer than the errors of the true classes."""
    parameters = _unpack(torch.from_numpy(theta), samples.log_p.shape[1])
    log_true = _log_true(samples, parameters)
    first, second = log_true.topk(2, dim=1).values.unbind(dim=1)
    n_ties = int((first - second < np.log(_TIE_ODDS)).sum())
    n_errors = _errors_with_ties(samples.codes, log_true)
    return n_ties + _Z_SCORE * np.sqrt(n_ties) < _TIES_PER_ERROR * n_errors


def _errors_with_ties(codes: Tensor, log_true: Tensor) -> float:
    """Count the expected errors of the true classes that come with ties.

    Overlap of a rare class with a common one has no ties if the rare class is nowhere the most
    likely one. So if there is a label of which few samples are predicted as this class, only errors
    are counted that are as frequent in the other direction: they lie on a boundary.
    """
    probs, most_likely = log_true.exp(), log_true.argmax(dim=1)
    k = probs.shape[1]
    counts = torch.zeros(k, k, dtype=probs.dtype).index_add(0, most_likely, probs)
    errors = counts.fill_diagonal_(0)
    n_given = torch.bincount(codes, minlength=k)
    n_agree = torch.bincount(codes[codes == most_likely], minlength=k)
    if (n_agree >= _MIN_AGREEMENT * n_given).all():
        return float(errors.sum())
    return float(torch.minimum(errors, errors.T).sum())
