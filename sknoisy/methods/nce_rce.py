"""Normalised and reverse cross-entropy: one robust loss that pulls up, one that pushes down."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_cross_entropy
from sknoisy.methods._base import ClassLoss

__all__ = ["NCERCE"]


class NCERCE(ClassLoss):
    """Join two losses that symmetric noise cannot mislead and that fit in different ways.

    Normalised cross-entropy is a label's cross-entropy over that of all labels, and raises the
    probability of the label (active); reverse cross-entropy, as in ``sce``, lowers those of the
    others (passive). A robust loss alone is slow to fit; one of each kind is less so. For heavy
    noise.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=1.0
        Weight of normalised cross-entropy, at least 0. The authors took 10 for a hundred classes.
    beta : float, default=1.0
        Weight of reverse cross-entropy, at least 0; 0.1 for a hundred classes.

    References
    ----------
    Ma et al., "Normalized Loss Functions for Deep Learning with Noisy Labels", ICML 2020,
    Section 3: the active passive loss NCE + RCE. The logarithm of zero in the labels is that of
    1e-4, -9.21, as in the authors' code. A soft label costs the mean of what its classes would
    cost. The authors clip the gradient's norm, which is not done here.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="nce_rce", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "beta": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(self, alpha: float = 1.0, beta: float = 1.0) -> None:
        self.alpha = alpha
        self.beta = beta

    def class_losses(self, logits: Tensor) -> Tensor:
        losses = class_cross_entropy(logits)
        normalised = losses / losses.sum(dim=-1, keepdim=True)
        reverse = -math.log(1e-4) * (1.0 - (-losses).exp())
        return self.alpha * normalised + self.beta * reverse
