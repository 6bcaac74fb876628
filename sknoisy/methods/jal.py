"""Joint asymmetric loss: normalised cross-entropy and an asymmetric squared error."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_cross_entropy, normalize_class_losses
from sknoisy.methods._base import ClassLoss

__all__ = ["JAL"]


class JAL(ClassLoss):
    """Add normalised cross-entropy and an asymmetric mean squared error.

    Normalised cross-entropy, as in ``nce_rce``, raises the probability of the label. The squared
    error is the distance of the prediction from the one-hot label times a scale: with a large
    scale, almost the mean absolute error, and a weak push away from confident predictions. It
    tolerates noise if the true class is the most frequent label, also if the noise is not
    symmetric. Warm-up lets small classes be learned before the loss leaves them out.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=1.0
        Weight of normalised cross-entropy, at least 0. The authors set 5 for a hundred classes.
    beta : float, default=1.0
        Weight of the squared error, at least 0.
    scale : float, default=30.0
        Factor of the one-hot label in the squared error, at least 1; 1 is the mean squared error.
        The more noise, the larger it must be. The authors set 20 for a hundred classes.

    References
    ----------
    Wang et al., "Joint Asymmetric Loss for Learning with Noisy Labels", ICCV 2025: the loss of
    normalised cross-entropy and the asymmetric mean squared error. The loss of a soft label is the
    mean of the losses of its classes. Departure: warm-up, a tenth of the epochs. Left out: the L1
    norm of the weights, and clipping of the gradient norm.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="jal", method__scale=10, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "beta": [Interval(Real, 0, np.inf, closed="left")],
        "scale": [Interval(Real, 1, np.inf, closed="left")],
    }

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, scale: float = 30.0) -> None:
        self.alpha = alpha
        self.beta = beta
        self.scale = scale

    def class_losses(self, logits: Tensor) -> Tensor:
        losses = class_cross_entropy(logits)
        p = (-losses).exp()
        # The squared distance from a scaled one-hot vector, for each class as the label.
        squared = self.scale * (self.scale - 2 * p) + (p * p).sum(dim=-1, keepdim=True)
        passive = squared / logits.shape[-1]
        return self.alpha * normalize_class_losses(losses) + self.beta * passive
