"""Generalised Jensen-Shannon loss: a robust loss and the consistency of two views."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval

from sknoisy.functional import (
    class_jensen_shannon,
    expected_loss,
    jensen_shannon_divergence,
    log_softmax,
)
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._batch import TrainingStep

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["GJS"]


class GJS(Method):
    """Minimise the Jensen-Shannon divergence of the given label and two predictions.

    The predictions are those for the sample and for a random view of it. The loss is that of
    ``js`` for their mean, plus their divergence from each other, which does not depend on the
    label: mislabelled samples are hard to fit consistently, so they are memorised later. For the
    views see ``augment``.

    Cost: one network, two passes per step, nothing kept per sample. Needs: views that keep the
    class.

    Parameters
    ----------
    label_weight : float, default=0.9
        Weight of the label in the mixture, in (0, 1); the two predictions share the rest equally.
        With views that are equal to the samples it is ``js``, and in the limit 0 cross-entropy.

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon Divergence Loss for Learning with Noisy
    Labels", NeurIPS 2021, Eq. 6 and Proposition 1, with three distributions. The authors choose the
    weight by the noise, 0.1 to 0.9 on CIFAR-10. The loss of a soft label is the mean of the losses
    of its classes. Departures: the first view is the sample itself, because random views of a table
    can change the class; warm-up, a tenth of the epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="gjs", method__label_weight=0.5, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    makes_views = True
    _parameter_constraints = {"label_weight": [Interval(Real, 0, 1, closed="neither")]}

    def __init__(self, label_weight: float = 0.9) -> None:
        self.label_weight = label_weight

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        logits = net.infer(torch.cat([batch.x, net.augment(batch.x)]))
        log_p, log_q = log_softmax(logits).chunk(2)
        log_mean = torch.logaddexp(log_p, log_q) - math.log(2)
        supervised = expected_loss(class_jensen_shannon(log_mean, self.label_weight), batch.target)
        scale = -1 / math.log1p(-self.label_weight)
        losses = supervised + scale * jensen_shannon_divergence(log_p, log_q)
        return TrainingStep(losses, batch.weight, logits.chunk(2)[0], batch)
