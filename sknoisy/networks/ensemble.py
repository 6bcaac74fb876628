"""Several networks as one, with a leading axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sknoisy.networks._fused_mlp import dropout_rate, fused_mlp
from sknoisy.networks.inputs import PiecewiseLinear, Standardize
from sknoisy.networks.mlp import MLP, _looked_into, is_plain_mlp

__all__ = ["NetworkEnsemble", "StackedMLP", "replicate"]


class NetworkEnsemble(nn.ModuleList):
    """Several independent networks as a leading axis, computed one after another.

    They share nothing, so one backward pass over the sum of their losses trains each as if alone.

    Parameters
    ----------
    networks : iterable of Module
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([network(x) for network in self])

    def network(self, i: int) -> nn.Module:
        """Return one of the networks."""
        return self[i]


class BatchedLinear(nn.Module):
    """Linear layers of several networks, computed at once.

    Parameters
    ----------
    layers : sequence of Linear
        One of each network, all of the same shape, with biases.

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


class StackedMLP(nn.Sequential):
    """Several independent MLPs as a leading axis, computed at once.

    One batched product takes the place of one product for each network, and they share nothing but
    the statistics that standardise their input. In training, layers are computed by
    :func:`~sknoisy.networks._fused_mlp.fused_mlp`, which has no second derivative, unless
    somebody looks into them (hooks), replaces their parameters, or asks for mixed precision.

    Parameters
    ----------
    networks : sequence of MLP

    Examples
    --------
    >>> import torch
    >>> StackedMLP([MLP(4, 3), MLP(4, 3)])(torch.zeros(5, 4)).shape
    torch.Size([2, 5, 3])
    """

    def __init__(self, networks: Sequence[MLP]) -> None:
        layers: list[nn.Module] = []
        for each in zip(*networks, strict=True):
            linear = [layer for layer in each if isinstance(layer, nn.Linear)]
            layers.append(BatchedLinear(linear) if linear else each[0])
        super().__init__(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self._at_once(x) if self._plain(x) else super().forward(x)

    def _plain(self, x: Tensor) -> bool:
        return (
            all(part.training for part in (self, *self))
            and torch.is_grad_enabled()
            and not (x.requires_grad or torch.is_autocast_enabled(x.device.type))
            and not any(map(_looked_into, self))
            and all(isinstance(p, nn.Parameter) and p.requires_grad for p in self.parameters())
        )

    def _at_once(self, x: Tensor) -> Tensor:
        layers = [part for part in self if isinstance(part, BatchedLinear)]
        weights, biases = zip(*((part.weight, part.bias) for part in layers), strict=True)
        return fused_mlp(self[0](x), weights, biases, dropout_rate(self))

    def network(self, i: int) -> MLP:
        """Return a copy of one of the networks."""
        parts = [part for part in self if isinstance(part, BatchedLinear)]
        widths = [part.weight.shape[1] for part in parts[:-1]]
        first, last = self[0], parts[-1].weight
        assert isinstance(first, Standardize)
        bins = first.low.shape[1] if isinstance(first, PiecewiseLinear) else 0
        made = MLP(len(first.shift), last.shape[1], widths, dropout_rate(self), bins)
        made.to(last.device, last.dtype)
        for mine, theirs in zip(self, made, strict=True):
            if isinstance(mine, BatchedLinear) and isinstance(theirs, nn.Linear):
                theirs.weight.data.copy_(mine.weight[i])
                theirs.bias.data.copy_(mine.bias[i, 0])
            else:
                theirs.load_state_dict(mine.state_dict())
        return made.train(self.training)


def replicate(build: Callable[[], nn.Module], n_networks: int) -> nn.Module:
    """Build one network, or several with starts of their own.

    Parameters
    ----------
    build : callable
        Returns a network: a new one, or a copy of a given one.
    n_networks : int

    Returns
    -------
    Module
    """
    if n_networks == 1:
        return build()
    first, *others = (build() for _ in range(n_networks))
    for other in others:
        if _twins(first, other):
            _restart(other)
    networks = [first, *others]
    # One product for all networks has no place for layers of one's own, or frozen in some of them.
    plain = [network for network in networks if isinstance(network, MLP) and is_plain_mlp(network)]
    return StackedMLP(plain) if len(plain) == n_networks else NetworkEnsemble(networks)


def _twins(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks start alike, and would learn alike."""
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(is_lazy(p) or torch.equal(p, q) for p, q in pairs)


def _restart(network: nn.Module) -> None:
    for part in network.modules():
        reset = getattr(part, "reset_parameters", None)
        # What is frozen was trained before, and cannot learn anew.
        if callable(reset) and any(p.requires_grad for p in part.parameters(recurse=False)):
            reset()
