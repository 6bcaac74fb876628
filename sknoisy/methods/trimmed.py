"""Trimmed loss: leave out the samples of a batch with the largest losses."""

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

__all__ = ["Trimmed"]


class Trimmed(Method):
    """Leave out the samples of each batch with the largest losses.

    Before memorisation, these are mostly mislabelled samples. It is the selection of
    ``co_teaching`` with a single network, which confirms its own errors more often. If the rate is
    too high, hard clean samples are left out.

    Cost: one network, one pass per step, one evaluation pass, nothing kept per sample. Needs: the
    noise rate, which the default estimates.

    Parameters
    ----------
    forget_rate : float or "auto", default="auto"
        Fraction of each batch left out after the ramp, in [0, 1). "auto": the fraction of training
        rows whose given label is not the most likely class at the end of warm-up, so it needs a
        warm-up. 0 is cross-entropy. The k largest losses of a batch are the fraction k divided by
        the batch size.
    ramp_epochs : int, default=10
        Number of epochs in which the fraction grows linearly to its final value.

    Attributes
    ----------
    forgotten : Tensor of shape ()
        The forget rate after the ramp; NaN before it is estimated.

    References
    ----------
    Xue et al., "Robust Learning at Noisy Labeled Medical Images: Applied to Skin Lesion
    Classification", ISBI 2019: online uncertainty sample mining. Departures: a fraction is left
    out instead of a number k, which other implementations set to 1; the fraction is estimated
    unless given, and grows in a ramp; warm-up ends by itself; the last selected sample
    may be selected in part, so that a sample of weight two counts as the sample given twice.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="trimmed", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

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
        return select_small_loss(losses, batch.weight, 1 - forget_rate)
