"""Backward correction: unbiased targets from the inverse of a transition matrix."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import cross_entropy, squash_logits
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import (
    ESTIMATES,
    as_transition,
    estimate_transition_matrix,
)

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["BackwardCorrection"]


class BackwardCorrection(Method):
    """Correct the loss with a transition matrix, whose inverse is applied to the targets.

    Targets are rows of the inverse matrix: above one at the given label, and below zero at other
    classes that may be the true one. Averaged over the noise, they are the one-hot true class. With
    symmetric noise this is negative label smoothing. It assumes class-conditional noise: the noisy
    label depends only on the true class. As the loss has no lower bound, logits are bounded in
    training. The less symmetric the noise is, the higher the variance of the targets. In the
    robustness benchmark it is as good as ``forward`` with pair noise and better with other kinds.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs: the
    matrix, which the default estimates.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes), "auto", "dual_t" or "hoc", \
default="auto"
        Entry (i, j): the probability of given label j for true class i, in the order of
        ``classes_``. Otherwise it is estimated once, at the end of warm-up; for the names see
        ``forward`` and :func:`~sknoisy.methods._transition.estimate_transition_matrix`.
    bound : float or None, default=1.0
        In the loss, but not in predictions, logits z are replaced by ``z / sqrt(1 + (z / bound) **
        2)``. None: unbounded, as in the paper; with the identity matrix this is cross-entropy.

    Attributes
    ----------
    transition, inverse : Tensor of shape (n_classes, n_classes)
        The transition matrix and its inverse; NaN before they are estimated.

    Raises
    ------
    ValueError
        In ``fit``, before the first epoch, if the transition matrix has another shape, a row that
        is not a distribution, or no inverse.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach",
    CVPR 2017, Theorem 1. Departures: the bound; an estimate that is nearly singular is mixed with
    the identity matrix; and all departures of ``forward``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> T = [[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.0]]
    >>> clf = NoisyLabelClassifier("backward", method__transition_matrix=T, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    uses_trusted = True
    warmup = 0.05
    _parameter_constraints = {
        "transition_matrix": [StrOptions(set(ESTIMATES)), "array-like"],
        "bound": [Interval(Real, 0, np.inf, closed="neither"), None],
    }

    def __init__(self, transition_matrix: Any = "auto", bound: float | None = 1.0) -> None:
        self.transition_matrix = transition_matrix
        self.bound = bound

    def setup(self, net: NetworkView, y: Tensor) -> None:
        unknown = torch.full((net.n_classes, net.n_classes), torch.nan, dtype=net.dtype)
        for name in ("transition", "inverse"):
            self.register_buffer(name, unknown.clone().to(y.device))
        if isinstance(self.transition_matrix, str):
            return
        transition = as_transition(self.transition_matrix, net.n_classes, ESTIMATES)
        condition = float(torch.linalg.cond(transition))
        if condition > 1e6:
            raise ValueError(
                f"The 'transition_matrix' parameter of {type(self).__name__} must have an inverse. "
                f"Got a matrix with condition number {condition:g} instead."
            )
        self._set_transition(transition)

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.transition.isnan().any():
            transition = (
                estimate_transition_matrix(evaluation, self.transition_matrix).double().cpu()
            )
            identity = torch.eye(len(transition), dtype=transition.dtype)
            while torch.linalg.cond(transition) > 100:
                transition = torch.lerp(transition, identity, 0.1)
            self._set_transition(transition)

    def _set_transition(self, transition: Tensor) -> None:
        self.transition.copy_(transition)
        self.inverse.copy_(torch.linalg.inv(transition))

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        target = batch.target @ self.inverse
        if batch.trusted is not None:
            target = torch.where(batch.trusted.unsqueeze(-1), batch.target, target)
        return batch.replace(target=target)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        z = logits if self.bound is None else squash_logits(logits, self.bound)
        return cross_entropy(z, batch.target)
