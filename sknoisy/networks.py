"""Networks: the built-in MLP and CNN, and several networks as one axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sknoisy._batched import batched_mlp, kept_units
from sknoisy.inputs import PiecewiseLinear, Standardize

__all__ = [
    "CNN",
    "Dropout",
    "MLP",
    "PiecewiseLinear",
    "Peers",
    "Standardize",
    "StackedMLP",
    "capture_features",
    "is_plain_mlp",
    "replicate",
]


class Dropout(nn.Dropout):
    """Dropout whose random numbers cost little on the CPU; elsewhere it is torch's own.

    Parameters
    ----------
    p : float, default=0.5
        Probability of dropping a unit, rounded to a multiple of 2 ** -16.

    Examples
    --------
    >>> import torch
    >>> Dropout(0.25).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or x.device.type != "cpu":
            return super().forward(x)
        return x * kept_units(x, self.p)


class MLP(nn.Sequential):
    """A multi-layer perceptron that standardises its own input.

    Parameters
    ----------
    n_in : int
        Number of columns.
    n_out : int
        Number of classes.
    hidden : int or sequence of int, default=(128, 128)
        Width of each hidden layer; an int: of the only one.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.
    bins : int or "auto", default=0
        Bins of the :class:`PiecewiseLinear` encoding of each column; 0: none. "auto": 8 for up to
        32 columns, fewer for more, none from 128 on, so that there are at most 256 in all.

    Examples
    --------
    >>> import torch
    >>> MLP(4, 3, hidden=(8,))(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        hidden: int | Sequence[int] = (128, 128),
        dropout: float = 0.0,
        bins: int | str = 0,
    ) -> None:
        if bins == "auto":
            bins = min(8, 256 // n_in)
        if not isinstance(bins, Integral) or bins < 0:
            raise ValueError(
                "The 'bins' parameter of MLP must be 'auto' or an int in the range [0, inf). Got "
                f"{bins!r} instead."
            )
        encoded = bins > 1
        layers: list[nn.Module] = [
            PiecewiseLinear(n_in, int(bins)) if encoded else Standardize(n_in)
        ]
        n_in = n_in * (1 + int(bins)) if encoded else n_in
        for width in (hidden,) if isinstance(hidden, Integral) else hidden:
            layers += [nn.Linear(n_in, width), nn.ReLU()]
            layers += [Dropout(dropout)] if dropout else []
            n_in = width
        super().__init__(*layers, nn.Linear(n_in, n_out))


class CNN(nn.Sequential):
    """A small convolutional network for images (channels, height, width) of any size.

    Parameters
    ----------
    n_in : int
        Number of channels.
    n_out : int
        Number of classes.
    widths : sequence of int, default=(32, 64)
        Channels of each stage; a stage is a 3 x 3 convolution and, from the second stage on, a
        halving of the image before it.
    pooled : int, default=4
        Height and width that the last stage is averaged to.
    hidden : int, default=128
        Width of the layer before the last.
    dropout : float, default=0.0
        Probability of dropping a hidden unit.

    Examples
    --------
    >>> import torch
    >>> CNN(3, 10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        widths: Sequence[int] = (32, 64),
        pooled: int = 4,
        hidden: int = 128,
        dropout: float = 0.0,
    ) -> None:
        layers: list[nn.Module] = [Standardize(n_in)]
        for i, width in enumerate(widths):
            # Without ceil_mode an image of one pixel would vanish.
            layers += [nn.MaxPool2d(2, ceil_mode=True)] if i else []
            layers += [nn.Conv2d(n_in, width, 3, padding=1), nn.ReLU()]
            n_in = width
        layers += [nn.AdaptiveAvgPool2d(pooled), nn.Flatten()]
        layers += [nn.Linear(n_in * pooled**2, hidden), nn.ReLU()]
        layers += [Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(hidden, n_out))

    def forward(self, x: Tensor) -> Tensor:
        # Channels last in memory, in which convolutions on the CPU are faster. With one channel a
        # plain change of the memory format would change nothing, and vmap knows no formats.
        x = x.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
        return super().forward(x.permute(0, 3, 1, 2))


class Peers(nn.ModuleList):
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


class PeerLinear(nn.Module):
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
    :func:`~sknoisy._batched.batched_mlp`, which has no second derivative, unless somebody looks
    into them (hooks), replaces their parameters, or asks for mixed precision.

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
            layers.append(PeerLinear(linear) if linear else each[0])
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
        layers = [part for part in self if isinstance(part, PeerLinear)]
        n_networks, dropout = len(layers[0].weight), self._dropout()
        kept: list[Tensor | None] = [None] * (len(layers) - 1)
        if dropout:
            sizes = [(n_networks, len(x), part.weight.shape[1]) for part in layers[:-1]]
            kept = [kept_units(x.new_empty(size), dropout) for size in sizes]
        weights, biases = zip(*((part.weight, part.bias) for part in layers), strict=True)
        return batched_mlp(self[0](x), weights, biases, kept)

    def _dropout(self) -> float:
        return next((part.p for part in self if isinstance(part, nn.Dropout)), 0.0)

    def network(self, i: int) -> MLP:
        """Return a copy of one of the networks."""
        parts = [part for part in self if isinstance(part, PeerLinear)]
        widths = [part.weight.shape[1] for part in parts[:-1]]
        first, last = self[0], parts[-1].weight
        assert isinstance(first, Standardize)
        bins = first.low.shape[1] if isinstance(first, PiecewiseLinear) else 0
        made = MLP(len(first.shift), last.shape[1], widths, self._dropout(), bins)
        made.to(last.device, last.dtype)
        for mine, theirs in zip(self, made, strict=True):
            if isinstance(mine, PeerLinear) and isinstance(theirs, nn.Linear):
                theirs.weight.data.copy_(mine.weight[i])
                theirs.bias.data.copy_(mine.bias[i, 0])
            else:
                theirs.load_state_dict(mine.state_dict())
        return made.train(self.training)


def is_plain_mlp(network: nn.Module) -> bool:
    """Whether a network is an MLP as it was built, which nobody has changed or looks into."""
    if type(network) is not MLP or not len(network):
        return False
    first, *rest = network
    dropouts = {part.p for part in rest if isinstance(part, nn.Dropout)}
    if len(dropouts) > 1 or type(first) not in (Standardize, PiecewiseLinear):
        return False
    layer: list[type[nn.Module]] = [nn.Linear, nn.ReLU] + [Dropout] * len(dropouts)
    depth = len(rest) // len(layer)
    return (
        [type(part) for part in rest] == layer * depth + [nn.Linear]
        and all(part.bias is not None for part in rest if isinstance(part, nn.Linear))
        and all(p.requires_grad for p in network.parameters())
        and len(list(network.parameters())) == 2 * depth + 2
        and not any(map(_looked_into, (network, *network)))
    )


def _looked_into(part: nn.Module) -> bool:
    hooks = (
        part._forward_hooks, part._forward_pre_hooks, part._backward_hooks,
        part._backward_pre_hooks,
    )  # fmt: skip
    return any(hooks) or "forward" in vars(part)


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
    return StackedMLP(plain) if len(plain) == n_networks else Peers(networks)


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


def capture_features(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute logits and what reached the last linear layer, in one pass.

    Parameters
    ----------
    network : Module
    x : Tensor

    Returns
    -------
    logits : Tensor of shape ([n_networks,] n_samples, n_classes)
    features : Tensor of shape ([n_networks,] n_samples, n_features)
    """
    networks = list(network) if isinstance(network, Peers) else [network]
    logits, features = zip(*(_captured(one, x) for one in networks), strict=True)
    if isinstance(network, Peers):
        return torch.stack(logits), torch.stack(features)
    return logits[0], features[0]


def _captured(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    last: list[Tensor] = []

    def remember(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        # The last linear layer *called*: the order of registration need not be that of execution.
        last[:] = [inputs[0]]

    hooks = [
        part.register_forward_pre_hook(remember)
        for part in network.modules()
        if isinstance(part, (nn.Linear, PeerLinear))
    ]
    try:
        logits = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    # A network without a linear layer is its own representation.
    features = last[0] if last else logits
    if isinstance(network, StackedMLP):
        return logits, features.expand(len(logits), *features.shape[-2:])
    return logits, features.flatten(1)
