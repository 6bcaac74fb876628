"""VolMinNet: learn the transition matrix with the network, as the one of least volume."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import estimate_transition_matrix, forward_corrected_loss

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["VolMinNet"]

# Below 1, the matrix of two classes always has an inverse.
_MAX_RATIO = 0.99
# A ratio of 0 or 1 could not change.
_MARGIN = 0.01


class VolMinNet(Method):
    """Learn the transition matrix with the network, with a penalty on its determinant.

    As in ``forward``, the loss is computed on predictions that a transition matrix has converted to
    probabilities of the given labels. The matrix is learned by the same steps as the network. Many
    matrices explain the labels, together with a network that fits to them: the identity does, with
    a network that has memorised the labels. The penalty chooses the one whose rows, as corners of a
    simplex, enclose the smallest volume, and so the least confident network. No sample needs to
    belong to one class with certainty, and an estimate that is somewhat wrong is corrected. It
    assumes class-conditional noise.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs:
    nothing.

    Parameters
    ----------
    lam : float, default=0.05
        Weight of the logarithm of the determinant, at least 0. The authors set 1e-4, in trainings
        of many more steps; in short ones the matrix then follows the network that memorises.
    start : float or "auto", default="auto"
        Ratio of all other entries of a row to the diagonal entry before training, in [0, 1).
        "auto": the matrix is estimated at the end of warm-up, as in ``forward``. The authors start
        at the same small ratio for all entries. 0 is cross-entropy.

    Attributes
    ----------
    ratio_logits : Parameter of shape (n_classes, n_classes)
        Logits of the ratios of entries to the diagonal entry of their row; NaN before they are
        estimated. The diagonal has no effect.

    References
    ----------
    Li et al., "Provably End-to-end Label-Noise Learning without Anchor Points", ICML 2021, Section
    3: cross-entropy of the converted predictions plus the weighted logarithm of the determinant, of
    a matrix whose diagonal entries are the largest of their rows. Departures: the start and the
    weight of the penalty; one optimizer for network and matrix; ratios are at most 0.99; and, as in
    ``forward``, the loss of trusted samples is not corrected.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier("volminnet", random_state=0).fit(X, y)
    >>> clf.method_.transition.shape
    torch.Size([3, 3])
    """

    uses_trusted = True
    warmup = 0.05
    _parameter_constraints = {
        "lam": [Interval(Real, 0, np.inf, closed="left")],
        "start": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
    }

    def __init__(self, lam: float = 0.05, start: float | str = "auto") -> None:
        self.lam = lam
        self.start = start

    def setup(self, net: NetworkView, y: Tensor) -> None:
        ratio = torch.nan if self.start == "auto" else float(self.start)
        ratios = torch.full((net.n_classes, net.n_classes), ratio, dtype=net.dtype)
        self.ratio_logits = nn.Parameter(torch.logit(ratios).to(y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.ratio_logits.isnan().any():
            transition = estimate_transition_matrix(evaluation)
            # With trusted samples another entry may be larger than the diagonal one.
            ratios = transition / transition.diagonal().clamp_min(_MARGIN).unsqueeze(-1)
            with torch.no_grad():
                self.ratio_logits.copy_(torch.logit(ratios, eps=_MARGIN))

    @property
    def transition(self) -> Tensor:
        """Transition matrix, of shape (n_classes, n_classes)."""
        ratios = _MAX_RATIO * torch.sigmoid(self.ratio_logits)
        # Made on the device: a copy in each step would have to be waited for.
        diagonal = torch.eye(len(ratios), dtype=ratios.dtype, device=ratios.device)
        rows = torch.lerp(ratios, diagonal, diagonal)
        return rows / rows.sum(dim=-1, keepdim=True)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        transition = self.transition
        volume = torch.linalg.slogdet(transition).logabsdet
        return forward_corrected_loss(logits, batch, transition) + self.lam * volume
