"""Co-learning: what samples look like holds against what their labels say."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from sknoisy.functional import cross_entropy, draw_mixture, expected_loss
from sknoisy.methods._base import Method, NetworkView, TrainingStep

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["CoLearning"]


class CoLearning(Method):
    """Learn from labels and from the samples alone, and make both see the same neighbours.

    One network learns mixtures of samples with their labels mixed alike, and a head on its features
    learns to tell two random views of a sample from those of all others, which needs no labels.
    Samples that the head finds alike must then be classified alike, so that a wrong label is
    outvoted by its neighbourhood. Good for heavy noise of any kind, if ``augment`` changes what
    does not matter.

    Cost: one network, one pass per step over three times the batch, memory that grows with the
    square of the batch, nothing kept per sample. Needs: views by ``augment``.

    Parameters
    ----------
    mixing : float, default=5.0
        Of the Beta(mixing, mixing) distribution that the share of each mixture is drawn from, at
        least 0: the larger, the closer to one half. 0: samples are not mixed.
    intrinsic : float, default=1.0
        Weight of telling views apart.
    structural : float, default=1.0
        Weight of seeing the same neighbours. With all three at 0 it is cross-entropy.
    temperature : float, default=0.5
        Scale of the cosines between views; a small one looks at the most alike only.
    width : float, default=0.5
        Distance within which samples are neighbours.

    Attributes
    ----------
    hidden, projection : Parameter of shape (n_features, n_features)
        The two layers of the head, trained by the optimizer of the network.

    References
    ----------
    Tan et al., "Co-learning: Learning from Noisy Labels with Self-supervision", ACM Multimedia
    2021, Section 3: the sum of its three losses. Departures: one optimizer, and not a step for the
    third loss with one of its own, so that this loss trains the whole network; the samples
    as they are serve as the weakly changed view; neighbours are compared as distributions over the
    other samples of the batch, by their divergence; distances are those of projections of length
    one and of probabilities; the head has no biases and begins the same in every fit; a short last
    batch is kept.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="co_learning", random_state=0).fit(X, y)
    >>> clf.method_.projection.shape
    torch.Size([128, 128])
    """

    _parameter_constraints = {
        "mixing": [Interval(Real, 0, np.inf, closed="left")],
        "intrinsic": [Interval(Real, 0, np.inf, closed="left")],
        "structural": [Interval(Real, 0, np.inf, closed="left")],
        "temperature": [Interval(Real, 0, np.inf, closed="neither")],
        "width": [Interval(Real, 0, np.inf, closed="neither")],
    }

    def __init__(
        self,
        mixing: float = 5.0,
        intrinsic: float = 1.0,
        structural: float = 1.0,
        temperature: float = 0.5,
        width: float = 0.5,
    ) -> None:
        self.mixing = mixing
        self.intrinsic = intrinsic
        self.structural = structural
        self.temperature = temperature
        self.width = width

    def setup(self, net: NetworkView, y: Tensor) -> None:
        # Torch's own generator is left alone: until warm-up ends this is cross-entropy to the bit.
        generator = torch.Generator().manual_seed(0)
        layers = torch.empty(2, net.n_features, net.n_features)
        for layer in layers:
            nn.init.kaiming_normal_(layer, nonlinearity="relu", generator=generator)
        layers = layers.to(y.device, net.dtype)
        self.hidden, self.projection = (nn.Parameter(layer) for layer in layers)

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        mix = draw_mixture(batch.weight, self.mixing)
        return batch.replace(x=mix(batch.x), target=mix(batch.target))

    def training_step(self, net: NetworkView, batch: Batch) -> TrainingStep:
        mixed = self.prepare_batch(net, batch)
        views = net.augment(batch.x), net.augment(batch.x)
        logits, features = (part.chunk(3) for part in net.represent(torch.cat([mixed.x, *views])))
        first, second = (self._project(one) for one in features[1:])
        losses = (
            cross_entropy(logits[0], mixed.target)
            + self.intrinsic * _contrast(first, second, self.temperature)
            + self.structural
            * _misfit(first.detach(), torch.softmax(logits[1], dim=-1), self.width)
        )
        return TrainingStep(losses, batch.weight, logits[0], mixed)

    def _project(self, features: Tensor) -> Tensor:
        return F.normalize(torch.relu(features @ self.hidden.T) @ self.projection.T, dim=-1)


def _contrast(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding the other view of a sample among all views, mean of both ways."""
    both = torch.cat([first, second])
    alike = _without_self(both @ both.T / temperature)
    other = torch.arange(len(both), device=both.device).roll(len(first))
    return F.cross_entropy(alike, other, reduction="none").view(2, -1).mean(dim=0)


def _misfit(teacher: Tensor, student: Tensor, width: float) -> Tensor:
    """Divergence of the neighbours seen by the student from those seen by the teacher."""
    seen, shown = (_log_neighbours(points, width) for points in (student, teacher))
    return expected_loss(shown - seen, shown.exp())


def _log_neighbours(points: Tensor, width: float) -> Tensor:
    """Logarithms of the shares of all others in what is near, under a normal distribution."""
    square = (points**2).sum(dim=-1)
    distance = square.unsqueeze(-1) + square - 2 * points @ points.T
    return torch.log_softmax(_without_self(-distance / (2 * width**2)), dim=-1)


def _without_self(alike: Tensor) -> Tensor:
    # Not minus infinity, of which a batch of one sample would make NaN.
    return alike.fill_diagonal_(torch.finfo(alike.dtype).min)
