"""Co-learning: supervised and self-supervised learning with consistent neighbourhoods."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn
from torch.nn import functional as F

from sknoisy.functional import (
    contrastive_loss,
    cross_entropy,
    draw_mixture,
    neighborhood_divergence,
)
from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._batch import TrainingStep
from sknoisy.methods._mixing import mixing_alpha

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["CoLearning"]


class CoLearning(Method):
    """Combine supervised and self-supervised learning, with consistent neighbourhoods in both.

    A network is trained on mixtures of samples and their labels, as in ``mixup``. A projection head
    on its features learns, without labels, to match two random views of the same sample. A third
    loss makes predictions similar for samples with similar projections, so that neighbours correct
    a noisy label. The method depends on the views: they must not change the class.

    Cost: one network, one pass per step over three times the batch, memory that grows with the
    square of the batch, nothing kept per sample. Needs: views by ``augment``.

    Parameters
    ----------
    mixing : float or "auto", default="auto"
        Parameter of the distribution of the mixing coefficient, Beta(mixing, mixing), drawn once
        per batch; at least 0. The larger, the closer the coefficient is to one half. 0: no mixing.
        "auto": 5, as the authors set, for samples of 64 entries and more, such as images; 0 for
        tables of fewer columns, in which mixtures of two samples of a class can be in the region
        of another.
    intrinsic : float, default=1.0
        Weight of the contrastive loss of the views, at least 0.
    structural : float, default=0.1
        Weight of the divergence between the neighbourhoods of the projections and of the
        predictions, both of the first random view; at least 0. 1 is the sum in the paper. There a
        step of its own trains only the last layer, at a fifth of the learning rate and on samples
        without augmentation; here the loss trains the whole network, and at 1 it can replace the
        classes by the clusters of the projections. With ``structural``, ``intrinsic`` and
        ``mixing`` at 0 it is cross-entropy.
    temperature : float, default=0.5
        Divisor of the cosine similarities in the contrastive loss, positive. With a small
        temperature only the most similar views have an effect.
    width : float, default=0.5
        Standard deviation of the normal density that defines neighbourhoods, positive.

    Attributes
    ----------
    hidden, projection : Parameter of shape (n_features, n_features)
        The two layers of the projection head, trained by the optimizer of the network.

    References
    ----------
    Tan et al., "Co-learning: Learning from Noisy Labels with Self-supervision", ACM Multimedia
    2021, Section 3: the sum of its three losses. Departures: the third loss trains the whole
    network, while the authors' code takes a separate step with a second optimizer; samples without
    augmentation are the weak view; neighbourhoods are distributions over the other samples of the
    batch, computed from distances of normalised projections and of probabilities, and compared by
    the Kullback-Leibler divergence; the head has no biases and the same initial weights in every
    fit; a smaller last batch is kept.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="co_learning", random_state=0).fit(X, y)
    >>> clf.method_.projection.shape
    torch.Size([128, 128])
    """

    makes_views = True
    _parameter_constraints = {
        "mixing": [StrOptions({"auto"}), Interval(Real, 0, np.inf, closed="left")],
        "intrinsic": [Interval(Real, 0, np.inf, closed="left")],
        "structural": [Interval(Real, 0, np.inf, closed="left")],
        "temperature": [Interval(Real, 0, np.inf, closed="neither")],
        "width": [Interval(Real, 0, np.inf, closed="neither")],
    }

    def __init__(
        self,
        mixing: float | str = "auto",
        intrinsic: float = 1.0,
        structural: float = 0.1,
        temperature: float = 0.5,
        width: float = 0.5,
    ) -> None:
        self.mixing = mixing
        self.intrinsic = intrinsic
        self.structural = structural
        self.temperature = temperature
        self.width = width

    def setup(self, net: NetworkView, y: Tensor) -> None:
        # A separate generator, so that warm-up draws the same numbers as cross-entropy.
        generator = torch.Generator().manual_seed(0)
        layers = torch.empty(2, net.n_features, net.n_features)
        for layer in layers:
            nn.init.kaiming_normal_(layer, nonlinearity="relu", generator=generator)
        layers = layers.to(y.device, net.dtype)
        self.hidden, self.projection = (nn.Parameter(layer) for layer in layers)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        alpha = mixing_alpha(self.mixing, many=5.0, few=0.0, x=batch.x)
        mix = draw_mixture(batch.weight, alpha)
        return batch.replace(x=mix(batch.x), target=mix(batch.target))

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        mixed = self.prepare_batch(net, batch)
        views = net.augment(batch.x), net.augment(batch.x)
        outputs = net.represent(torch.cat([mixed.x, *views]))
        logits, features = (output.chunk(3) for output in outputs)
        first, second = (self._project(view) for view in features[1:])
        p = torch.softmax(logits[1], dim=-1)
        losses = (
            cross_entropy(logits[0], mixed.target)
            + self.intrinsic * contrastive_loss(first, second, self.temperature)
            + self.structural * neighborhood_divergence(first.detach(), p, self.width)
        )
        return TrainingStep(losses, batch.weight, logits[0], mixed)

    def _project(self, features: Tensor) -> Tensor:
        return F.normalize(torch.relu(features @ self.hidden.T) @ self.projection.T, dim=-1)
