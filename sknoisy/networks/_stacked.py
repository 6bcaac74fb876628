"""Several networks of one architecture, computed together with a leading axis of networks."""

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
    """Raised if copies of a network cannot be computed together."""


class StackedNetwork(ABC):
    """Copies of several networks, computed together and trained independently.

    Parameters
    ----------
    networks : sequence of Module
        Networks of the same architecture. A network may be repeated; its copies start alike.
    generator : torch.Generator, default=None
        Draws the dropout masks if ``uses_generator``; None: torch's global generator does.

    Attributes
    ----------
    parameters : dict of str to Parameter of shape (n_networks, ...)
    buffers : dict of str to Tensor of shape (n_networks, ...)
    """

    def __init__(
        self, networks: Sequence[nn.Module], generator: torch.Generator | None = None
    ) -> None:
        first = networks[0]
        self.network = copy.deepcopy(first)
        self.generator = generator
        parameters = [dict(network.named_parameters()) for network in networks]
        self.parameters = {
            name: nn.Parameter(
                torch.stack([part[name].detach() for part in parameters]), parameter.requires_grad
            )
            for name, parameter in first.named_parameters()
        }
        buffers = [dict(network.named_buffers()) for network in networks]
        self.buffers = {name: torch.stack([part[name] for part in buffers]) for name in buffers[0]}

    @property
    def uses_generator(self) -> bool:
        """Whether random numbers come from ``generator`` instead of torch's global one."""
        return False

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Compute logits (n_networks, n_samples, n_classes) of x (1 or n_networks, n_samples, ...).

        With a first axis of length 1 all networks get the same samples.
        """

    def train(self, mode: bool) -> None:
        """Switch between training and evaluation mode."""
        self.network.train(mode)

    def state(self) -> dict[str, Tensor]:
        """Copy all parameters and buffers."""
        tensors = {**self.parameters, **self.buffers}
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def select(self, positions: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Drop all networks but those at some positions, also from the optimizer's state."""
        selected = {}
        for name, old in self.parameters.items():
            new = selected[old] = nn.Parameter(old.detach()[positions], old.requires_grad)
            self.parameters[name] = new
            if old in optimizer.state:
                optimizer.state[new] = {
                    key: value[positions] if getattr(value, "shape", None) == old.shape else value
                    for key, value in optimizer.state.pop(old).items()
                }
        for group in optimizer.param_groups:
            group["params"] = [selected[parameter] for parameter in group["params"]]
        self.buffers = {name: buffer[positions] for name, buffer in self.buffers.items()}


class _FusedNetwork(StackedNetwork):
    """Stacked built-in MLPs, computed by :func:`fused_mlp`."""

    def __init__(
        self, networks: Sequence[nn.Module], generator: torch.Generator | None = None
    ) -> None:
        super().__init__(networks, generator)
        (_, self.first), *layers = self.network.named_children()
        self.linear = [name for name, layer in layers if isinstance(layer, nn.Linear)]
        self.dropout = dropout_rate(self.network)

    def select(self, positions: Tensor, optimizer: torch.optim.Optimizer) -> None:
        super().select(positions, optimizer)
        # Samples that all networks get are standardised once, by the first layer of ``network``.
        for name, buffer in self.network.named_buffers():
            buffer.copy_(self.buffers[name][0])

    @property
    def uses_generator(self) -> bool:
        return next(iter(self.parameters.values())).device.type == "cpu"

    def __call__(self, x: Tensor) -> Tensor:
        if len(x) == 1:
            x = self.first(x[0])
        else:
            # Only the first layer of an MLP has buffers: the statistics of each training set.
            buffers = {name.partition(".")[2]: buffer for name, buffer in self.buffers.items()}
            x = vmap(lambda part, rows: functional_call(self.first, part, (rows,)))(buffers, x)
        weights = [self.parameters[f"{name}.weight"] for name in self.linear]
        biases = [self.parameters[f"{name}.bias"] for name in self.linear]
        dropout = self.dropout if self.network.training else 0.0
        # All networks drop the units that a single network would drop.
        return fused_mlp(x, weights, biases, dropout, same_mask=True, generator=self.generator)


class _VmapNetwork(StackedNetwork):
    """Stacked networks of any architecture that ``torch.func.vmap`` supports."""

    def __call__(self, x: Tensor) -> Tensor:
        def compute(
            parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], rows: Tensor
        ) -> Tensor:
            return functional_call(self.network, {**parameters, **buffers}, (rows,))

        same_rows = len(x) == 1
        mapped = vmap(compute, in_dims=(0, 0, None if same_rows else 0), randomness="same")
        return mapped(self.parameters, self.buffers, x[0] if same_rows else x)


def stack_networks(
    networks: Sequence[nn.Module],
    generator: torch.Generator | None,
    x: Tensor,
    precision: Callable[[], AbstractContextManager],
) -> StackedNetwork:
    """Stack networks, after a check that stacking does not change what the first one computes.

    Parameters
    ----------
    networks : sequence of Module
        Networks of the same architecture.
    generator : torch.Generator or None
        Draws the dropout masks if the result ``uses_generator``.
    x : Tensor of shape (n_samples, ...)
        A few samples for the check.
    precision : callable
        Returns the context manager of mixed precision, or a ``nullcontext``.

    Returns
    -------
    StackedNetwork

    Raises
    ------
    NotStackable
        If logits, gradients or buffers differ, or ``torch.func.vmap`` fails.
    """
    mixed = not isinstance(precision(), nullcontext)
    network = networks[0]
    kind = _FusedNetwork if is_plain_mlp(network) and not mixed else _VmapNetwork
    # vmap computes in the precision of the parameters.
    atol = 0.1 if mixed else 1e-3
    copies = kind([network] * 2)
    try:
        _check_equal(network, copies, x, precision, atol)
    except (RuntimeError, ValueError) as error:
        name, reason = type(network).__name__, str(error).rstrip(" .")
        raise NotStackable(f"Copies of {name} cannot be computed together: {reason}.") from error
    return kind(networks, generator)


def _check_equal(
    network: nn.Module,
    stacked: StackedNetwork,
    x: Tensor,
    precision: Callable[[], AbstractContextManager],
    atol: float,
) -> None:
    """Compare logits, gradients and buffers of stacked copies with those of the network."""
    name = type(network).__name__
    single = copy.deepcopy(network)
    # Training mode comes last because its gradients and buffers are compared afterwards.
    for training in (False, True):
        with torch.enable_grad(), precision(), warnings.catch_warnings():
            # vmap warns of slow operations, whose results are correct.
            warnings.simplefilter("ignore")
            single.train(training)
            stacked.train(training)
            with seeded(x.device, 0):
                expected = single(x)
            # First with samples for each network, then with the same samples for both.
            for rows in (torch.stack([x, x]), x.unsqueeze(0)):
                for key, buffer in network.named_buffers():
                    stacked.buffers[key].copy_(buffer)
                with seeded(x.device, 0):
                    logits = stacked(rows)
                _assert_close(name, logits, expected, atol)
    expected_grads, grads = (
        torch.autograd.grad(
            output.sum(), [p for p in parameters if p.requires_grad], allow_unused=True
        )
        for output, parameters in (
            (expected, single.parameters()),
            (logits, stacked.parameters.values()),
        )
    )
    for expected_grad, grad in zip(expected_grads, grads, strict=True):
        if expected_grad is not None and grad is not None:
            _assert_close(name, grad, expected_grad, atol)
    for key, buffer in single.named_buffers():
        _assert_close(name, stacked.buffers[key], buffer, 1e-6)


def _assert_close(name: str, stacked: Tensor, single: Tensor, atol: float) -> None:
    stacked, single = stacked.float(), single.expand_as(stacked).float()
    if not torch.allclose(stacked, single, rtol=1e-2, atol=atol, equal_nan=True):
        raise NotStackable(f"Copies of {name} computed together give other results than one alone.")


def saved_bytes(network: nn.Module, x: Tensor) -> int:
    """Count the bytes that a forward pass in training saves for the backward pass.

    Parameters of the network are not counted.
    """
    network = copy.deepcopy(network).train()
    sizes = {parameter.untyped_storage().data_ptr(): 0 for parameter in network.parameters()}

    def record(saved: Tensor) -> Tensor:
        sizes.setdefault(saved.untyped_storage().data_ptr(), saved.untyped_storage().nbytes())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(record, lambda saved: saved):
        network(x)
    return sum(sizes.values())
