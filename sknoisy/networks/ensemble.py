"""Several independent networks as one module, whose logits have a leading axis of networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sknoisy.networks._checks import check_sizes
from sknoisy.networks._fused_mlp import dropout_rate, fused_mlp
from sknoisy.networks.inputs import PiecewiseLinear, Standardize
from sknoisy.networks.mlp import MLP, has_hooks, is_plain_mlp

__all__ = ["BatchedMLP", "NetworkEnsemble", "replicate"]


class NetworkEnsemble(nn.ModuleList):
    """Several independent networks, computed one after another.

    They have no parameters in common, so one backward pass over the sum of their losses trains
    each network as if it were alone.

    Parameters
    ----------
    modules : iterable of Module, default=None
        The networks; None: none.

    Examples
    --------
    >>> import torch
    >>> NetworkEnsemble([torch.nn.Linear(4, 3) for _ in range(2)])(torch.zeros(5, 4)).shape
    torch.Size([2, 5, 3])
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([network(x) for network in self])

    def network(self, i: int) -> nn.Module:
        """Return the network at position i."""
        return self[i]


class BatchedLinear(nn.Module):
    """Linear layers of several networks, computed by one batched product.

    Parameters
    ----------
    layers : sequence of Linear
        One layer of each network, all of the same shape and with biases.

    Attributes
    ----------
    weight : Parameter of shape (n_networks, n_out, n_in)
    bias : Parameter of shape (n_networks, 1, n_out)
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        biases = torch.stack([layer.bias.detach() for layer in layers])
        self.bias = nn.Parameter(biases.unsqueeze(1))

    def extra_repr(self) -> str:
        n_networks, n_out, n_in = self.weight.shape
        return f"{n_networks} x (in_features={n_in}, out_features={n_out})"

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            x = x.expand(len(self.weight), *x.shape)
        return torch.baddbmm(self.bias, x, self.weight.transpose(1, 2))


class BatchedMLP(nn.Sequential):
    """Several independent MLPs, computed by one batched product for each layer.

    The networks have only the statistics that standardise their input in common. A training pass is
    computed by :func:`~sknoisy.networks._fused_mlp.fused_mlp`, which has no second
    derivative. Layers are called one by one in evaluation mode, in mixed precision, if the input
    requires a gradient, if a layer has hooks, and if parameters are frozen or replaced
    (``torch.func.functional_call``).

    Parameters
    ----------
    networks : sequence of MLP

    Examples
    --------
    >>> import torch
    >>> BatchedMLP([MLP(4, 3), MLP(4, 3)])(torch.zeros(5, 4)).shape
    torch.Size([2, 5, 3])
    """

    def __init__(self, networks: Sequence[MLP]) -> None:
        networks = list(networks)
        if not networks or not all(isinstance(network, MLP) for network in networks):
            raise TypeError(
                "The 'networks' parameter of BatchedMLP must hold at least one MLP, and nothing "
                f"else. Got {networks!r:.80} instead."
            )
        shapes = [[tuple(p.shape) for p in network.parameters()] for network in networks]
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(
                "The 'networks' parameter of BatchedMLP must hold MLPs of the same sizes. Got "
                f"parameters of shapes {shapes}."
            )
        layers: list[nn.Module] = []
        for parallel in zip(*networks, strict=True):
            linear = [layer for layer in parallel if isinstance(layer, nn.Linear)]
            layers.append(BatchedLinear(linear) if linear else parallel[0])
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_fused(x) if self._can_fuse(x) else super().forward(x)

    def _can_fuse(self, x: Tensor) -> bool:
        return (
            all(part.training for part in (self, *self))
            and torch.is_grad_enabled()
            and not (x.requires_grad or torch.is_autocast_enabled(x.device.type))
            and not any(map(has_hooks, self))
            and all(isinstance(p, nn.Parameter) and p.requires_grad for p in self.parameters())
        )

    def _forward_fused(self, x: Tensor) -> Tensor:
        layers = [layer for layer in self if isinstance(layer, BatchedLinear)]
        weights, biases = zip(*((layer.weight, layer.bias) for layer in layers), strict=True)
        return fused_mlp(self[0](x), weights, biases, dropout_rate(self))

    def network(self, i: int) -> MLP:
        """Return a copy of the network at position i."""
        layers = [layer for layer in self if isinstance(layer, BatchedLinear)]
        widths = [layer.weight.shape[1] for layer in layers[:-1]]
        first, last = self[0], layers[-1].weight
        assert isinstance(first, Standardize)
        bins = first.lower_edge.shape[1] if isinstance(first, PiecewiseLinear) else 0
        mlp = MLP(len(first.shift), last.shape[1], widths, dropout_rate(self), bins)
        mlp.to(last.device, last.dtype)
        for source, copied in zip(self, mlp, strict=True):
            if isinstance(source, BatchedLinear) and isinstance(copied, nn.Linear):
                copied.weight.data.copy_(source.weight[i])
                copied.bias.data.copy_(source.bias[i, 0])
            else:
                copied.load_state_dict(source.state_dict())
        return mlp.train(self.training)


def replicate(build: Callable[[], nn.Module], n_networks: int) -> nn.Module:
    """Build one network, or several that start from different parameters.

    Parameters
    ----------
    build : callable
        Returns a new network, or a copy of a given one.
    n_networks : int

    Returns
    -------
    Module
        The network that ``build`` returns, if ``n_networks`` is 1. A :class:`BatchedMLP`, if all
        are unchanged instances of :class:`~sknoisy.networks.MLP`. Otherwise a
        :class:`NetworkEnsemble`.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.networks import MLP, replicate
    >>> replicate(lambda: MLP(4, 3), n_networks=2)(torch.zeros(5, 4)).shape
    torch.Size([2, 5, 3])
    """
    check_sizes("replicate", n_networks=n_networks)
    first, *others = (_built(build) for _ in range(n_networks))
    if n_networks == 1:
        return first
    for other in others:
        if _start_alike(first, other):
            _reset_parameters(other)
    networks = [first, *others]
    # Batched products need layers of the same shape, none of them frozen.
    plain = [network for network in networks if isinstance(network, MLP) and is_plain_mlp(network)]
    return BatchedMLP(plain) if len(plain) == n_networks else NetworkEnsemble(networks)


def _built(build: Any) -> nn.Module:
    network = build() if callable(build) else build
    if not callable(build) or not isinstance(network, nn.Module):
        raise TypeError(
            "The 'build' parameter of replicate must be a callable that returns a torch Module. "
            f"Got {build!r}{f', which returns {network!r}' if callable(build) else ''} instead."
        )
    return network


def _start_alike(first: nn.Module, second: nn.Module) -> bool:
    """Whether two networks have equal parameters, so that training would keep them equal."""
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    # On the meta device there are no values yet.
    return all(is_lazy(p) or (not p.is_meta and torch.equal(p, q)) for p, q in pairs)


def _reset_parameters(network: nn.Module) -> None:
    for layer in network.modules():
        reset = getattr(layer, "reset_parameters", None)
        # Frozen layers are pretrained: after a reset they could not be trained again.
        if callable(reset) and any(p.requires_grad for p in layer.parameters(recurse=False)):
            reset()
