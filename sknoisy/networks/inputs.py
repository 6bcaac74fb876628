"""First layers of networks, adapted to statistics of the training set before training begins."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sknoisy.networks._checks import check_sizes
from sknoisy.networks._statistics import EvenSample, Moments, SortedColumns, without_outliers

__all__ = ["PiecewiseLinear", "Standardize"]

# No input of a built-in network is farther from zero.
_BOUND = 3.0


class Standardize(nn.Module):
    """Standardise the inputs with robust statistics of the training set, and bound them smoothly.

    An input x becomes ``z / sqrt(1 + (z / 3) ** 2)`` with ``z = x * scale + shift``: about z where
    z is small, and never farther from zero than 3, so that no extreme value, in training or later,
    takes over the network.

    The estimator adapts this layer to its training set before training begins, unless the layer is
    already adapted.

    Parameters
    ----------
    n_in : int
        Number of columns of a table, or of channels of an image (axis 1).
    bound : float or None, default=3.0
        Bound b, for which 3 stands above; None: z is returned as it is.

    Attributes
    ----------
    scale : Tensor of shape (n_in,)
        Reciprocal of the weighted standard deviation, 0 for a constant column; 1 before
        :meth:`adapt`.
    shift : Tensor of shape (n_in,)
        ``-mean * scale``; 0 before :meth:`adapt`.

    Notes
    -----
    Where the standard deviation is more than 1.5 times that of the values within Tukey's outer
    fences, mean and standard deviation are those of the values within. The fences are 3
    interquartile ranges below and above the quartiles, which are the medians of the values below
    and above the median.

    References
    ----------
    Holzmüller et al., "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data",
    NeurIPS 2024, robust scaling and smooth clipping. Departure: the scale is a standard deviation,
    the authors' is the interquartile range.

    Tukey, "Exploratory Data Analysis", 1977, outer fences.

    Examples
    --------
    >>> import torch
    >>> layer = Standardize(1)
    >>> layer.adapt([(torch.tensor([[1.0], [3.0]]), torch.ones(2))])
    >>> layer(torch.tensor([[2.0], [3.0], [1e9]]))
    tensor([[0.0000],
            [0.9487],
            [2.9999]])
    """

    shift: Tensor
    scale: Tensor
    # Enough for the quartiles.
    _max_sampled = 4_000

    def __init__(self, n_in: int, bound: float | None = _BOUND) -> None:
        super().__init__()
        check_sizes(type(self).__name__, n_in=n_in)
        self.bound = bound
        self.register_buffer("shift", torch.zeros(n_in))
        self.register_buffer("scale", torch.ones(n_in))

    @property
    def is_adapted(self) -> bool:
        """Whether the layer has statistics of a training set."""
        return bool(self.shift.any()) or not bool((self.scale == 1).all())

    @torch.no_grad()
    def adapt(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Compute the statistics of a training set, in one pass and in double precision.

        Quartiles are those of an evenly spaced sample.

        Parameters
        ----------
        batches : iterable of (x, weight)
            Tensors of shape (n_samples, n_in, ...) and (n_samples,).

        Raises
        ------
        ValueError
            If x does not have ``n_in`` columns or channels.
        """
        moments, sample = Moments(), EvenSample(self._max_sampled, len(self.shift))
        for x, weight in batches:
            if x.shape[1] != len(self.shift):
                raise ValueError(
                    f"{type(self).__name__} expects n_in={len(self.shift)} columns or channels. "
                    f"Got {x.shape[1]} instead."
                )
            if not x.numel():
                continue  # The network refuses images without pixels.
            x = x.flatten(2) if x.dim() > 2 else x.unsqueeze(2)
            sample.add(*_some_pixels(x, weight))
            # MPS has no double precision.
            dtype = torch.float32 if x.device.type == "mps" else torch.float64
            moments.add(x.transpose(1, 2).to(dtype), weight.to(dtype))
        if sample.n_seen:
            self._adapt(sample.columns(), moments)

    @torch.no_grad()
    def adapt_constant(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Compute the statistics of the columns that have been constant so far.

        The others keep theirs. The batches are read only if there are such columns.

        Parameters
        ----------
        batches : iterable of (x, weight)
            As in :meth:`adapt`.
        """
        is_constant = self.scale == 0
        if not is_constant.any():
            return
        part = copy.deepcopy(self)
        for name, buffer in self.named_buffers(recurse=False):
            setattr(part, name, buffer[is_constant])
        part.adapt((x[:, is_constant.to(x.device)], weight) for x, weight in batches)
        for name, buffer in self.named_buffers(recurse=False):
            buffer[is_constant] = getattr(part, name)

    def _adapt(self, columns: SortedColumns, moments: Moments) -> None:
        limits = torch.finfo(self.scale.dtype)
        mean, std = without_outliers(columns, moments.mean.cpu(), moments.std.cpu(), limits.eps)
        # A column that varies by rounding errors only becomes 0: its weights are never trained.
        varies = std > 10 * limits.eps * mean.abs()
        scale = torch.where(varies, (1.0 / std).clamp_max(limits.max), 0.0)
        self.scale.copy_(scale)
        self.shift.copy_(-mean * scale)

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1,) + (1,) * (x.dim() - 2)
        z = torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))
        if self.bound is None:
            return z
        # The square of a larger number would overflow.
        z = z.clamp(-100 * self.bound, 100 * self.bound)
        return z * torch.addcmul(z.new_ones(()), z, z, value=self.bound**-2).rsqrt_()


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
    _max_sampled = 20_000

    def __init__(self, n_in: int, bins: int) -> None:
        super().__init__(n_in)
        check_sizes(type(self).__name__, bins=bins)
        self.register_buffer("lower_edge", torch.zeros(n_in, bins))
        self.register_buffer("inverse_width", torch.zeros(n_in, bins))

    def _adapt(self, columns: SortedColumns, moments: Moments) -> None:
        super()._adapt(columns, moments)
        levels = torch.linspace(0, 1, self.lower_edge.shape[1] + 1, dtype=columns.cdf.dtype)
        edges = columns.quantiles(levels.expand(len(columns.cdf), -1))
        width = edges.diff(dim=1)
        self.lower_edge.copy_(edges[:, :-1])
        inverse = (1.0 / width.double()).clamp_max(torch.finfo(self.scale.dtype).max)
        varies = (width > 0) & (self.scale != 0).cpu().unsqueeze(1)
        self.inverse_width.copy_(torch.where(varies, inverse, 0.0))

    def extra_repr(self) -> str:
        return "{}, bins={}".format(*self.lower_edge.shape)

    def forward(self, x: Tensor) -> Tensor:
        encoded = ((x.unsqueeze(-1) - self.lower_edge) * self.inverse_width).clamp(0.0, 1.0)
        encoded = torch.where(self.inverse_width > 0, 2.0 * encoded - 1.0, 0.0)
        return torch.cat([super().forward(x), encoded.flatten(1)], dim=1)


def _some_pixels(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return 61 pixels of each image (n_in, n_pixels) as rows; a column has one "pixel"."""
    if x.shape[2] == 1:
        return x.squeeze(2), weight
    # Multiples of the golden ratio are spread over rows and columns of images of all sizes, and no
    # even stride over images with a prime number of pixels falls on the same pixel of each.
    golden = torch.arange(61, dtype=torch.float64) * 0.6180339887498949 % 1
    positions = (golden * x.shape[2]).long().to(x.device)
    pixels = x[:, :, positions].transpose(1, 2).flatten(0, 1)
    return pixels, weight.repeat_interleave(len(positions))
