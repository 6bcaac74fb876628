"""JoCoR: two networks that must agree, trained on samples with a small joint loss."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import expected_loss, log_softmax, select_small_loss
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._forget_rate import estimate_forgotten, given_rate, ramped

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["JoCoR"]


class JoCoR(Method):
    """Train two networks to agree, on the samples with the smallest joint loss.

    Two networks with different initial weights agree on the class of most clean samples, and seldom
    on a noisy label. So the divergence between them is part of the loss: it keeps both from
    memorising, and a sample on which they disagree is left out. In contrast to ``co_teaching``,
    both networks are trained on the same samples.

    Cost: two networks, one pass each per step, one evaluation pass, nothing kept per sample. Needs:
    the noise rate, which the default estimates.

    Parameters
    ----------
    agreement : float, default=0.5
        Weight of the divergence, in [0, 1); the two cross-entropies have the rest. The authors set
        0.1 by default, 0.65 or 0.9 for CIFAR-10 and 0.85 for CIFAR-100.
    forget_rate : float or "auto", default="auto"
        Fraction of each batch left out after the ramp, in [0, 1): the noise rate. "auto": the
        fraction of training rows whose given label is not the most likely class at the end of
        warm-up, so it needs a warm-up; it is too high if clean samples are learned only later. The
        authors set the noise rate, and half of it for asymmetric noise. With ``agreement=0``, 0 is
        cross-entropy on two networks.
    ramp_epochs : int, default=10
        Number of epochs in which the fraction grows linearly to its final value.

    Attributes
    ----------
    forgotten : Tensor of shape ()
        The forget rate after the ramp; NaN before it is estimated.

    References
    ----------
    Wei et al., "Combating Noisy Labels by Agreement: A Joint Training Method with Co-
    Regularization", CVPR 2020, Eq. 1 to 5 and Algorithm 1: the loss is ``1 - agreement`` times the
    sum of both cross-entropies, plus ``agreement`` times the Kullback-Leibler divergences in both
    directions. As in the authors' code, both networks get gradients from both divergences.
    Departures: the rate is estimated unless given; warm-up ends by itself, while the authors have
    only the ramp; probabilities of both networks are averaged to predict; the last selected sample
    may be selected in part, so that a sample of weight two counts as the sample given twice.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="jocor", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    n_networks = 2
    warmup = "auto"
    _parameter_constraints = {
        "agreement": [Interval(Real, 0, 1, closed="left")],
        "forget_rate": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, agreement: float = 0.5, forget_rate: float | str = "auto", ramp_epochs: int = 10
    ) -> None:
        self.agreement = agreement
        self.forget_rate = forget_rate
        self.ramp_epochs = ramp_epochs

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("forgotten", given_rate(self.forget_rate, net))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        estimate_forgotten(self, evaluation)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = log_softmax(logits)
        cross_entropies = -expected_loss(log_p, batch.target).sum(dim=0)
        if self.agreement == 0:
            return cross_entropies
        p = log_p.exp()
        divergence = expected_loss(log_p[0] - log_p[1], p[0] - p[1])
        return torch.lerp(cross_entropies, divergence, self.agreement)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        forget_rate = ramped(self.forgotten, batch.epoch, self.ramp_epochs)
        return select_small_loss(losses, batch.weight, 1 - forget_rate)
