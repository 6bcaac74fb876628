"""Folds to train: the candidates of each, what they begin with, and their batches side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor, nn

from sknoisy._data.loader import BatchLoader
from sknoisy._runtime.randomness import seeded
from sknoisy._training.build import settings_of
from sknoisy._training.net import Trainer
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.methods import Method, make_method
from sknoisy.networks import is_plain_mlp

__all__ = ["Batches", "Chunk", "Fold", "side_by_side"]


class Fold:
    """Classifiers that differ in ``smoothing`` and in numbers of their method, and their rows.

    Parameters
    ----------
    candidates : sequence of NoisyLabelClassifier
        They are fitted.
    X, y, sample_weight, trusted
        As in ``fit``.

    Attributes
    ----------
    outcome : list of NoisyLabelClassifier or Exception
        The candidates, or what went wrong with them.
    methods, settings : dict of int to Method, dict
        Of the candidates that can be trained, by their place.
    """

    def __init__(
        self,
        candidates: Sequence[NoisyLabelClassifier],
        X: Any,
        y: Any,
        sample_weight: Any = None,
        trusted: Any = None,
    ) -> None:
        self.outcome: list[NoisyLabelClassifier | Exception] = list(candidates)
        self.settings: dict[int, dict[str, Any]] = {}
        self.methods: dict[int, Method] = self._each(_checked_method)
        if not self.methods:
            return
        # Rates may suit the classes of this fold or not.
        lead = clone(candidates[next(iter(self.methods))]).set_params(smoothing=0.0)
        training = lead._prepare(*lead._read(X, y, sample_weight, trusted, False), None)
        self.net, self.data, self.held_out, self.classes, self.seed, _ = training
        self.device, self.random_state = self.data.y.device, lead.random_state
        attributes = ("n_features_in_", "feature_names_in_")
        self._seen = {k: v for k, v in vars(lead).items() if k in attributes}
        n_classes = len(self.classes)
        self.settings = self._each(lambda i, clf: settings_of(clf, self.methods[i], n_classes))

    def _each(self, ask: Callable[[int, NoisyLabelClassifier], Any]) -> dict[int, Any]:
        """Ask candidates that are still well; one that fails is left out, and says why."""
        answers = {}
        for i, clf in enumerate(self.outcome):
            if isinstance(clf, Exception):
                continue
            try:
                answers[i] = ask(i, clf)
            except Exception as error:
                self.outcome[i] = error
        return answers

    def build(self) -> None:
        """Build the network that all candidates start from."""
        with seeded(self.device, self.seed) as left, torch.enable_grad():
            self.net.build(self.data)
        self.state = left["state"]

    @property
    def n_batches(self) -> int:
        return len(BatchLoader(self.data, self._batch_size))

    @property
    def _batch_size(self) -> int:
        size = next(iter(self.settings.values()))["batch_size"]
        return len(self.data) if size == -1 else size

    @property
    def rows_apart(self) -> bool:
        """Whether the network is known to draw nothing, and to see each row of a batch alone."""
        network = self.net.module_
        dropout = any(isinstance(part, nn.Dropout) for part in network.modules())
        return is_plain_mlp(network) and not dropout

    @property
    def kind(self) -> tuple[Any, ...]:
        """What is equal in folds that can be trained at once, step by step.

        Folds of other networks than those share all draws and the sizes of all batches; of those, a
        short last batch is lengthened by rows that do not count.
        """
        network = self.net.module_
        parts = (*network.named_parameters(), *network.named_buffers())
        shapes = tuple((name, part.shape) for name, part in parts)
        alike: tuple[Any, ...] = (self.n_batches,)
        if not self.rows_apart:
            states = ((name, numbers.tobytes()) for name, numbers in self.state.items())
            held_out = 0 if self.held_out is None else len(self.held_out)
            alike = (len(self.data), held_out, *states)
        return (shapes, self.data.rows.row_shape, self.net.n_classes, *alike)

    def fail(self, error: Exception) -> None:
        """All candidates failed."""
        for i in self.settings:
            self.outcome[i] = error

    def finish(self, place: int, found: Trainer | Exception, quality: Any) -> None:
        """Take over what a candidate became."""
        clf = self.outcome[place]
        if isinstance(found, Exception):
            self.outcome[place] = found
            return
        assert isinstance(clf, NoisyLabelClassifier)
        clf.__dict__.update(self._seen)
        clf.label_quality_ = quality
        clf._finish(found, self.classes)


def _checked_method(_: int, clf: NoisyLabelClassifier) -> Method:
    clf._validate_params()
    clf._check_names()
    return make_method(clf.method, **clf._given("method"))


@dataclass(frozen=True)
class Chunk:
    """Batches of several folds in a row, with an axis of folds in front.

    A fold with fewer rows than another has its last one again at the end, at a weight of zero.

    Attributes
    ----------
    x, y, weight, index : Tensor of shape (n_folds, n_samples, ...)
    labels : tuple of Tensor
        Soft labels of the samples, if there are any.
    sizes : list of int
        Of the batches.
    own_sizes : list of list of int
        Of the batches of each fold by itself.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    index: Tensor
    labels: tuple[Tensor, ...]
    sizes: list[int]
    own_sizes: list[list[int]]

    def batches(self) -> Iterator[tuple[Tensor, ...]]:
        """Cut it: x, y, weight and index of each batch, and soft labels if there are any."""
        parts = (self.x, self.y, self.weight, self.index, *self.labels)
        return zip(*(part.split(self.sizes, dim=1) for part in parts), strict=True)


class Batches:
    """Batches of one epoch of several folds, step by step side by side.

    Parameters
    ----------
    folds : list of Fold
        Of one kind.
    generators : list of torch.Generator or None
        Of the order of each, or one for all of them; None: torch's global one.
    """

    def __init__(self, folds: list[Fold], generators: Sequence[torch.Generator | None]) -> None:
        self.loaders = [BatchLoader(f.data, f._batch_size, shuffle=True) for f in folds]
        self.generators = generators

    def __len__(self) -> int:
        return len(self.loaders[0])

    def __iter__(self) -> Iterator[Chunk]:
        # One generator is the first's and every other's.
        pairs = zip(self.loaders, self.generators, strict=False)
        orders = [torch.randperm(len(one.dataset), generator=drawn) for one, drawn in pairs]
        if len(orders) < len(self.loaders):
            orders *= len(self.loaders)
        chunks = [one.chunks(order) for one, order in zip(self.loaders, orders, strict=True)]
        for found in zip(*chunks, strict=True):
            x, y, weight, index, own = zip(*found, strict=True)
            labels = [
                one.dataset.labels[rows]
                for one, rows in zip(self.loaders, index, strict=True)
                if one.dataset.labels is not None
            ]
            yield Chunk(
                side_by_side(x),
                side_by_side(y),
                side_by_side(weight, counts=False),
                side_by_side(index),
                (side_by_side(labels),) if labels else (),
                [max(sizes) for sizes in zip(*own, strict=True)],
                list(own),
            )


def side_by_side(parts: Sequence[Tensor], counts: bool = True) -> Tensor:
    """Stack what is nearly of one length: the last entry again, or zero, fills up the others."""
    if len(parts) == 1:
        return parts[0].unsqueeze(0)
    longest = max(map(len, parts))
    return torch.stack([_lengthened(part, longest, counts) for part in parts])


def _lengthened(part: Tensor, n: int, counts: bool) -> Tensor:
    if len(part) == n:
        return part
    more = part[-1:].expand(n - len(part), *part.shape[1:])
    return torch.cat([part, more if counts else torch.zeros_like(more)])
