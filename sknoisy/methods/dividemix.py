"""DivideMix: two networks split the samples into labelled and unlabelled ones for each other."""

# This file is long because labelled and unlabelled samples have different targets and losses.

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import (
    class_balance_penalty,
    draw_mixture,
    expected_loss,
    gmm_clean_probability,
    log_softmax,
    normalize_weights,
    sharpen,
)
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._batch import TrainingStep
from sknoisy.methods._mixing import mixing_alpha
from sknoisy.methods._selection import keep_agreeing

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch, EvaluationPass

__all__ = ["DivideMix"]

# The authors' weights for ten classes: 0 if a fifth of the labels is noisy, 25 if half of them is.
_STRENGTH_PER_CLASS = 2.5
_FROM_FRACTION, _TO_FRACTION = 0.2, 0.5


class DivideMix(Method):
    """Treat samples with probably noisy labels as unlabelled, in semi-supervised training.

    Before each epoch a Gaussian mixture of two components is fitted to the losses of each network,
    and the *other* network uses the samples of the lower component as labelled. Labels of labelled
    samples are refined with the predictions on two random views; labels of unlabelled samples are
    replaced by the mean prediction of both networks. Both networks are trained on mixtures of all
    samples. In the robustness benchmark it is the best method on features of images with human
    label noise. On tables it is behind simpler methods.

    Cost: two networks, four passes each per step and one over the training set per epoch, two
    numbers per sample. Needs: views (``augment``) that do not change the class and, with ``alpha``
    above 0, samples that may be mixed entry by entry.

    Parameters
    ----------
    threshold : float, default=0.5
        A sample is labelled if the probability that its label is clean is above this, in [0, 1].
    temperature : float, default=0.5
        Temperature of the sharpening of targets, positive. The smaller, the sharper; 1 leaves them
        unchanged.
    alpha : float or "auto", default="auto"
        Parameter of the distribution of the mixing coefficient, Beta(alpha, alpha), drawn once per
        batch; at least 0. 0: no mixing. "auto": 4, as the authors set, for samples of 64 entries
        and more, such as images; 0 for tables of fewer columns, in which mixtures of two samples
        of a class can be in the region of another.
    lambda_u : float or "auto", default="auto"
        Weight of the loss of unlabelled samples. "auto": 0 if up to a fifth of the samples is
        unlabelled, 2.5 times the number of classes from one half on, and linear in between, updated
        in each epoch. The authors set it by dataset and noise rate: 0, 25, 25, 50 for 20, 50, 80,
        90 % on ten classes, and 25, 150, 150, 150 on a hundred classes.
    ramp_epochs : int, default=16
        Number of epochs after warm-up in which this weight grows linearly from 0.
    balance : float, default=1.0
        Weight of the penalty that moves the mean prediction of a batch towards the frequencies of
        the classes. It prevents classes from never being predicted.
    prior : {"given", "uniform"}, default="given"
        These frequencies: those of the given labels, or the uniform distribution, as in the paper,
        which favours rare classes.
    keep_agreeing : bool, default=True
        Whether samples whose label the network predicts are labelled as well. A mixture of two
        components takes a part of the labels away also if all are clean. False: as in the paper.

    Attributes
    ----------
    clean : Tensor of shape (2, n_samples)
        Probability that each label is clean, estimated by the *other* network; entry ``i`` of the
        second axis belongs to row ``i`` of X.
    class_prior : Tensor of shape (n_classes,)
        Frequencies of the classes.
    strength : Tensor of shape ()
        The current weight of the loss of unlabelled samples, not multiplied by the ramp.

    References
    ----------
    Li et al., "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR 2020,
    Algorithm 1 and Eq. 3 to 12. As in the authors' code, the loss of labelled samples is the mean
    over these samples, and the loss of unlabelled samples is the mean over these samples and over
    classes. Departures: each batch is split into labelled and unlabelled samples, while the authors
    draw both from separate loaders. Both networks use the same views, partners and mixing
    coefficients; their different targets are computed in evaluation mode. With sample weights,
    partners are drawn in proportion to the weights. Targets below 0, from negative smoothing, are
    clipped, and sharpening removes most of the effect of smoothing. Predictions are means of
    probabilities, not of logits. The Gaussian mixture is fitted until convergence (the authors stop
    after 10 iterations), for many samples to a histogram, and the probability of a clean label
    never increases with the loss. Warm-up ends by itself; the authors use 10 or 30 of 300 epochs.
    Left out: the penalty in warm-up for asymmetric noise, and losses averaged over epochs,
    which the authors use at 90 % noise, with a higher threshold.

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
    warmup = "auto"
    per_sample = True
    makes_views = True
    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "temperature": [Interval(Real, 0, np.inf, closed="neither")],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "lambda_u": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "ramp_epochs": [Interval(Integral, 1, None, closed="left")],
        "balance": [Interval(Real, 0, np.inf, closed="left")],
        "prior": [StrOptions({"given", "uniform"})],
        "keep_agreeing": ["boolean"],
    }

    def __init__(
        self,
        threshold: float = 0.5,
        temperature: float = 0.5,
        alpha: float | str = "auto",
        lambda_u: float | str = "auto",
        ramp_epochs: int = 16,
        balance: float = 1.0,
        prior: str = "given",
        keep_agreeing: bool = True,
    ) -> None:
        self.threshold = threshold
        self.temperature = temperature
        self.alpha = alpha
        self.lambda_u = lambda_u
        self.ramp_epochs = ramp_epochs
        self.balance = balance
        self.prior = prior
        self.keep_agreeing = keep_agreeing

    def setup(self, net: NetworkView, y: Tensor) -> None:
        self.register_buffer("clean", torch.ones(2, len(y), dtype=net.dtype, device=y.device))
        strength = 0.0 if self.lambda_u == "auto" else float(self.lambda_u)
        uniform = torch.full((net.n_classes,), 1 / net.n_classes, dtype=net.dtype, device=y.device)
        self.register_buffer("class_prior", uniform)
        self.register_buffer("strength", torch.tensor(strength, dtype=net.dtype, device=y.device))

    def on_epoch_start(self, net: NetworkView, evaluation: EvaluationPass) -> None:
        clean = gmm_clean_probability(evaluation.losses, evaluation.weight)
        if self.keep_agreeing:
            clean = keep_agreeing(clean, evaluation.logits, evaluation.y)
        clean = clean.flip(0)
        self.clean[:, evaluation.index] = clean
        if self.prior == "given":
            counts = evaluation.weight @ evaluation.target
            self.class_prior.copy_(counts / counts.sum())
        if self.lambda_u == "auto":
            unlabelled = (clean <= self.threshold).to(evaluation.weight.dtype) @ evaluation.weight
            fraction = unlabelled.mean() / evaluation.weight.sum()
            ramp = (fraction - _FROM_FRACTION) / (_TO_FRACTION - _FROM_FRACTION)
            self.strength.copy_(_STRENGTH_PER_CLASS * net.n_classes * ramp.clamp(0, 1))

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        views = torch.cat([net.augment(batch.x), net.augment(batch.x)])
        p = torch.softmax(net.logits(views), dim=-1).unflatten(1, (2, -1)).mean(dim=1)
        clean = self.clean.index_select(1, batch.index)
        labelled = clean > self.threshold
        refined = torch.lerp(p, batch.target.expand_as(p), clean.unsqueeze(-1))
        target = torch.where(labelled.unsqueeze(-1), refined, p.mean(dim=0))
        target = sharpen(target, self.temperature)
        weight = batch.weight.repeat(2) / 2
        alpha = mixing_alpha(self.alpha, many=4.0, few=0.0, x=batch.x)
        mix = draw_mixture(weight, alpha)
        return batch.replace(
            x=mix(views),
            y=batch.y.repeat(2),
            target=mix(target.repeat(1, 2, 1), dim=1),
            weight=weight,
            index=batch.index.repeat(2),
            notes={"labelled": labelled.repeat(1, 2)},
        )

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        weight, labelled, target = batch.weight, batch.notes["labelled"], batch.target
        log_p = log_softmax(logits)
        p = log_p.exp()
        ramp = min(batch.epoch / self.ramp_epochs, 1.0)
        # Means over labelled and over unlabelled samples, Eq. 9 and 10, as factors of each sample.
        mean_labelled, mean_unlabelled = (
            normalize_weights(weight, group.to(weight.dtype)) / weight
            for group in (labelled, ~labelled)
        )
        losses = -mean_labelled * expected_loss(log_p, target)
        squared_errors = ((p - target) ** 2).mean(dim=-1)
        losses = losses + ramp * self.strength * mean_unlabelled * squared_errors
        return losses + self.balance * class_balance_penalty(p, weight, self.class_prior)

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        step = super().training_step(net, batch)
        # Callbacks compare logits with the rows of the batch, so they get only the first view.
        return step._replace(logits=step.logits[:, : len(batch.y)])
