"""Transition matrices of methods: checks of given ones, and the estimate during training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sknoisy._validation.matrices import check_transition_matrix
from sknoisy.functional import confident_transition, ridge_class_scores, trusted_transition

if TYPE_CHECKING:
    from sknoisy.methods._batch import EvaluationPass

__all__ = ["as_transition", "estimate_transition_matrix"]


def as_transition(matrix: Any, n_classes: int) -> Tensor:
    """Check a transition matrix that the user passed.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true class i.
    n_classes : int

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
    return torch.from_numpy(check_transition_matrix(matrix, n_classes, "'auto' or "))


def estimate_transition_matrix(evaluation: EvaluationPass, lead: float = 0.1) -> Tensor:
    """Estimate the transition matrix from an evaluation pass of one network.

    With trusted samples it uses :func:`~sknoisy.functional.trusted_transition`, otherwise
    :func:`~sknoisy.functional.confident_transition`, which assumes that the most frequent label of
    each class is the clean one. As the estimate of an undertrained network can contradict this, the
    diagonal entry of each row is increased if necessary, to keep a lead.

    Parameters
    ----------
    evaluation : EvaluationPass
        Evaluation pass of one network.
    lead : float, default=0.1
        Smallest difference between the diagonal entry of a row and its largest other entry, in
        [0, 1]. A row with a smaller difference is mixed with the row of the identity matrix.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability of given label j for true class i.
    """
    target, weight = evaluation.target, evaluation.weight
    scores = ridge_class_scores(evaluation.features, target, weight)
    if evaluation.trusted is not None:
        return trusted_transition(scores, target, weight, evaluation.trusted)
    transition = confident_transition(scores, target, weight)
    identity = torch.eye(len(transition)).to(transition)
    diagonal, largest_other = transition.diagonal(), (transition - identity).amax(dim=1)
    coefficient = (lead + largest_other - diagonal) / (1.0 + largest_other - diagonal)
    return torch.lerp(transition, identity, coefficient.clamp_min(0.0).unsqueeze(-1))
