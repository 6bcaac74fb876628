"""PENCIL: soft labels of the training samples, learned together with the network."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import expected_loss, log_softmax
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["PENCIL"]

_INITIAL_LOGIT = 10.0
_PAPER_BATCH_SIZE = 128
# A gradient of the labels is divided by the number of classes.
_LR_PER_CLASS = 20.0


class PENCIL(Method):
    """Learn the labels of the training samples, as probabilities, together with the network.

    The label of each sample is the softmax of free logits, which start at the given label. Gradient
    steps move it to the prediction, held back by the given label. At the same time the network is
    trained to match it. After some epochs the labels are kept fixed.

    Cost: one network, one pass per step, ``n_classes`` numbers per sample. Needs: nothing.

    Parameters
    ----------
    label_lr : float or "auto", default="auto"
        Learning rate of the logits of the labels, at least 0. "auto": 20 times the number of
        classes. The authors set 600 for CIFAR-10. With 0 and ``entropy=1`` the loss is ``10 *
        (1 - p) / n_classes`` and a constant, for a label predicted with probability p: as ``mae``.
    compatibility : float or "auto", default="auto"
        Weight of the cross-entropy that holds the learned label back, at least 0. The two forces
        are in balance at the mean of the prediction and of the given label, in which this has the
        weight ``compatibility * n_classes``. "auto": half of a prediction, ``0.5 / n_classes``. If
        it is above ``1 / n_classes``, as the authors' 0.4 for CIFAR-10, the given label remains the
        most likely class.
    entropy : float, default=0.1
        Weight of the entropy of the predictions, at least 0.
    label_epochs : int, default=40
        Number of epochs after warm-up in which labels are learned. The authors learn them in 130 of
        320 epochs, after a warm-up of 70.

    Attributes
    ----------
    label_logits : Tensor of shape (n_samples, n_classes)
        Logits of the learned labels; row ``i`` belongs to row ``i`` of X.

    References
    ----------
    Yi and Wu, "Probabilistic End-to-end Noise Correction for Learning with Noisy Labels", CVPR
    2019, Eq. 3 to 9. The learning rate is for the paper's batches of 128: steps of the labels do
    not depend on the batch size or on sample weights. Departures: the cross-entropy of given and
    learned label is that of the paper, while the authors' code applies a softmax to probabilities,
    which makes it weak, so ``compatibility`` is smaller here; warm-up ends by itself; the
    learning rate of the network is not lowered at the end.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="pencil", random_state=0).fit(X, y)
    >>> clf.method_.label_logits.shape
    torch.Size([150, 3])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "label_lr": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "compatibility": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "entropy": [Interval(Real, 0, np.inf, closed="left")],
        "label_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        label_lr: float | str = "auto",
        compatibility: float | str = "auto",
        entropy: float = 0.1,
        label_epochs: int = 40,
    ) -> None:
        self.label_lr = label_lr
        self.compatibility = compatibility
        self.entropy = entropy
        self.label_epochs = label_epochs

    def setup(self, net: NetworkView, y: Tensor) -> None:
        label_logits = _INITIAL_LOGIT * net.labels()
        self.register_buffer("label_logits", label_logits)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        index, n_classes = batch.index, logits.shape[-1]
        # Only batches have smoothed labels, so the first logits come from them.
        label_logits = (
            self.label_logits.index_select(0, index)
            if batch.epoch
            else _INITIAL_LOGIT * batch.target
        )
        log_label, log_p = log_softmax(label_logits), log_softmax(logits)
        p = log_p.exp()
        losses = expected_loss(log_p - log_label, p)
        if batch.epoch < self.label_epochs:
            losses = losses - self.entropy * expected_loss(log_p, p)
            gradient = self._label_gradient(log_label.exp(), p.detach(), batch.target)
            step = self._lr(n_classes) / _PAPER_BATCH_SIZE
            label_logits = label_logits - step * gradient
        self.label_logits.index_copy_(0, index, label_logits)
        return losses / n_classes

    def _lr(self, n_classes: int) -> float:
        return _LR_PER_CLASS * n_classes if self.label_lr == "auto" else float(self.label_lr)

    def _label_gradient(self, label: Tensor, p: Tensor, given: Tensor) -> Tensor:
        """Compute the gradient of both losses of a learned label by its logits."""
        n_classes = p.shape[-1]
        weight = 0.5 / n_classes if self.compatibility == "auto" else float(self.compatibility)
        return (label - p) / n_classes + weight * (label - given)
