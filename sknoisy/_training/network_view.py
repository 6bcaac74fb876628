"""What a method may ask of the network in training: apart from the loop, and from skorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._label_noise.report import MOST_SAMPLES, NoiseReport, some_of
from sknoisy._training.processes import ALONE, Ranks
from sknoisy.functional import (
    bound_logits,
    cross_entropy,
    knn_label_distribution,
    logit_bound_for_rate,
)
from sknoisy.methods import EvaluationPass
from sknoisy.networks import capture_features

__all__ = ["Asked", "in_warmup_half"]


class Asked:
    """Answers :class:`sknoisy.methods.NetworkView` for the trainer it is mixed into."""

    module_: nn.Module
    data_: LabelledRows | None
    n_classes: int
    device: str
    dtype: torch.dtype
    mixed: bool
    logit_bound: str | float | None
    noise_: NoiseReport | None
    augment: Callable[[Tensor], Tensor]
    history: Any
    warmup_epochs: int
    n_features_: int
    ranks_: Ranks = ALONE

    # ---- the network ----------------------------------------------------------------------------

    def infer(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        if weights is None:
            return self._finish(self.ranks_.divided(self._run, x))
        run = partial(self._run_with, self._named(weights))
        # A method that asks for slopes by itself needs those of all rows.
        return self._finish(run(x) if weights.requires_grad else self.ranks_.divided(run, x))

    def represent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with self._precision():
            logits, features = self.ranks_.divided(partial(capture_features, self.module_), x)
        return self._finish(logits), features.to(self.dtype)

    def logits(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        with torch.no_grad(), self._evaluating():
            return self.infer(x, weights)

    def features(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        return self._see(x, weights)[1]

    def weights(self) -> Tensor:
        return torch.cat([part.detach().flatten() for part in self._parts().values()])

    @property
    def n_features(self) -> int:
        if self.data_ is not None:
            self.n_features_ = self._see(self._first_rows())[1].shape[-1]
        return self.n_features_

    # ---- the training set -----------------------------------------------------------------------

    def rows(self, index: Tensor) -> Tensor:
        assert self.data_ is not None
        return self.data_.rows.take(index)

    def labels(self) -> Tensor:
        assert self.data_ is not None
        every = torch.arange(self.n_rows, device=self.data_.y.device)
        return self.data_.given(every, self.n_classes)

    @property
    def n_rows(self) -> int:
        assert self.data_ is not None
        return len(self.data_.rows)

    @property
    def trusted(self) -> Tensor | None:
        assert self.data_ is not None
        return self.data_.trusted

    @property
    def method_epoch(self) -> int:
        """Epochs that the method trained before this one; below 0 in warm-up."""
        return len(self.history) - 1 - self.warmup_epochs

    def scan(self, data: LabelledRows) -> EvaluationPass:
        """See the whole training set at once: :class:`sknoisy.methods.EvaluationPass`."""
        loader = BatchLoader(data)
        index = torch.cat([part for part, _ in loader.indices()]).to(data.y.device)

        def look() -> tuple[Tensor, Tensor]:
            seen = zip(*(self._see(x) for x, _ in loader), strict=True)
            logits, features = (torch.cat(parts, dim=-2) for parts in seen)
            return logits, features

        target, weight = data.given(index, self.n_classes), data.weight[index]
        trusted = None if data.trusted is None else data.trusted[index]
        return EvaluationPass(
            index, data.y[index], target, weight, self.method_epoch, look, trusted
        )

    def look_at_labels(self, data: LabelledRows) -> NoiseReport:
        """Compare labels that warm-up left out with those of their neighbours in the features."""
        index = torch.arange(len(data.rows)) if data.index is None else data.index
        learns = in_warmup_half(index)
        learned, left_out = index[learns], index[~learns]
        # Of very few rows, half would be too few.
        scan = self._scan_some(data, left_out if len(left_out) > 1 else index)
        features = scan.features if scan.features.dim() == 2 else scan.features[0]
        p = knn_label_distribution(features, scan.target)
        memorized = 0.0
        if self.warmup_epochs and len(left_out) and len(learned):
            memorized = _mean_loss(scan) - _mean_loss(self._scan_some(data, learned))
        codes, said = scan.y.cpu().numpy(), p.double().cpu().numpy()
        return NoiseReport.of(codes, said, "neighbours", memorized)

    def _scan_some(self, data: LabelledRows, index: Tensor) -> EvaluationPass:
        if len(index) > MOST_SAMPLES:
            index = index[torch.from_numpy(some_of(len(index)))]
        return self.scan(data.part(index))

    # ---- how ------------------------------------------------------------------------------------

    def _see(self, x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits and features, in evaluation mode and without a graph."""
        with torch.no_grad(), self._evaluating(), self._precision():
            run: Callable[[Tensor], Any] = partial(capture_features, self.module_)
            if weights is not None:
                named = {f"network.{name}": part for name, part in self._named(weights).items()}
                run = partial(_run_captured, self.module_, named)
            logits, features = self.ranks_.divided(run, x)
            return self._finish(logits), features.to(self.dtype)

    def _run(self, x: Tensor) -> Tensor:
        if self.mixed:
            with self._precision():
                return self.module_(x)
        return self.module_(x)

    def _run_with(self, named: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.module_, named, (x,))

    def _parts(self) -> dict[str, Tensor]:
        """All that the logits of a network hang on and training moves, by name."""
        buffers = {k: b for k, b in self.module_.named_buffers() if b.is_floating_point()}
        return {**dict(self.module_.named_parameters()), **buffers}

    def _named(self, weights: Tensor) -> dict[str, Tensor]:
        """Cut a vector of weights into the network's; batch statistics are copied, as they move."""
        parts = self._parts()
        cut = weights.split([part.numel() for part in parts.values()])
        return {
            name: new.view_as(old) if old.requires_grad else new.detach().clone().view_as(old)
            for (name, old), new in zip(parts.items(), cut, strict=True)
        }

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Batch normalisation must not be moved by rows that are only looked at."""
        training = self.module_.training
        if training:
            self.module_.eval()
        try:
            yield
        finally:
            if training:
                self.module_.train()

    def _precision(self) -> AbstractContextManager:
        if not self.mixed:
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def _finish(self, logits: Tensor) -> Tensor:
        logits = logits.to(self.dtype) if self.mixed else logits
        # The order of classes is the same either way; unbounded logits are the better calibrated.
        return self._bounded(logits) if self.module_.training else logits

    def _bounded(self, logits: Tensor) -> Tensor:
        bound = self.logit_bound
        if bound is None:
            return logits
        if isinstance(bound, str):
            bound = logit_bound_for_rate(0.0 if self.noise_ is None else self.noise_.smoothing)
        return bound_logits(logits, bound)

    def _first_rows(self) -> Tensor:
        assert self.data_ is not None
        data = self.data_
        first = torch.arange(min(2, len(data))) if data.index is None else data.index[:2]
        return data.rows.take(first)


def _mean_loss(scan: EvaluationPass) -> float:
    """Weighted mean of the cross-entropy of the labels, over networks too."""
    losses = cross_entropy(scan.logits, scan.target)
    losses = losses.mean(dim=0) if losses.dim() > 1 else losses
    return float(losses @ scan.weight / scan.weight.sum())


def in_warmup_half(index: Tensor) -> Tensor:
    """Divide rows by chance, but always alike: half learn in warm-up, the others will judge it."""
    # Multiples of the golden ratio, whose fractions spread evenly; no table has to be moved.
    return (index * 2654435769) % 2**32 < 2**31


def _run_captured(network: nn.Module, named: dict[str, Tensor], x: Tensor) -> Any:
    return functional_call(_Captured(network), named, (x,))


class _Captured(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return capture_features(self.network, x)
