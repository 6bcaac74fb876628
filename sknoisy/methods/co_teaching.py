"""Co-teaching: two networks select samples for each other."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import cross_entropy, select_small_loss
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._forget_rate import estimate_forgotten, given_rate, ramped

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["CoTeaching"]


class CoTeaching(Method):
    """Train two networks, each on the small-loss samples of the other.

    Before memorisation, samples with small losses mostly have clean labels, and two networks with
    different initial weights filter out different errors. In the robustness benchmark, with the
    estimated noise rate, it is one of the best methods on average, and as good as cross-entropy on
    clean labels. If the rate is too high, hard clean samples are left out.

    Cost: two networks, one pass each per step, one evaluation pass, nothing kept per sample. Needs:
    the noise rate, which the default estimates.

    Parameters
    ----------
    forget_rate : float or "auto", default="auto"
        Fraction of each batch left out after the ramp, in [0, 1): the noise rate. "auto": the
        fraction of training rows whose given label is not the most likely class at the end of
        warm-up, so it needs a warm-up. 0 is cross-entropy on two networks.
    ramp_epochs : int, default=10
        Number of epochs in which the fraction grows linearly to its final value.

    Attributes
    ----------
    forgotten : Tensor of shape ()
        The forget rate after the ramp; NaN before it is estimated.

    References
    ----------
    Han et al., "Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels",
    NeurIPS 2018, Algorithm 1. Departures: the rate is estimated unless given; warm-up ends by
    itself, while the authors have only the ramp; the last selected sample may be selected in
    part, so that a sample of weight two counts as the sample given twice.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="co_teaching", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    n_networks = 2
    warmup = "auto"
    _parameter_constraints = {
        "forget_rate": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, forget_rate: float | str = "auto", ramp_epochs: int = 10) -> None:
        self.forget_rate = forget_rate
        self.ramp_epochs = ramp_epochs

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("forgotten", given_rate(self.forget_rate, net))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        estimate_forgotten(self, evaluation)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        forget_rate = ramped(self.forgotten, batch.epoch, self.ramp_epochs)
        return select_small_loss(losses, batch.weight, 1 - forget_rate).flip(0)
