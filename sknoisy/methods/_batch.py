"""Arguments and results of hooks: a batch, an evaluation pass, a training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sknoisy.functional import cross_entropy

__all__ = ["Batch", "EvaluationPass", "TrainingStep"]

_NO_NOTES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Batch:
    """One batch of the training set, which is never changed in place.

    Attributes
    ----------
    x : Tensor of shape (n_samples, ...)
    y : Tensor of shape (n_samples,), int64
        The given labels, encoded as ``0 .. n_classes - 1``; for soft labels the most likely class.
    target : Tensor of shape (n_samples, n_classes)
        The given labels, one-hot or soft, smoothed at the estimator's rate.
    weight : Tensor of shape (n_samples,)
        Factor of the loss of each sample: sample weight times class weight, divided by the number
        of samples. The weights of an average batch sum to one.
    index : Tensor of shape (n_samples,), int64
        Row of each sample in X, which is also its position in per-sample state.
    epoch : int
        Number of epochs trained before this one, without warm-up.
    trusted : Tensor of bool of shape (n_samples,) or None, default=None
        Mask of the samples whose labels are known to be clean; None if no ``trusted`` was passed to
        ``fit``.
    groups : Tensor of shape (n_samples,), int64, or None, default=None
        Number of the group of each sample; None: each sample is a group of its own.
    notes : mapping, default={}
        Values that ``prepare_batch`` passes to ``loss`` and ``sample_weights``.
    smoothed_classes : Tensor of shape (n_classes, n_classes) or None, default=None
        The target of each class, smoothed at the estimator's rate; None: it is not smoothed.

    Examples
    --------
    The training loop makes batches; a test of a method can, too:

    >>> import torch
    >>> from sknoisy.methods import Batch
    >>> y, target = torch.tensor([0, 1]), torch.eye(2)
    >>> batch = Batch(torch.zeros(2, 3), y, target, torch.full((2,), 0.5), torch.arange(2), epoch=0)
    >>> batch.replace(target=target.flip(1)).target
    tensor([[0., 1.],
            [1., 0.]])
    """

    x: Tensor
    y: Tensor
    target: Tensor
    weight: Tensor
    index: Tensor
    epoch: int
    trusted: Tensor | None = None
    groups: Tensor | None = None
    notes: Mapping[str, Any] = field(default_factory=lambda: _NO_NOTES)
    smoothed_classes: Tensor | None = None

    def smooth(self, target: Tensor) -> Tensor:
        """Smooth another target, (n_samples, n_classes), at the estimator's rate."""
        return target if self.smoothed_classes is None else target @ self.smoothed_classes

    @property
    def group_or_row(self) -> Tensor:
        """Number of the group of each sample or, without groups, its row: what to split by."""
        return self.index if self.groups is None else self.groups

    def replace(self, **changes: Any) -> Batch:
        """Return a batch with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class EvaluationPass:
    """Logits and features of the whole training set, in evaluation mode and without a graph.

    They are computed when first used. Held-out rows and rows of weight zero are left out, so a
    table for all rows of X is filled by ``table[evaluation.index] = ...``.

    Attributes
    ----------
    index : Tensor of shape (n_samples,), int64
        Row of each sample in X.
    y : Tensor of shape (n_samples,), int64
        The given labels, encoded; for soft labels the most likely class.
    weight : Tensor of shape (n_samples,)
        As in :class:`Batch`.
    epoch : int
        Number of epochs trained before this pass, without warm-up.
    label_distributions : callable
        Takes an index of rows and returns their labels as distributions.
    compute : callable
        Takes an index of rows and returns their logits and features.
    trusted : Tensor of bool of shape (n_samples,) or None, default=None
        As in :class:`Batch`.
    groups : Tensor of shape (n_samples,), int64, or None, default=None
        As in :class:`Batch`.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.methods import EvaluationPass
    >>> def compute(index):
    ...     return torch.tensor([[2.0, 0.0], [0.0, 0.0]])[index], torch.zeros(len(index), 4)
    >>> rows, y, ones = torch.arange(2), torch.tensor([0, 1]), torch.ones(2)
    >>> evaluation = EvaluationPass(rows, y, ones, 0, torch.eye(2).__getitem__, compute)
    >>> evaluation.probabilities
    tensor([[0.8808, 0.1192],
            [0.5000, 0.5000]])
    >>> [part.losses.numel() for part in evaluation.parts(1)]
    [1, 1]
    """

    index: Tensor
    y: Tensor
    weight: Tensor
    epoch: int
    label_distributions: Callable[[Tensor], Tensor]
    compute: Callable[[Tensor], tuple[Tensor, Tensor]]
    trusted: Tensor | None = None
    groups: Tensor | None = None

    def at(self, positions: Tensor | slice) -> EvaluationPass:
        """Return the pass over some of its samples."""
        trusted, groups = self.trusted, self.groups
        return replace(
            self,
            index=self.index[positions],
            y=self.y[positions],
            weight=self.weight[positions],
            trusted=None if trusted is None else trusted[positions],
            groups=None if groups is None else groups[positions],
        )

    def parts(self, n_samples: int) -> Iterator[EvaluationPass]:
        """Yield passes over parts of the samples, so that not all outputs are kept together.

        Parameters
        ----------
        n_samples : int
            Most samples of a part.
        """
        if len(self.index) <= n_samples:
            yield self
            return
        for start in range(0, len(self.index), n_samples):
            yield self.at(slice(start, start + n_samples))

    @cached_property
    def target(self) -> Tensor:
        """The given labels, one-hot or soft, (n_samples, n_classes); never smoothed."""
        return self.label_distributions(self.index)

    @cached_property
    def _outputs(self) -> tuple[Tensor, Tensor]:
        return self.compute(self.index)

    @property
    def logits(self) -> Tensor:
        """Logits, of shape ([n_networks,] n_samples, n_classes)."""
        return self._outputs[0]

    @property
    def features(self) -> Tensor:
        """Input of the last linear layer, of shape ([n_networks,] n_samples, n_features)."""
        return self._outputs[1]

    @property
    def probabilities(self) -> Tensor:
        """Class probabilities, of the same shape as ``logits``."""
        return torch.softmax(self.logits, dim=-1)

    @property
    def losses(self) -> Tensor:
        """Cross-entropy of the given labels, of shape ([n_networks,] n_samples)."""
        return cross_entropy(self.logits, self.target)


class TrainingStep(NamedTuple):
    """The losses and weights of one training step, which minimises ``(losses * weight).sum()``.

    Attributes
    ----------
    losses : Tensor of shape ([n_networks,] n_samples)
        With a graph.
    weight : Tensor that broadcasts to the shape of losses
    logits : Tensor of shape ([n_networks,] n_samples, n_classes)
    batch : Batch
        The batch that the logits belong to.

    Examples
    --------
    A method that overrides ``training_step`` returns one:

    >>> from sknoisy.functional import cross_entropy
    >>> from sknoisy.methods import Method, TrainingStep
    >>> class Plain(Method):
    ...     def training_step(self, net, batch):
    ...         logits = net.infer(batch.x)
    ...         return TrainingStep(
    ...             cross_entropy(logits, batch.target), batch.weight, logits, batch
    ...         )
    """

    losses: Tensor
    weight: Tensor
    logits: Tensor
    batch: Batch
