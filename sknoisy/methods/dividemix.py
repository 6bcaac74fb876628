"""DivideMix: two networks tell each other which labels to believe, and guess the others."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import (
    draw_mixture,
    expected_loss,
    gmm_clean_probability,
    log_softmax,
    normalize_weights,
)
from sknoisy.methods._base import Method, NetworkView, TrainingStep

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["DivideMix"]

_STRENGTH_PER_CLASS = 2.5


class DivideMix(Method):
    """Treat samples whose labels look wrong as unlabelled, and learn from them half-supervised.

    Before each epoch, two normal distributions are fitted to the losses of each network, and the
    *other* network takes the samples of the lower one as labelled. Their labels are refined by the
    predictions on two random views, those of all others are replaced by what both networks guess,
    and mixtures of both kinds are trained on. The choice for heavy noise where time is no matter.

    Cost: two networks, four passes each per step and one over the training set per epoch, two
    numbers per sample. Needs: views that keep the class (``augment``), samples that may be mixed
    entry by entry, and classes of about one size.

    Parameters
    ----------
    threshold : float, default=0.5
        Probability of a right label above which a sample is labelled, in [0, 1].
    temperature : float, default=0.5
        Sharpens refined and guessed targets the more the nearer to 0; 1 leaves them.
    alpha : float, default=4.0
        The shares of a mixture are drawn from Beta(alpha, alpha), once for a batch.
    lambda_u : float or "auto", default="auto"
        Strength of the loss on unlabelled samples. "auto": 2.5 times the number of classes times
        the share of samples judged unlabelled, anew in each epoch. The authors choose it by dataset
        and noise rate: 0, 25, 25, 50 for 20, 50, 80, 90 % on ten classes, and 25, 150, 150, 150 on
        a hundred.
    ramp_epochs : int, default=16
        Epochs after warm-up over which that strength grows linearly from 0.
    balance : float, default=1.0
        Strength of the penalty that draws the mean prediction of a batch to all classes alike: it
        keeps classes from being lost, and gives a rare class too much.

    Attributes
    ----------
    clean : Tensor of shape (2, n_samples)
        Probability that each label is right, as the *other* network sees it; entry ``i`` of the
        second axis belongs to row ``i`` of X.
    strength : Tensor of shape ()
        The strength in use, before the ramp.

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Algorithm 1 and Eq. 3 to 12. Departures: each batch is divided, where the authors draw labelled
    and unlabelled batches from two loaders; each loss is a mean over its kind, and the squared
    error one over classes too, as in the authors' code. The networks share views, partners and
    shares of the mixtures, and differ in targets, which come from evaluation mode. Where samples
    have weights, partners are drawn in proportion to them. Targets below 0, of negative smoothing,
    are cut off, and sharpening takes most of any smoothing back. Predictions are means of
    probabilities, not of logits. The mixture of losses is fitted until it settles, where the
    authors stop after 10 iterations, on a histogram where samples are many, and the probability of
    a right label never rises with the loss. Warm-up is a tenth of the epochs; the authors' is 10 or
    30 of 300. Left out: the penalty in warm-up for asymmetric noise, and losses averaged over
    epochs, which the authors use at 90 %, with a higher threshold.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="dividemix", max_epochs=50, random_state=0).fit(X, y)
    >>> clf.method_.clean.shape
    torch.Size([2, 150])
    """

    n_networks = 2
    warmup = 0.1
    per_sample = True
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "temperature": [Interval(Real, 0, np.inf, closed="neither")],
        "alpha": [Interval(Real, 0, np.inf, closed="neither")],
        "lambda_u": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "balance": [Interval(Real, 0, np.inf, closed="left")],
    }

    def __init__(
        self,
        threshold: float = 0.5,
        temperature: float = 0.5,
        alpha: float = 4.0,
        lambda_u: float | str = "auto",
        ramp_epochs: int = 16,
        balance: float = 1.0,
    ) -> None:
        self.threshold = threshold
        self.temperature = temperature
        self.alpha = alpha
        self.lambda_u = lambda_u
        self.ramp_epochs = ramp_epochs
        self.balance = balance

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("clean", torch.ones(2, len(y), dtype=net.dtype, device=y.device))
        given = 0.0 if self.lambda_u == "auto" else float(self.lambda_u)
        self.register_buffer("strength", torch.tensor(given, dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        clean = gmm_clean_probability(evaluation.losses, evaluation.weight).flip(0)
        self.clean[:, evaluation.index] = clean
        if self.lambda_u == "auto":
            doubted = (clean <= self.threshold).to(evaluation.weight.dtype) @ evaluation.weight
            share = doubted.mean() / evaluation.weight.sum()
            self.strength.copy_(_STRENGTH_PER_CLASS * net.n_classes * share)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        views = torch.cat([net.augment(batch.x), net.augment(batch.x)])
        p = torch.softmax(net.logits(views), dim=-1).unflatten(1, (2, -1)).mean(dim=1)
        clean = self.clean.index_select(1, batch.index)
        labelled = clean > self.threshold
        refined = torch.lerp(p, batch.target.expand_as(p), clean.unsqueeze(-1))
        target = self._sharpened(torch.where(labelled.unsqueeze(-1), refined, p.mean(dim=0)))
        weight = batch.weight.repeat(2) / 2
        mix = draw_mixture(weight, self.alpha)
        return batch.replace(
            x=mix(views),
            y=batch.y.repeat(2),
            target=mix(target.repeat(1, 2, 1), dim=1),
            weight=weight,
            index=batch.index.repeat(2),
            notes={"labelled": labelled.repeat(1, 2)},
        )

    def _sharpened(self, target: Tensor) -> Tensor:
        """Raise to the power of one over the temperature, Eq. 4."""
        log_target = target.clamp_min(torch.finfo(target.dtype).tiny).log()
        return torch.softmax(log_target / self.temperature, dim=-1)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        weight, labelled, target = batch.weight, batch.notes["labelled"], batch.target
        log_p = log_softmax(logits)
        p = log_p.exp()
        ramp = min(batch.epoch / self.ramp_epochs, 1.0)
        # Means over samples of one kind, Eq. 9 and 10, in one number per sample.
        mean_labelled, mean_unlabelled = (
            normalize_weights(weight, kind.to(weight.dtype)) / weight
            for kind in (labelled, ~labelled)
        )
        losses = -mean_labelled * expected_loss(log_p, target)
        wrong = ((p - target) ** 2).mean(dim=-1)
        losses = losses + ramp * self.strength * mean_unlabelled * wrong
        mean_p = (weight.unsqueeze(-1) * p).sum(dim=-2, keepdim=True) / weight.sum()
        mean_p = mean_p.clamp_min(torch.finfo(p.dtype).tiny)
        unbalanced = -(mean_p * p.shape[-1]).log().mean(dim=-1)
        return losses + self.balance * unbalanced

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        taken = super().training_step(net, batch)
        # Callbacks compare logits with the rows of the batch: those of the first view.
        return taken._replace(logits=taken.logits[:, : len(batch.y)])
