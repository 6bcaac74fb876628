"""First layers, which take the statistics of the training set before training begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

__all__ = ["PiecewiseLinear", "Standardize"]


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
    piecewise linear encoding. Departures: scaled to [-1, 1], beside the number itself, and constant
    beyond the first and last edge, where theirs goes on.

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
