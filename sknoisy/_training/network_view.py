"""View of the network for methods, independent of the training loop and of skorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sknoisy._data.dataset import LabelledRows
from sknoisy._data.loader import BatchLoader
from sknoisy._training.compilation import CompiledNetwork
from sknoisy._training.first_layers import first_layers
from sknoisy._training.processes import SINGLE_PROCESS, Processes
from sknoisy.functional import bound_logits
from sknoisy.methods import EvaluationPass
from sknoisy.networks import capture_features

__all__ = ["ModuleView"]


@dataclass
class ModuleView:
    """Implementation of :class:`sknoisy.methods.NetworkView` for a torch module.

    Parameters
    ----------
    module : Module
    n_classes : int
    device : torch.device
    dtype : torch.dtype
    augment : callable
        Makes a random view of a batch.
    mixed : bool, default=False
        Whether to compute in bfloat16 where torch considers it safe.
    compiles : bool, default=False
        Whether training steps use the compiled network.
    data : LabelledRows or None, default=None
        The rows to train on; None outside of training, where only the network can be used.
    processes : Processes, default=SINGLE_PROCESS
        The processes, each of which computes a part of every batch.
    n_epochs : int, default=1
        Number of epochs in which the method is in use.
    logit_bound : float or None, default=None
        Bound on the norm of the logits in training; None: no bound.
    """

    module: nn.Module
    n_classes: int
    device: torch.device
    dtype: torch.dtype
    augment: Callable[[Tensor], Tensor]
    mixed: bool = False
    compiles: bool = False
    data: LabelledRows | None = None
    processes: Processes = SINGLE_PROCESS
    n_epochs: int = 1
    logit_bound: float | None = None
    _compiled: CompiledNetwork | None = None

    # ---- the network ----------------------------------------------------------------------------

    def infer(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        if weights is None:
            return self._postprocess_logits(self.processes.forward_sharded(self._forward, x))
        forward = partial(self._forward_with, self._unflatten(weights))
        # If a method computes gradients itself, this process needs the graph of all rows.
        if weights.requires_grad:
            return self._postprocess_logits(forward(x))
        return self._postprocess_logits(self.processes.forward_sharded(forward, x))

    def represent(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with self.precision():
            forward = partial(capture_features, self.module)
            logits, features = self.processes.forward_sharded(forward, x)
        return self._postprocess_logits(logits), features.to(self.dtype)

    def logits(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        with torch.no_grad(), self._evaluation_mode():
            return self.infer(x, weights)

    def features(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        return self.eval_forward(x, weights)[1]

    def weights(self) -> Tensor:
        return torch.cat([part.detach().flatten() for part in self._trained_state().values()])

    @property
    def n_features(self) -> int:
        return self.eval_forward(self.first_rows())[1].shape[-1]

    # ---- the training set -----------------------------------------------------------------------

    def rows(self, index: Tensor) -> Tensor:
        return self._data.rows.take(index)

    def labels(self) -> Tensor:
        data = self._data
        every_row = torch.arange(self.n_rows, device=data.y.device)
        return data.label_distributions(every_row, self.n_classes)

    @property
    def n_rows(self) -> int:
        return len(self._data.rows)

    @property
    def trusted(self) -> Tensor | None:
        return self._data.trusted

    @property
    def groups(self) -> Tensor | None:
        return self._data.groups

    # ---- for the training loop ------------------------------------------------------------------

    def evaluate(self, data: LabelledRows, epoch: int) -> EvaluationPass:
        """Return an evaluation pass over some rows, which is computed when first used."""
        is_all = data.index is None
        index = torch.arange(len(data.rows)) if data.index is None else data.index
        index = index.to(data.y.device)

        def compute(rows: Tensor) -> tuple[Tensor, Tensor]:
            # Rows of the whole training set are sliced, which is faster than gathering them.
            loader = BatchLoader(data if rows is index else data.part(rows.cpu()))
            outputs = zip(*(self.eval_forward(x) for x, _ in loader), strict=True)
            logits, features = (torch.cat(parts, dim=-2) for parts in outputs)
            return logits, features

        return EvaluationPass(
            index=index,
            y=data.y if is_all else data.y[index],
            weight=data.weight if is_all else data.weight[index],
            epoch=epoch,
            label_distributions=partial(data.label_distributions, n_classes=self.n_classes),
            compute=compute,
            trusted=None if data.trusted is None else data.trusted[index],
            groups=None if data.groups is None else data.groups[index],
        )

    def eval_forward(self, x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute logits and features in evaluation mode and without a graph."""
        with torch.no_grad(), self._evaluation_mode(), self.precision():
            forward: Callable[[Tensor], Any] = partial(capture_features, self.module)
            if weights is not None:
                parts = {f"network.{k}": part for k, part in self._unflatten(weights).items()}
                forward = partial(_capture_features_with, self.module, parts)
            logits, features = self.processes.forward_sharded(forward, x)
            return self._postprocess_logits(logits), features.to(self.dtype)

    def bounded(self, logits: Tensor) -> Tensor:
        """Apply the logit bound, as the loss does in training."""
        return logits if self.logit_bound is None else bound_logits(logits, self.logit_bound)

    def first_rows(self) -> Tensor:
        """Fetch the first two rows of the training set (or the only row)."""
        data = self._data
        first = torch.arange(min(2, len(data))) if data.index is None else data.index[:2]
        return data.rows.take(first)

    def precision(self) -> AbstractContextManager:
        """Return the context in which the network computes."""
        if not self.mixed:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    # ---- private --------------------------------------------------------------------------------

    @property
    def _data(self) -> LabelledRows:
        if self.data is None:
            raise RuntimeError("There is no training set outside of a training.")
        return self.data

    def _forward(self, x: Tensor) -> Tensor:
        network = self.module
        if self.compiles and network.training and torch.is_grad_enabled():
            if self._compiled is None or self._compiled.network is not network:
                self._compiled = CompiledNetwork(network)
            network = self._compiled  # type: ignore[assignment]
        if self.mixed:
            with self.precision():
                return network(x)
        return network(x)

    def _forward_with(self, parts: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.module, parts, (x,))

    def _trained_state(self) -> dict[str, Tensor]:
        """Return all parameters and floating-point buffers by name.

        Statistics of the training set, which no step changes, are left out.
        """
        fixed = {id(part) for layer in first_layers(self.module) for part in layer.buffers()}
        buffers = {
            name: buffer
            for name, buffer in self.module.named_buffers()
            if buffer.is_floating_point() and id(buffer) not in fixed
        }
        return {**dict(self.module.named_parameters()), **buffers}

    def _unflatten(self, weights: Tensor) -> dict[str, Tensor]:
        """Split a vector of weights by name; buffers are copied, as a forward pass updates them."""
        state = self._trained_state()
        parts = weights.split([part.numel() for part in state.values()])
        return {
            name: new.view_as(old) if old.requires_grad else new.detach().clone().view_as(old)
            for (name, old), new in zip(state.items(), parts, strict=True)
        }

    @contextmanager
    def _evaluation_mode(self) -> Iterator[None]:
        """Switch to evaluation mode inside the context, so that batch statistics do not change."""
        training = self.module.training
        if training:
            self.module.eval()
        try:
            yield
        finally:
            if training:
                self.module.train()

    def _postprocess_logits(self, logits: Tensor) -> Tensor:
        logits = logits.to(self.dtype) if self.mixed else logits
        # The bound does not change the order of classes, but unbounded logits are better
        # calibrated.
        return self.bounded(logits) if self.module.training else logits


def _capture_features_with(network: nn.Module, parts: dict[str, Tensor], x: Tensor) -> Any:
    return functional_call(_FeatureCapture(network), parts, (x,))


class _FeatureCapture(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return capture_features(self.network, x)
