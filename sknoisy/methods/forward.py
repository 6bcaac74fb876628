"""Forward correction: predict the labels as they were given, noise and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from sknoisy.functional import expected_loss
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import as_transition, estimate_transition_matrix

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["ForwardCorrection"]


class ForwardCorrection(Method):
    """Pass predictions through the noise before they are compared with the given labels.

    The network predicts right labels, a transition matrix makes predictions of the given labels
    from them, and wrong labels that the matrix explains need not be learned. The choice where some
    classes are confused more than others, best with rows that are ``trusted``; blind to noise that
    depends on the sample.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs: the
    matrix, which the default estimates.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes) or "auto", default="auto"
        Row i holds the probabilities of the given labels where label i is true, in the order of
        ``classes_``. "auto": estimated when warm-up ends, once, from trusted rows if there are any;
        see :func:`~sknoisy.methods._transition.estimate_transition_matrix`. The identity is
        cross-entropy, but for labels whose probability rounds to zero: they have no gradient.

    Attributes
    ----------
    transition : Tensor of shape (n_classes, n_classes)
        The matrix in use; NaN before it is known.

    Raises
    ------
    ValueError
        In ``fit``, if the matrix has another shape or a row that is no distribution.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach",
    CVPR 2017, Theorem 2. Departures: the matrix is estimated from all samples, not from one perfect
    example of each class, and early in the same training, before labels are learned by heart; a
    twentieth of the epochs is on cross-entropy first, also where the matrix is given, unless the
    estimator's ``warmup`` says otherwise.
    Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels Corrupted by Severe
    Noise", NeurIPS 2018, Algorithm 1: trusted rows are learned without correction. Departures:
    they only tell the classes apart, and the labels of the others are counted; they are part of
    warm-up.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> T = [[0.8, 0.2, 0.0], [0.0, 0.8, 0.2], [0.0, 0.0, 1.0]]
    >>> clf = NoisyLabelClassifier("forward", method__transition_matrix=T, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    uses_trusted = True
    warmup = 0.05
    _parameter_constraints = {"transition_matrix": [StrOptions({"auto"}), "array-like"]}

    def __init__(self, transition_matrix: Any = "auto") -> None:
        self.transition_matrix = transition_matrix

    def setup(self, net: NetworkView, y: Tensor) -> None:
        k = net.n_classes
        known = not isinstance(self.transition_matrix, str)
        given = as_transition(self.transition_matrix, k) if known else torch.full((k, k), torch.nan)
        self.register_buffer("transition", given.to(net.dtype).to(y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.transition.isnan().any():
            self.transition.copy_(estimate_transition_matrix(evaluation))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        p = torch.softmax(logits, dim=-1)
        given = p @ self.transition
        if batch.trusted is not None:
            given = torch.where(batch.trusted.unsqueeze(-1), p, given)
        # A label that the matrix and the prediction both rule out would cost infinity.
        return -expected_loss(given.clamp_min(torch.finfo(p.dtype).tiny).log(), batch.target)
