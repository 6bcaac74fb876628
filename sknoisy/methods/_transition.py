"""Transition matrices of methods: checks of given ones, and the estimate during training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from sknoisy._label_noise import estimators
from sknoisy._validation.matrices import check_transition_matrix
from sknoisy.functional import (
    confident_transition,
    expected_loss,
    ridge_class_scores,
    trusted_transition,
)

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["ESTIMATES", "as_transition", "estimate_transition_matrix", "forward_corrected_loss"]

# Room for sums over classes and for sample weights, below the largest number.
_HEADROOM = 2.0**20

# Number of steps of the fit, as in the code of Zhu et al. 2021 for a hundred classes.
_HOC_STEPS = 301


def as_transition(matrix: Any, n_classes: int, names: Iterable[str] = ("auto",)) -> Tensor:
    """Check a transition matrix that the user passed.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true class i.
    n_classes : int
    names : iterable of str, default=("auto",)
        What may be passed instead, for the error message.

    Returns
    -------
    Tensor of shape (n_classes, n_classes), float64
        Rows sum to one up to rounding.

    Raises
    ------
    ValueError
        If the matrix has another shape, or a row is not a distribution.

    Examples
    --------
    >>> as_transition([[0.9, 0.1], [0.0, 1.0]], 2)
    tensor([[0.9000, 0.1000],
            [0.0000, 1.0000]], dtype=torch.float64)
    """
    instead = "".join(f"{name!r} or " for name in names)
    return torch.from_numpy(check_transition_matrix(matrix, n_classes, instead))


def estimate_transition_matrix(
    evaluation: EvaluationPass, estimate: str = "auto", lead: float = 0.1
) -> Tensor:
    """Estimate the transition matrix from an evaluation pass of one network.

    Estimates without trusted samples assume that the most frequent label of each class is the clean
    one. As the estimate of an undertrained network can contradict this, the diagonal entry of each
    row is increased if necessary, to keep a lead.

    Parameters
    ----------
    evaluation : EvaluationPass
        Evaluation pass of one network.
    estimate : {"auto", "dual_t", "hoc"}, default="auto"
        "auto": :func:`~sknoisy.functional.trusted_transition` with trusted samples, otherwise
        :func:`~sknoisy.functional.confident_transition`, both on scores of a ridge regression.
        "dual_t": :func:`~sknoisy.transition.dual_t` on the probabilities of the network. "hoc":
        :func:`~sknoisy.transition.hoc` on its features. These two ignore sample weights and leave
        trusted samples out.
    lead : float, default=0.1
        Smallest difference between the diagonal entry of a row and its largest other entry, in
        [0, 1]. A row with a smaller difference is mixed with the row of the identity matrix.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true class i.
    """
    if estimate == "auto" and evaluation.trusted is not None:
        return trusted_transition(*_scores_of(evaluation), evaluation.trusted)
    transition = _FUNCTIONS[estimate](evaluation).to(evaluation.target)
    identity = torch.eye(len(transition)).to(transition)
    diagonal, largest_other = transition.diagonal(), (transition - identity).amax(dim=1)
    coefficient = (lead + largest_other - diagonal) / (1.0 + largest_other - diagonal)
    return torch.lerp(transition, identity, coefficient.clamp_min(0.0).unsqueeze(-1))


def forward_corrected_loss(logits: Tensor, batch: Batch, transition: Tensor) -> Tensor:
    """Compute the cross-entropy of predictions that a transition matrix has converted.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Predictions of the true classes.
    batch : Batch
        The predictions for trusted samples are not converted.
    transition : Tensor of shape (n_classes, n_classes)

    Returns
    -------
    Tensor of shape (n_samples,)

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach",
    CVPR 2017, Theorem 2.
    """
    p = torch.softmax(logits, dim=-1)
    p_given = p @ transition
    if batch.trusted is not None:
        p_given = torch.where(batch.trusted.unsqueeze(-1), p, p_given)
    # The loss of a label that the matrix and the prediction both exclude would be infinite, and
    # its gradient, the target divided by the probability, would overflow.
    least = torch.finfo(p.dtype).tiny * _HEADROOM * batch.target.abs().amax()
    return -expected_loss(p_given.clamp_min(least).log(), batch.target)


def _scores_of(evaluation: EvaluationPass) -> tuple[Tensor, Tensor, Tensor]:
    target, weight = evaluation.target, evaluation.weight
    return ridge_class_scores(evaluation.features, target, weight), target, weight


def _confident(evaluation: EvaluationPass) -> Tensor:
    return confident_transition(*_scores_of(evaluation))


def _dual_t(evaluation: EvaluationPass) -> Tensor:
    codes, p = _untrusted(evaluation, evaluation.probabilities)
    return torch.from_numpy(estimators.dual_t(codes, p))


def _hoc(evaluation: EvaluationPass) -> Tensor:
    codes, features = _untrusted(evaluation, evaluation.features)
    n_classes = evaluation.target.shape[-1]
    # Of fewer than three samples none has two neighbours.
    if len(codes) < 3:
        return torch.eye(n_classes)
    transition = estimators.hoc(codes, features, n_classes, max_iter=_HOC_STEPS)
    return torch.from_numpy(transition)


def _untrusted(evaluation: EvaluationPass, values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the given labels of the samples that may be noisy, and some values of each."""
    rows = torch.ones_like(evaluation.y, dtype=torch.bool)
    if evaluation.trusted is not None and not evaluation.trusted.all():
        rows = ~evaluation.trusted
    return evaluation.y[rows].cpu().numpy(), values[rows].cpu().double().numpy()


_FUNCTIONS: dict[str, Callable[[EvaluationPass], Tensor]] = {
    "auto": _confident,
    "dual_t": _dual_t,
    "hoc": _hoc,
}

# The names that may be passed instead of a transition matrix.
ESTIMATES = tuple(_FUNCTIONS)
