"""First layers of networks, adapted to statistics of the training set before training begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

__all__ = ["PiecewiseLinear", "Standardize"]


class Standardize(nn.Module):
    """Standardise the inputs with the mean and standard deviation of the training set.

    The estimator adapts this layer to its training set before training begins, unless the layer is
    already adapted.

    Parameters
    ----------
    n_in : int
        Number of columns of a table, or of channels of an image (axis 1).

    Attributes
    ----------
    scale : Tensor of shape (n_in,)
        Reciprocal of the weighted standard deviation, 0 for a constant column; 1 before
        :meth:`adapt`.
    shift : Tensor of shape (n_in,)
        ``-mean * scale``, so that inputs become ``x * scale + shift``; 0 before :meth:`adapt`.

    Examples
    --------
    >>> import torch
    >>> layer = Standardize(1)
    >>> layer.adapt([(torch.tensor([[1.0], [3.0]]), torch.ones(2))])
    >>> layer(torch.tensor([[3.0]]))
    tensor([[1.]])
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(n_in))
        self.register_buffer("scale", torch.ones(n_in))

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has statistics of a training set."""
        return bool(self.shift.any()) or not bool((self.scale == 1).all())

    @torch.no_grad()
    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Compute the statistics of a training set, in one pass and in double precision.

        Parameters
        ----------
        batches : iterable of (x, weight)
            Tensors of shape (n_samples, n_in, ...) and (n_samples,).

        Raises
        ------
        ValueError
            If x does not have ``n_in`` columns or channels.
        """
        total, mean, squares = 0.0, torch.zeros(()), torch.zeros(())
        for x, weight in batches:
            if x.shape[1] != len(self.shift):
                raise ValueError(
                    f"{type(self).__name__} expects n_in={len(self.shift)} columns or channels. "
                    f"Got {x.shape[1]} instead."
                )
            x = x.movedim(1, -1).flatten(1, -2) if x.dim() > 2 else x.unsqueeze(1)
            # MPS has no double precision.
            dtype = torch.float32 if x.device.type == "mps" else torch.float64
            x, w = x.to(dtype), weight.to(dtype)
            part = float(w.sum()) * x.shape[1]
            if part == 0:
                continue
            part_mean = torch.einsum("b,bsc->c", w, x) / part
            part_squares = torch.einsum("b,bsc->c", w, (x - part_mean) ** 2)
            # Chan et al. 1979: merge the moments of two parts without cancellation.
            shift = part_mean - mean
            squares = squares + part_squares + shift**2 * (total * part / (total + part))
            mean = mean + shift * (part / (total + part))
            total += part
        std = (squares / total).sqrt()
        # A column that varies by rounding errors only becomes 0: its weights are never trained.
        varies = std > 10 * torch.finfo(self.shift.dtype).eps * mean.abs()
        scale = torch.where(varies, 1.0 / std, 0.0)
        self.scale.copy_(scale)
        self.shift.copy_(-mean * scale)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return torch.addcmul(self.shift, x, self.scale)
        shape = (-1,) + (1,) * (x.dim() - 2)
        return torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))


class PiecewiseLinear(Standardize):
    """Standardise the columns and append a piecewise linear encoding of each.

    The values of a column are split into bins of equal weight in the training set. The encoding
    has one feature per bin: -1 for values below the bin, 1 above it, and linear in between.
    The function learned by the first layer can therefore bend at each edge, which makes thresholds
    easy to learn; thresholds are the strength of trees on tables.

    Parameters
    ----------
    n_in : int
        Number of columns.
    bins : int
        Bins of each column. The feature of a bin without width (equal values) is always 0.

    Attributes
    ----------
    lower_edge : Tensor of shape (n_in, bins)
        Lower edge of each bin.
    inverse_width : Tensor of shape (n_in, bins)
        Reciprocal of the width of each bin; 0 for a bin without width.

    References
    ----------
    Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022,
    piecewise linear encoding. Departures: scaled to [-1, 1], appended to the standardised columns,
    and constant beyond the first and last edge, where the authors' encoding is linear.

    Examples
    --------
    >>> import torch
    >>> layer = PiecewiseLinear(1, bins=2)
    >>> layer.adapt([(torch.arange(5.0)[:, None], torch.ones(5))])
    >>> layer(torch.tensor([[1.0], [4.0]]))[:, 1:]
    tensor([[ 0., -1.],
            [ 1.,  1.]])
    """

    lower_edge: Tensor
    inverse_width: Tensor

    def __init__(self, n_in: int, bins: int) -> None:
        super().__init__(n_in)
        self.register_buffer("lower_edge", torch.zeros(n_in, bins))
        self.register_buffer("inverse_width", torch.zeros(n_in, bins))

    @torch.no_grad()
    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        sample = _EvenSample()
        super().adapt(sample.observe(batches))
        x, weight = sample.rows()
        x, order = x.sort(dim=0)
        cdf = weight[order].cumsum(dim=0)
        cdf = (cdf / cdf[-1:].clamp_min(torch.finfo(cdf.dtype).tiny)).T.contiguous()
        bins = self.lower_edge.shape[1]
        quantiles = torch.linspace(0, 1, bins + 1, dtype=cdf.dtype, device=x.device)
        # A little below each quantile, so that rounding does not move an edge by a row.
        positions = torch.searchsorted(cdf, (quantiles - 1e-6).expand(len(cdf), -1).contiguous())
        edges = x.T.gather(1, positions.clamp_max(len(x) - 1))
        width = edges.diff(dim=1)
        self.lower_edge.copy_(edges[:, :-1])
        self.inverse_width.copy_(torch.where(width > 0, 1.0 / width, 0.0))

    def extra_repr(self) -> str:
        return "{}, bins={}".format(*self.lower_edge.shape)

    def forward(self, x: Tensor) -> Tensor:
        encoded = ((x.unsqueeze(-1) - self.lower_edge) * self.inverse_width).clamp(0.0, 1.0)
        encoded = torch.where(self.inverse_width > 0, 2.0 * encoded - 1.0, 0.0)
        return torch.cat([super().forward(x), encoded.flatten(1)], dim=1)


class _EvenSample:
    """An evenly spaced sample of at most 20 000 rows from any number of batches."""

    _MAX_ROWS = 20_000

    def __init__(self) -> None:
        self.sampled: list[tuple[Tensor, Tensor]] = []
        self.stride, self.n_seen = 1, 0

    def observe(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches unchanged and sample from them."""
        for x, weight in batches:
            start = -self.n_seen % self.stride
            self.sampled.append((x[start :: self.stride], weight[start :: self.stride]))
            self.n_seen += len(x)
            if sum(len(rows) for rows, _ in self.sampled) > self._MAX_ROWS:
                rows, row_weight = self.rows()
                self.sampled, self.stride = [(rows[::2], row_weight[::2])], 2 * self.stride
            yield x, weight

    def rows(self) -> tuple[Tensor, Tensor]:
        """Return the sampled rows and their weights."""
        x, weight = (torch.cat(parts) for parts in zip(*self.sampled, strict=True))
        return x, weight
