"""CORES²: a regulariser for confident predictions, and a sieve of labels that contradict them."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import bound_logits, class_frequencies, cross_entropy, expected_loss
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["CORES2"]


class CORES2(Method):
    """Subtract the expected loss of a random label, and optionally leave out unlikely labels.

    The regulariser makes predictions confident: it subtracts the expected cross-entropy of a label
    drawn from the frequencies of the given labels. Later in training, a sieve can leave out samples
    whose label has a smaller logit than the average class. The noise need not be known, and may
    depend on the sample. As the loss has no lower bound, logits are bounded in training. The rarer
    a class, the more the regulariser favours it, so with unequal classes ``beta`` must be smaller.

    Cost: one network, one pass per step, with the sieve an evaluation pass per epoch, one number
    per sample. Needs: nothing.

    Parameters
    ----------
    beta : float or "auto", default="auto"
        Weight of the regulariser after the ramp, at least 0. "auto": 2, as in the paper, times the
        square of the mean frequency of a class divided by the largest. With 0 and no bound it is
        cross-entropy.
    ramp_epochs : int, default=30
        Number of epochs in which the weight grows linearly to its final value.
    sieve_epoch : int or None, default=None
        Number of epochs after warm-up before samples are left out; None: never. The authors' sieve
        begins at epoch 30 of 100, 20 after their warm-up. With bounded logits little is
        memorised that a sieve could remove, and where two classes overlap it confirms errors.
    bound : float or None, default=5.0
        Bound on the norm of the logits in the loss, but not in predictions; see
        :func:`~sknoisy.functional.bound_logits`. None: unbounded, as in the paper.

    Attributes
    ----------
    weight : Tensor of shape ()
        The weight of the regulariser after the ramp; NaN before it is derived from the frequencies.
    frequencies : Tensor of shape (n_classes,)
        Frequencies of the labels of the samples that the sieve keeps.
    kept : Tensor of shape (n_samples,)
        1 for samples that the sieve keeps, 0 for others; entry ``i`` belongs to row ``i`` of X.

    References
    ----------
    Cheng et al., "Learning with Instance-Dependent Label Noise: A Sample Sieve Approach", ICLR
    2021, Eq. 2 to 4. The authors set ``beta=2``; their weight is 0 for 10 epochs, and grows for 30.
    Departures: warm-up, which ends by itself; the bound of the logits; the defaults of ``beta`` and
    ``sieve_epoch``; the sieve is decided once before each epoch, not in each batch; the learning
    rate is not divided by ``1 + beta``. Left out: the second training with consistency of augmented
    samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="cores2", random_state=0).fit(X, y)
    >>> clf.method_.kept.shape
    torch.Size([150])
    """

    warmup = "auto"
    per_sample = True
    _parameter_constraints = {
        "beta": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "sieve_epoch": [Interval(Integral, 0, None, closed="left"), None],
        "bound": [Interval(Real, 0, np.inf, closed="neither"), None],
    }

    def __init__(
        self,
        beta: float | str = "auto",
        ramp_epochs: int = 30,
        sieve_epoch: int | None = None,
        bound: float | None = 5.0,
    ) -> None:
        self.beta = beta
        self.ramp_epochs = ramp_epochs
        self.sieve_epoch = sieve_epoch
        self.bound = bound

    def setup(self, net: NetworkView, y: Tensor) -> None:
        like: dict[str, Any] = {"dtype": net.dtype, "device": y.device}
        self.register_buffer("kept", torch.ones(len(y), **like))
        self.register_buffer("frequencies", torch.full((net.n_classes,), torch.nan, **like))
        weight = float("nan") if self.beta == "auto" else float(self.beta)
        self.register_buffer("weight", torch.tensor(weight, **like))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        index, target = evaluation.index, evaluation.target
        if self.sieve_epoch is not None and evaluation.epoch >= self.sieve_epoch:
            # Cheng et al. 2021, Eq. 4: the regulariser is on both sides of the inequality.
            average = evaluation.logits.mean(dim=-1)
            kept = expected_loss(evaluation.logits, target) >= average
            self.kept[index] = (kept | ~kept.any()).to(self.kept)
        self.frequencies.copy_(class_frequencies(target, evaluation.weight * self.kept[index]))
        if self.weight.isnan():
            self.weight.copy_(2 * (self.frequencies.mean() / self.frequencies.amax()) ** 2)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        ramp = min(batch.epoch / self.ramp_epochs, 1.0)
        return batch.replace(target=batch.target - ramp * self.weight * self.frequencies)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        z = logits if self.bound is None else bound_logits(logits, self.bound)
        return cross_entropy(z, batch.target)

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor:
        return self.kept.index_select(0, batch.index)
