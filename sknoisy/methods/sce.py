"""Symmetric cross-entropy: cross-entropy in both directions."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import log_softmax
from sknoisy.methods._base import ClassLoss

__all__ = ["SCE"]


class SCE(ClassLoss):
    """Add cross-entropy and reverse cross-entropy.

    Cross-entropy learns fast and memorises noisy labels. Reverse cross-entropy, in which label and
    prediction change roles, is proportional to ``mae``: robust, but slow. With many classes the two
    weights need tuning. In the robustness benchmark, with at most ten classes, the sum is better
    than cross-entropy with every kind of noise, and behind ``mae``.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=0.1
        Weight of cross-entropy, at least 0. The authors set 6 for a hundred classes.
    beta : float, default=1.0
        Weight of reverse cross-entropy, at least 0. The authors set 0.1 for a hundred classes. With
        ``alpha=1`` and ``beta=0`` it is cross-entropy.
    log_zero : float, default=log(1e-4)
        Negative number that replaces the logarithm of zero in one-hot labels.

    References
    ----------
    Wang et al., "Symmetric Cross Entropy for Robust Learning with Noisy Labels", ICCV 2019. With
    ``log_zero`` A, reverse cross-entropy of a label predicted with probability p is ``-A * (1 -
    p)``. The paper uses A = -4; the authors' code clips labels at 1e-4, whose natural logarithm is
    -9.21, and the weights above belong to this value. The loss of a soft label is the mean of the
    losses of its classes. Left out: clipping of the gradient norm.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="sce", method__alpha=0.5, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "beta": [Interval(Real, 0, np.inf, closed="left")],
        "log_zero": [Interval(Real, -np.inf, 0, closed="neither")],
    }

    def __init__(
        self, alpha: float = 0.1, beta: float = 1.0, log_zero: float = math.log(1e-4)
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.log_zero = log_zero

    def class_losses(self, logits: Tensor) -> Tensor:
        log_p = log_softmax(logits)
        return -self.alpha * log_p - self.beta * self.log_zero * (1.0 - log_p.exp())
