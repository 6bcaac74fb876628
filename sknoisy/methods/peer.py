"""Peer loss: subtract the loss of random pairs of samples and labels."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import bound_logits, class_frequencies, cross_entropy
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["PeerLoss"]


class PeerLoss(Method):
    """Subtract the cross-entropy of samples with labels of other, random samples.

    A network that only repeats the frequencies of the given labels, which is how it fits noise, has
    a peer loss of zero or more. With symmetric noise and equally frequent classes, the expected
    loss has the same minimum as on clean labels, without knowledge of the noise rate. It is then
    negative label smoothing at the rate ``-alpha / (1 - alpha)``, times ``1 - alpha``. As the loss
    has no lower bound, logits are bounded in training. The rarer a class, the more the loss favours
    it, so with unequal classes ``alpha`` must be smaller.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    alpha : float or "auto", default="auto"
        Weight of the peer term, at least 0. "auto": the mean frequency of a class divided by the
        largest, so 1, as in the paper, if classes are equally frequent. With 0 and no bound it is
        cross-entropy.
    bound : float or None, default=5.0
        Bound on the norm of the logits in the loss, but not in predictions; see
        :func:`~sknoisy.functional.bound_logits`. None: unbounded, as in the paper.

    Attributes
    ----------
    peer_weight : Tensor of shape ()
        The weight of the peer term; NaN before it is derived from the frequencies of the classes.

    References
    ----------
    Liu and Guo, "Peer Loss Functions: Learning from Noisy Labels without Knowing Noise Rates", ICML
    2020, Eq. 3 and 6. The relation to label smoothing: Wei et al., "To Smooth or Not? When Label
    Smoothing Meets Noisy Labels", ICML 2022. Departures: the peer term is the mean over all pairs
    of a sample and a label of the batch, while the authors draw one pair for each sample; the bound
    of the logits; warm-up, which ends by itself; the default of ``alpha``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="peer", method__alpha=0.5, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    warmup = "auto"
    _parameter_constraints = {
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "bound": [Interval(Real, 0, np.inf, closed="neither"), None],
    }

    def __init__(self, alpha: float | str = "auto", bound: float | None = 5.0) -> None:
        self.alpha = alpha
        self.bound = bound

    def setup(self, net: NetworkView, y: Tensor) -> None:
        weight = float("nan") if self.alpha == "auto" else float(self.alpha)
        self.register_buffer("peer_weight", torch.tensor(weight, dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        if self.peer_weight.isnan():
            frequencies = class_frequencies(evaluation.target, evaluation.weight)
            self.peer_weight.copy_(frequencies.mean() / frequencies.amax())

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        frequencies = class_frequencies(batch.target, batch.weight)
        return batch.replace(target=batch.target - self.peer_weight * frequencies)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        z = logits if self.bound is None else bound_logits(logits, self.bound)
        return cross_entropy(z, batch.target)
