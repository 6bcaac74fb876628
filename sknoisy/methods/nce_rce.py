"""Normalised and reverse cross-entropy: the sum of an active and a passive robust loss."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_cross_entropy, normalize_class_losses
from sknoisy.methods._base import ClassLoss

__all__ = ["NCERCE"]


class NCERCE(ClassLoss):
    """Add normalised and reverse cross-entropy, which are both robust to symmetric noise.

    Normalised cross-entropy divides the cross-entropy of a label by its sum over all labels; it
    raises the probability of the label (active loss). Reverse cross-entropy, as in ``sce``, also
    lowers the probabilities of the other classes (passive loss). Each of the two losses underfits;
    their sum underfits less. As it still learns slowly, above all with many classes, warm-up lets
    all classes be learned first. In the robustness benchmark it is the best method with a single
    network on average.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=1.0
        Weight of normalised cross-entropy, at least 0. The authors set 10 for a hundred classes,
        without warm-up.
    beta : float, default=1.0
        Weight of reverse cross-entropy, at least 0. The authors set 0.1 for a hundred classes.

    References
    ----------
    Ma et al., "Normalized Loss Functions for Deep Learning with Noisy Labels", ICML 2020,
    Section 3: the active passive loss NCE + RCE. The logarithm of zero in one-hot labels is
    replaced by log(1e-4) = -9.21, as in the authors' code. The loss of a soft label is the mean
    of the losses of its classes. Departure: warm-up, a tenth of the epochs. Left out: clipping of
    the gradient norm.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="nce_rce", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "beta": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(self, alpha: float = 1.0, beta: float = 1.0) -> None:
        self.alpha = alpha
        self.beta = beta

    def class_losses(self, logits: Tensor) -> Tensor:
        losses = class_cross_entropy(logits)
        reverse = -math.log(1e-4) * (1.0 - (-losses).exp())
        return self.alpha * normalize_class_losses(losses) + self.beta * reverse
