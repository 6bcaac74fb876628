"""Active negative loss: normalised cross-entropy and a normalised loss of the other classes."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_cross_entropy, normalize_class_losses
from sknoisy.methods._base import ClassLoss

__all__ = ["ANL"]

# The cross-entropy of the smallest probability that the authors tell apart.
_LARGEST = -math.log(1e-7)


class ANL(ClassLoss):
    """Add normalised cross-entropy and normalised negative cross-entropy.

    Both losses are robust to symmetric noise. The first, as in ``nce_rce``, raises the probability
    of the label. The second lowers the probabilities of the other classes; unlike ``mae``, which is
    the second loss of other sums, its gradient is larger for samples that are already fitted.
    Warm-up lets small classes be learned before the loss leaves them out.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float, default=5.0
        Weight of normalised cross-entropy, at least 0. The authors set 10 for a hundred classes.
    beta : float, default=5.0
        Weight of normalised negative cross-entropy, at least 0. The authors set 1 for a hundred
        classes.

    References
    ----------
    Ye et al., "Active Negative Loss Functions for Learning with Noisy Labels", NeurIPS 2023: the
    loss of normalised and normalised negative cross-entropy. The loss of a soft label is the mean
    of the losses of its classes. Departures: warm-up, a tenth of the epochs; probabilities below
    1e-7 count as 1e-7 in both parts, while the authors limit the second only. Left out: the L1 norm
    of the weights, and clipping of the gradient norm.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="anl", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "beta": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(self, alpha: float = 5.0, beta: float = 5.0) -> None:
        self.alpha = alpha
        self.beta = beta

    def class_losses(self, logits: Tensor) -> Tensor:
        losses = class_cross_entropy(logits).clamp_max(_LARGEST)
        negative = 1 - normalize_class_losses(_LARGEST - losses)
        return self.alpha * normalize_class_losses(losses) + self.beta * negative
