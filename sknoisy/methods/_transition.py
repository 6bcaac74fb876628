"""Transition matrices of the methods that correct with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sknoisy._validation.matrices import transition_matrix
from sknoisy.functional import confident_transition, ridge_class_scores, trusted_transition

if TYPE_CHECKING:
    from sknoisy.methods._batch import EvaluationPass

__all__ = ["as_transition", "estimate_transition_matrix"]


def as_transition(matrix: Any, n_classes: int) -> Tensor:
    """Check the probabilities of each label to be given for each that is true.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        Row i holds the probabilities of the given labels where label i is true.
    n_classes : int

    Returns
    -------
    Tensor of shape (n_classes, n_classes), float64
        With rows that sum to one to the last digit.

    Raises
    ------
    ValueError
        If the shape is another, or a row is no distribution.

    Examples
    --------
    >>> as_transition([[0.9, 0.1], [0.0, 1.0]], 2)
    tensor([[0.9000, 0.1000],
            [0.0000, 1.0000]], dtype=torch.float64)
    """
    return torch.from_numpy(transition_matrix(matrix, n_classes, "'auto' or "))


def estimate_transition_matrix(evaluation: EvaluationPass, lead: float = 0.1) -> Tensor:
    """Estimate the transition matrix from an evaluation pass of one network.

    With trusted samples by :func:`~sknoisy.functional.trusted_transition`, else by
    :func:`~sknoisy.functional.confident_transition`, which assumes that each class keeps its label
    more often than it gets any other one. The estimate is made to fulfil that by a lead, as an
    undertrained network can contradict it.

    Parameters
    ----------
    evaluation : EvaluationPass
        Of one network.
    lead : float, default=0.1
        Least difference between the diagonal entry of a row and its largest other entry, in
        [0, 1]. A row with less is mixed with that of the identity matrix.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true.
    """
    target, weight = evaluation.target, evaluation.weight
    scores = ridge_class_scores(evaluation.features, target, weight)
    if evaluation.trusted is not None:
        return trusted_transition(scores, target, weight, evaluation.trusted)
    transition = confident_transition(scores, target, weight)
    identity = torch.eye(len(transition)).to(transition)
    kept, largest_other = transition.diagonal(), (transition - identity).amax(dim=1)
    coefficient = (lead + largest_other - kept) / (1.0 + largest_other - kept)
    return torch.lerp(transition, identity, coefficient.clamp_min(0.0).unsqueeze(-1))
