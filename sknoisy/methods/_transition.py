"""Transition matrices of the methods that correct with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sknoisy._validation.matrices import transition_matrix
from sknoisy.functional import class_scores, confident_transition, trusted_transition

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


def estimate_transition_matrix(
    evaluation: EvaluationPass, trusted: Tensor | None = None, lead: float = 0.1
) -> Tensor:
    """Estimate how labels were changed, from a evaluation and the rows whose labels are right.

    With trusted rows by :func:`trusted_transition`, else by :func:`confident_transition`, which
    takes it that each label is likelier than any other where it is true; it is then held to be so
    by a lead, whatever the network may have seen so far.

    Parameters
    ----------
    evaluation : Scan
        Of one network.
    trusted : Tensor of bool of shape (n_rows,), default=None
        Which rows of X have labels that are right.
    lead : float, default=0.1
        In [0, 1]. A row that falls short of it is mixed with that of an untouched label.

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Entry (i, j): the probability that label j is given where i is true.
    """
    target, weight = evaluation.target, evaluation.weight
    scores = class_scores(evaluation.features, target, weight)
    if trusted is not None:
        return trusted_transition(scores, target, weight, trusted[evaluation.index])
    found = confident_transition(scores, target, weight)
    untouched = torch.eye(len(found)).to(found)
    own, other = found.diagonal(), (found - untouched).amax(dim=1)
    mixed = ((lead + other - own) / (1.0 + other - own)).clamp_min(0.0).unsqueeze(-1)
    return torch.lerp(found, untouched, mixed)
