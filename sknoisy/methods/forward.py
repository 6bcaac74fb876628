"""Forward correction: correct predictions with a transition matrix before the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils._param_validation import StrOptions
from torch import Tensor

from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._transition import (
    ESTIMATES,
    as_transition,
    estimate_transition_matrix,
    forward_corrected_loss,
)

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["ForwardCorrection"]


class ForwardCorrection(Method):
    """Correct the loss with a transition matrix, applied to the predictions.

    The network predicts probabilities of the true classes. The transition matrix converts them to
    probabilities of the given labels, on which the loss is computed. It assumes class-conditional
    noise: the noisy label depends only on the true class, not on the sample. It is designed for
    noise between specific classes, and works best with trusted samples. In the robustness
    benchmark, with an estimated matrix and no trusted samples, it is ten points better than
    cross-entropy with pair noise, and behind ``bagging``.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs: the
    matrix, which the default estimates.

    Parameters
    ----------
    transition_matrix : array-like of shape (n_classes, n_classes), "auto", "dual_t" or "hoc", \
default="auto"
        Entry (i, j): the probability of given label j for true class i, in the order of
        ``classes_``. Otherwise it is estimated once, at the end of warm-up. "auto": from trusted
        samples if there are any, else from confident predictions of a linear model on the features.
        "dual_t": from the predictions of the network, by :func:`~sknoisy.transition.dual_t`; after
        a short warm-up, noise rates are overestimated. "hoc": from the labels of neighbours in the
        features, by :func:`~sknoisy.transition.hoc`, which needs many more samples than the cube of
        the number of classes; its time grows with the fourth power. Both ignore sample weights, and
        leave trusted samples out. See
        :func:`~sknoisy.methods._transition.estimate_transition_matrix`. With the identity matrix it
        is cross-entropy, except that labels whose probability rounds to zero have no gradient.

    Attributes
    ----------
    transition : Tensor of shape (n_classes, n_classes)
        The transition matrix; NaN before it is estimated.

    Raises
    ------
    ValueError
        In ``fit``, before the first epoch, if the transition matrix has another shape or a row that
        is not a distribution.

    References
    ----------
    Patrini et al., "Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach",
    CVPR 2017, Theorem 2. Departures: the matrix is estimated from all samples, not from one anchor
    point of each class, and early in the same training, before labels are memorised; warm-up is a
    twentieth of the epochs, also if the matrix is given. Hendrycks et al., "Using Trusted Data to
    Train Deep Networks on Labels Corrupted by Severe Noise", NeurIPS 2018, Algorithm 1: the loss of
    trusted samples is not corrected. Departures: trusted samples only represent the classes, and
    the labels of the other samples are counted; trusted samples are also used in warm-up. Yao et
    al., "Dual T: Reducing Estimation Error for Transition Matrix in Label-noise Learning", NeurIPS
    2020; Zhu et al., "Clusterability as an Alternative to Anchor Points When Learning with Noisy
    Labels", ICML 2021 ("hoc"). Departures: both estimate from the network at the end of warm-up,
    not after a separate training of 20 epochs, or on features of a pretrained network.

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
    _parameter_constraints = {"transition_matrix": [StrOptions(set(ESTIMATES)), "array-like"]}

    def __init__(self, transition_matrix: Any = "auto") -> None:
        self.transition_matrix = transition_matrix

    def setup(self, net: NetworkView, y: Tensor) -> None:
        k = net.n_classes
        if isinstance(self.transition_matrix, str):
            transition = torch.full((k, k), torch.nan)
        else:
            transition = as_transition(self.transition_matrix, k, ESTIMATES)
        self.register_buffer("transition", transition.to(net.dtype).to(y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.transition.isnan().any():
            self.transition.copy_(estimate_transition_matrix(evaluation, self.transition_matrix))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return forward_corrected_loss(logits, batch, self.transition)
