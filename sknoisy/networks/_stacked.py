"""Several networks of one shape, as one: a leading axis in front of parameters and logits."""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sknoisy._runtime.randomness import seeded
from sknoisy.networks._fused_mlp import dropout_rate, fused_mlp
from sknoisy.networks.mlp import is_plain_mlp

__all__ = ["NotStackable", "StackedNetwork", "saved_bytes", "stack_networks"]


class NotStackable(TypeError):
    """A network that cannot be computed several times at once."""


class StackedNetwork(ABC):
    """Copies of networks, which learn apart from each other.

    Parameters
    ----------
    networks : sequence of Module
        Of one shape; the same one several times, if copies of it start alike.
    generator : torch.Generator or None
        Of what the networks draw, if they do not draw from torch's global one, as they do for None.

    Attributes
    ----------
    draws_apart : bool
        Whether they draw from ``generator``.
    parameters : dict of str to Parameter of shape (n_networks, ...)
    buffers : dict of str to Tensor of shape (n_networks, ...)
    """

    def __init__(
        self, networks: Sequence[nn.Module], generator: torch.Generator | None = None
    ) -> None:
        first = networks[0]
        self.network = copy.deepcopy(first)
        self.generator = generator
        own = [dict(network.named_parameters()) for network in networks]
        self.parameters = {
            name: nn.Parameter(torch.stack([o[name].detach() for o in own]), part.requires_grad)
            for name, part in first.named_parameters()
        }
        kept = [dict(network.named_buffers()) for network in networks]
        self.buffers = {name: torch.stack([o[name] for o in kept]) for name in kept[0]}

    @property
    def draws_apart(self) -> bool:
        return False

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Logits (n_networks, n_samples, n_classes) for rows (1 or n_networks, n_samples, ...)."""

    def train(self, mode: bool) -> None:
        self.network.train(mode)

    def state(self) -> dict[str, Tensor]:
        """Copy what the networks have learned."""
        parts = {**self.parameters, **self.buffers}
        return {name: part.detach().clone() for name, part in parts.items()}

    def keep(self, rows: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Go on with some of the networks, also in the memory of the optimizer."""
        kept = {}
        for name, old in self.parameters.items():
            new = kept[old] = nn.Parameter(old.detach()[rows], old.requires_grad)
            self.parameters[name] = new
            if old in optimizer.state:
                optimizer.state[new] = {
                    key: value[rows] if getattr(value, "shape", None) == old.shape else value
                    for key, value in optimizer.state.pop(old).items()
                }
        for group in optimizer.param_groups:
            group["params"] = [kept[p] for p in group["params"]]
        self.buffers = {name: part[rows] for name, part in self.buffers.items()}


class _LayerStack(StackedNetwork):
    """MLPs: one batched product for each layer."""

    def __init__(
        self, networks: Sequence[nn.Module], generator: torch.Generator | None = None
    ) -> None:
        super().__init__(networks, generator)
        (_, self.first), *layers = self.network.named_children()
        self.names = [name for name, part in layers if isinstance(part, nn.Linear)]
        self.dropout = dropout_rate(self.network)

    def keep(self, rows: Tensor, optimizer: torch.optim.Optimizer) -> None:
        super().keep(rows, optimizer)
        # What is computed for all alike has the statistics of those that are left.
        for name, part in self.network.named_buffers():
            part.copy_(self.buffers[name][0])

    @property
    def draws_apart(self) -> bool:
        return next(iter(self.parameters.values())).device.type == "cpu"

    def __call__(self, x: Tensor) -> Tensor:
        if len(x) == 1:
            x = self.first(x[0])
        else:
            # Each has statistics of its own rows; nothing else in an MLP is a buffer.
            own = {name.partition(".")[2]: part for name, part in self.buffers.items()}
            x = vmap(lambda buffers, rows: functional_call(self.first, buffers, (rows,)))(own, x)
        weights = [self.parameters[f"{name}.weight"] for name in self.names]
        biases = [self.parameters[f"{name}.bias"] for name in self.names]
        dropout = self.dropout if self.network.training else 0.0
        # All networks drop the units that a single network would drop.
        return fused_mlp(x, weights, biases, dropout, same_mask=True, generator=self.generator)


class _VmapNetwork(StackedNetwork):
    """Any network that ``torch.func.vmap`` can follow."""

    def __call__(self, x: Tensor) -> Tensor:
        def compute(
            parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], rows: Tensor
        ) -> Tensor:
            return functional_call(self.network, {**parameters, **buffers}, (rows,))

        shared = len(x) == 1
        mapped = vmap(compute, in_dims=(0, 0, None if shared else 0), randomness="same")
        return mapped(self.parameters, self.buffers, x[0] if shared else x)


def stack_networks(
    networks: Sequence[nn.Module],
    generator: torch.Generator | None,
    x: Tensor,
    precision: Callable[[], AbstractContextManager],
) -> StackedNetwork:
    """Make copies of networks, and let two of the first try a step of learning on a few rows.

    Raises
    ------
    NotStackable
        If they do not say and become what the network alone says and becomes.
    """
    mixed = not isinstance(precision(), nullcontext)
    network = networks[0]
    kind = _LayerStack if is_plain_mlp(network) and not mixed else _VmapNetwork
    # vmap computes in the precision of the parameters.
    coarse = 0.1 if mixed else 1e-3
    name = type(network).__name__
    trial = kind([network] * 2)
    alone = copy.deepcopy(network)
    try:
        # The training pass comes last: its slopes and buffers are compared too.
        for training in (False, True):
            with torch.enable_grad(), precision(), warnings.catch_warnings():
                # What vmap does slowly is still right.
                warnings.simplefilter("ignore")
                alone.train(training)
                trial.train(training)
                with seeded(x.device, 0):
                    expected = alone(x)
                # Rows may be the same for all networks, or each one's own.
                for rows in (torch.stack([x, x]), x.unsqueeze(0)):
                    for key, buffer in network.named_buffers():
                        trial.buffers[key].copy_(buffer)
                    with seeded(x.device, 0):
                        found = trial(rows)
                    _compare(name, found, expected, coarse)
        learning = [p for p in alone.parameters() if p.requires_grad]
        slopes = torch.autograd.grad(expected.sum(), learning, allow_unused=True)
        own = [p for p in trial.parameters.values() if p.requires_grad]
        together = torch.autograd.grad(found.sum(), own, allow_unused=True)
        for slope, slopes_found in zip(slopes, together, strict=True):
            if slope is not None and slopes_found is not None:
                _compare(name, slopes_found, slope, coarse)
        for key, buffer in alone.named_buffers():
            _compare(name, trial.buffers[key], buffer, 1e-6)
    except (RuntimeError, ValueError) as error:
        raise NotStackable(f"{name} cannot be mapped over networks: {error}.") from error
    return kind(networks, generator)


def _compare(name: str, found: Tensor, alone: Tensor, atol: float) -> None:
    found, alone = found.float(), alone.expand_as(found).float()
    if not torch.allclose(found, alone, rtol=1e-2, atol=atol, equal_nan=True):
        raise NotStackable(f"{name} is another network when it is mapped over networks.")


def saved_bytes(network: nn.Module, x: Tensor) -> int:
    """What a pass through a network in training keeps for the way back, parameters apart."""
    network = copy.deepcopy(network).train()
    sizes = {part.untyped_storage().data_ptr(): 0 for part in network.parameters()}

    def note(saved: Tensor) -> Tensor:
        sizes.setdefault(saved.untyped_storage().data_ptr(), saved.untyped_storage().nbytes())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        found = network(x)
    del found
    return sum(sizes.values())
