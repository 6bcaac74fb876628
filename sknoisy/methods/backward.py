"""Backward correction: undo the noise in the targets, on average."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import cross_entropy, squash_logits
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import as_transition, estimate_transition_matrix

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["BackwardCorrection"]


class BackwardCorrection(Method):
    """Replace targets by ones whose mean over the noise is the right label.

    They are rows of the inverse of the transition matrix: more than one at the given label, below
    zero at those it may stand for. With symmetric noise that is negative smoothing. The loss has no
    lower limit, so that logits are bounded in training. For noise that is near symmetric; the
    further from it, the more the targets scatter, and the better is ``forward``.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs: the
    matrix, which the default estimates.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        Row i holds the probabilities of the given labels where label i is true, in the order of
        ``classes_``. "auto": estimated when warm-up ends, once, from trusted rows if there are any;
        see :func:`~sknoisy.methods._transition.estimate_transition_matrix`.
    bound : float or None, default=1.0
        Logits pass through ``z / sqrt(1 + (z / bound) ** 2)`` in the loss; predictions take them
        as they are. None: unbounded, as published. Then the identity matrix is cross-entropy.

    Attributes
    ----------
    transition, inverse : Tensor of shape (n_classes, n_classes)
        The matrix in use and its inverse; NaN before they are known.

    Raises
    ------
    ValueError
        In ``fit``, if the matrix has another shape, a row that is no distribution, or no inverse.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach",
    CVPR 2017, Theorem 1. Departures: the bound; an estimate that is near singular is mixed with the
    identity; and what departs in ``forward`` does so here.

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
        "transition_matrix": [StrOptions({"auto"}), "array-like"],
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
        given = as_transition(self.transition_matrix, net.n_classes)
        condition = float(torch.linalg.cond(given))
        if condition > 1e6:
            raise ValueError(
                "The 'transition_matrix' parameter must have an inverse. The condition number of "
                f"the one given is {condition:g}: some labels say nothing of the true one."
            )
        self._use(given)

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.transition.isnan().any():
            found = estimate_transition_matrix(evaluation).double().cpu()
            while torch.linalg.cond(found) > 100:
                found = torch.lerp(found, torch.eye(len(found), dtype=found.dtype), 0.1)
            self._use(found)

    def _use(self, transition: Tensor) -> None:
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
