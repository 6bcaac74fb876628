"""Networks: the built-in MLP and CNN, and several networks as one axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

__all__ = [
    "CNN",
    "MLP",
    "PiecewiseLinear",
    "Peers",
    "Standardize",
    "StackedMLP",
    "capture_features",
    "replicate",
]


class Standardize(nn.Module):
    """Centre and scale the inputs by training statistics, kept in buffers.

    As the first layer of a network it is given the statistics of the training set before training
    begins, unless it has some already.

    Parameters
    ----------
    n_in : int
        Columns of a table, or channels of an image (axis 1).

    Attributes
    ----------
    shift, scale : Tensor of shape (n_in,)
        Inputs become ``x * scale + shift``: the reciprocal of the weighted standard deviation and
        less the weighted mean times it; 1 and 0 until :meth:`adapt`.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_in))
        self.register_buffer("scale", torch.ones(n_in))

    @property
    def untouched(self) -> bool:
        """Whether there are no statistics yet."""
        return not self.shift.any() and bool((self.scale == 1).all())

    @torch.no_grad()
    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Take the statistics from batches of (x, weight), in one pass and in double precision.

        Raises
        ------
        ValueError
            If x has not ``n_in`` columns or channels.
        """
        total, mean, spread = 0.0, torch.zeros(()), torch.zeros(())
        for x, weight in batches:
            if x.shape[1] != len(self.shift):
                raise ValueError(
                    f"Standardize was made for n_in={len(self.shift)} columns or channels. Got "
                    f"{x.shape[1]}."
                )
            x = x.movedim(1, -1).flatten(1, -2) if x.dim() > 2 else x.unsqueeze(1)
            # MPS has no double precision.
            wide = torch.float32 if x.device.type == "mps" else torch.float64
            x, w = x.to(wide), weight.to(wide)
            part = float(w.sum()) * x.shape[1]
            if part == 0:
                continue
            part_mean = torch.einsum("b,bsc->c", w, x) / part
            part_spread = torch.einsum("b,bsc->c", w, (x - part_mean) ** 2)
            # Chan et al. 1979: merge two parts' moments without cancellation.
            shift = part_mean - mean
            spread = spread + part_spread + shift**2 * (total * part / (total + part))
            mean = mean + shift * (part / (total + part))
            total += part
        std = (spread / total).sqrt()
        # A column that does not vary, but for rounding, carries nothing: leave its scale alone.
        varies = std > 10 * torch.finfo(self.shift.dtype).eps * mean.abs()
        scale = torch.where(varies, 1.0 / std, 1.0)
        self.scale.copy_(scale)
        self.shift.copy_(-mean * scale)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return torch.addcmul(self.shift, x, self.scale)
        shape = (-1,) + (1,) * (x.dim() - 2)
        return torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))


class PiecewiseLinear(Standardize):
    """Standardise, and add to each column how far a number reaches into each bin of its values.

    Bins hold equal shares of the training set. A number at ``x`` has passed those below it (1), not
    touched those above it (-1), and lies somewhere in its own, so that the first layer can bend
    at each edge. What trees do well on tables, thresholds, becomes easy.

    Parameters
    ----------
    n_in : int
        Number of columns.
    bins : int
        Bins of each column. One that holds nothing, as many values are equal, stays silent.

    Attributes
    ----------
    low, steep : Tensor of shape (n_in, bins)
        Lower edge of each bin, and the reciprocal of its width; 0 for a bin of no width.

    References
    ----------
    Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022,
    Eq. 1; scaled to [-1, 1] here, and beside the number itself.

    Examples
    --------
    >>> import torch
    >>> layer = PiecewiseLinear(1, bins=2)
    >>> layer.adapt([(torch.arange(5.0)[:, None], torch.ones(5))])
    >>> layer(torch.tensor([[1.0], [4.0]]))[:, 1:]
    tensor([[ 0., -1.],
            [ 1.,  1.]])
    """

    low: Tensor
    steep: Tensor

    def __init__(self, n_in: int, bins: int) -> None:
        super().__init__(n_in)
        self.register_buffer("low", torch.zeros(n_in, bins))
        self.register_buffer("steep", torch.zeros(n_in, bins))

    @torch.no_grad()
    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        sample = _Thinned()
        super().adapt(sample.watch(batches))
        x, weight = sample.rows()
        x, order = x.sort(dim=0)
        reached = weight[order].cumsum(dim=0)
        reached = (reached / reached[-1:].clamp_min(torch.finfo(reached.dtype).tiny)).T.contiguous()
        bins = self.low.shape[1]
        share = torch.linspace(0, 1, bins + 1, dtype=reached.dtype, device=x.device)
        # A little below each share, so that rounding does not move an edge by a row.
        place = torch.searchsorted(reached, (share - 1e-6).expand(len(reached), -1).contiguous())
        edges = x.T.gather(1, place.clamp_max(len(x) - 1))
        width = edges.diff(dim=1)
        self.low.copy_(edges[:, :-1])
        self.steep.copy_(torch.where(width > 0, 1.0 / width, 0.0))

    def extra_repr(self) -> str:
        return "{}, bins={}".format(*self.low.shape)

    def forward(self, x: Tensor) -> Tensor:
        passed = ((x.unsqueeze(-1) - self.low) * self.steep).clamp(0.0, 1.0)
        passed = torch.where(self.steep > 0, 2.0 * passed - 1.0, 0.0)
        return torch.cat([super().forward(x), passed.flatten(1)], dim=1)


class _Thinned:
    """Some tens of thousands of rows, evenly spread over any number of them."""

    _ROWS = 20_000

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.stride, self.seen = 1, 0

    def watch(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        for x, weight in batches:
            first = -self.seen % self.stride
            self.kept.append((x[first :: self.stride], weight[first :: self.stride]))
            self.seen += len(x)
            if sum(len(part) for part, _ in self.kept) > self._ROWS:
                x, weight = self.rows()
                self.kept, self.stride = [(x[::2], weight[::2])], 2 * self.stride
            yield x, weight

    def rows(self) -> tuple[Tensor, Tensor]:
        x, weight = (torch.cat(parts) for parts in zip(*self.kept, strict=True))
        return x, weight


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
        for width in (hidden,) if isinstance(hidden, int) else hidden:
            layers += [nn.Linear(n_in, width), nn.ReLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
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
        layers += [nn.Dropout(dropout)] if dropout else []
        super().__init__(*layers, nn.Linear(hidden, n_out))


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
    weight : Parameter of shape (n_networks, n_in, n_out)
    bias : Parameter of shape (n_networks, 1, n_out)
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        weights = torch.stack([layer.weight.detach().T for layer in layers])
        biases = torch.stack([layer.bias.detach() for layer in layers])
        self.weight = nn.Parameter(weights.contiguous())
        self.bias = nn.Parameter(biases.unsqueeze(1))

    def extra_repr(self) -> str:
        n_networks, n_in, n_out = self.weight.shape
        return f"{n_networks} x (in_features={n_in}, out_features={n_out})"

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            x = x.expand(len(self.weight), *x.shape)
        return torch.baddbmm(self.bias, x, self.weight)


class StackedMLP(nn.Sequential):
    """Several independent MLPs as a leading axis, computed at once.

    One batched product takes the place of one product for each network, which from three networks
    on takes about half of the time. They share nothing but the statistics that standardise their
    input.

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

    def network(self, i: int) -> MLP:
        """Return a copy of one of the networks."""
        parts = [part for part in self if isinstance(part, PeerLinear)]
        widths = [part.weight.shape[2] for part in parts[:-1]]
        dropout = next((part.p for part in self if isinstance(part, nn.Dropout)), 0.0)
        first, last = self[0], parts[-1].weight
        assert isinstance(first, Standardize)
        bins = first.low.shape[1] if isinstance(first, PiecewiseLinear) else 0
        made = MLP(len(first.shift), last.shape[2], widths, dropout, bins)
        made.to(last.device, last.dtype)
        for mine, theirs in zip(self, made, strict=True):
            if isinstance(mine, PeerLinear) and isinstance(theirs, nn.Linear):
                theirs.weight.data.copy_(mine.weight[i].T)
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
    # One product for all networks has no place for layers frozen in some of them.
    learning = all(p.requires_grad for network in networks for p in network.parameters())
    stackable = [network for network in networks if type(network) is MLP and learning]
    return StackedMLP(stackable) if len(stackable) == n_networks else Peers(networks)


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
