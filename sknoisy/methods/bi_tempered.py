"""Bi-tempered logistic loss: a bounded loss of a prediction with heavy tails."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import tempered_log, tempered_log_softmax
from sknoisy.methods._base import ClassLoss

__all__ = ["BiTempered"]


class BiTempered(ClassLoss):
    """Replace logarithm and softmax of cross-entropy by tempered ones.

    The tempered logarithm, whose temperature is below one, bounds the loss, so that samples far
    from the class of their label have little effect. The tempered softmax, whose temperature is
    above one, has heavy tails: a probability decreases like a power of the distance between logits,
    not exponentially, so that mislabelled samples near the boundary have less effect. Predictions
    are made with the usual softmax, which has the same order of classes.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    t1 : float, default=0.2
        Temperature of the logarithm, in [0, 1]. The loss is at most ``1 / (1 - t1)``.
    t2 : float or "auto", default="auto"
        Temperature of the softmax, at least 1. With ``t1=1`` and ``t2=1`` it is cross-entropy. The
        more classes, the more likely networks fail to learn them at a high temperature. "auto": 1.5
        up to ten classes, then ``1 + 0.5 * (10 / n_classes) ** 0.4``, which is 1.2 for a hundred.
        With few classes, 2 can be better, and 4, which the authors also use, is often too high.

    References
    ----------
    Amid et al., "Robust Bi-Tempered Logistic Loss Based on Bregman Divergences", NeurIPS 2019, Eq.
    4 and 8. The authors choose the temperatures by the noise, from (0.8, 1.2) for little of it to
    (0.2, 4). Departures: the normalisation is exact, while five steps of the authors' iteration
    leave errors of several percent with many classes; warm-up, a tenth of the epochs. Of a soft
    label, the loss differs from theirs by a constant. Left out: temperatures of the softmax below
    one, whose probabilities can be zero, and the probabilities of the tempered softmax as
    predictions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="bi_tempered", method__t2=2.0, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {
        "t1": [Interval(Real, 0, 1, closed="both")],
        "t2": [StrOptions({"auto"}), Interval(Real, 1, np.inf, closed="left")],
    }

    def __init__(self, t1: float = 0.2, t2: float | str = "auto") -> None:
        self.t1 = t1
        self.t2 = t2

    def _softmax_temperature(self, n_classes: int) -> Any:
        if isinstance(self.t2, str):
            return 1 + 0.5 * min(10 / n_classes, 1.0) ** 0.4
        return self.t2

    def class_losses(self, logits: Tensor) -> Tensor:
        log_p = tempered_log_softmax(logits, self._softmax_temperature(logits.shape[-1]))
        power = 2 - self.t1
        total = (power * log_p).exp().sum(dim=-1, keepdim=True)
        return (total - 1) / power - tempered_log(log_p, self.t1)
