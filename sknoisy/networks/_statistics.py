"""Statistics of the columns of a training set that comes in batches, also where outliers are."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["EvenSample", "Moments", "SortedColumns", "without_outliers"]

# Standard deviations with and without outliers that differ by less belong to an ordinary column.
_HEAVY = 1.5


def without_outliers(
    columns: SortedColumns, mean: Tensor, std: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Replace mean and standard deviation of columns that outliers dominate.

    Outliers are values beyond the outer fences of Tukey (1977), 3 interquartile ranges below the
    lower or above the upper quartile. The quartiles are the medians of the values below and above
    the median, so that a column that is mostly zero has some.

    Parameters
    ----------
    columns : SortedColumns
        A sample of the columns.
    mean, std : Tensor of shape (n_columns,)
        Of all values, on the CPU.
    eps : float
        Rounding error of the values; those within the fences must vary by more.

    Returns
    -------
    mean, std : Tensor of shape (n_columns,)
        Of the values within the fences, where ``std`` is more than 1.5 times theirs.
    """
    lower, upper = (quartile.double() for quartile in columns.side_medians())
    fence = 3 * (upper - lower)
    inner_mean, inner_std = columns.moments_between(lower - fence, upper + fence)
    varies = inner_std > 10 * eps * inner_mean.abs()
    # A standard deviation that overflowed may be not a number.
    is_heavy = varies & ~(std <= _HEAVY * inner_std)
    return torch.where(is_heavy, inner_mean, mean), torch.where(is_heavy, inner_std, std)


class Moments:
    """Weighted mean and standard deviation of columns, from any number of batches.

    Attributes
    ----------
    mean, std : Tensor of shape (n_columns,)
    """

    def __init__(self) -> None:
        self._total, self.mean, self._squares = 0.0, torch.zeros(()), torch.zeros(())

    def add(self, x: Tensor, weight: Tensor) -> None:
        """Add values (n_samples, n_values, n_columns) with weights (n_samples,)."""
        part = float(weight.sum()) * x.shape[1]
        if part == 0:
            return
        part_mean = torch.einsum("b,bsc->c", weight, x) / part
        part_squares = torch.einsum("b,bsc->c", weight, (x - part_mean) ** 2)
        # Chan et al. 1979: merge the moments of two parts without cancellation.
        shift = part_mean - self.mean
        between = self._total * part / (self._total + part)
        self._squares = self._squares + part_squares + shift**2 * between
        self.mean = self.mean + shift * (part / (self._total + part))
        self._total += part

    @property
    def std(self) -> Tensor:
        return (self._squares / self._total).sqrt()


class EvenSample:
    """An evenly spaced sample of the rows of any number of batches.

    Parameters
    ----------
    max_rows : int
        Most rows that are kept; fewer if the columns are so many that they had 2 ** 21 values.
    n_columns : int
    """

    def __init__(self, max_rows: int, n_columns: int) -> None:
        self.max_rows = max(1, min(max_rows, 2**21 // n_columns))
        self.sampled: list[tuple[Tensor, Tensor]] = []
        self.stride, self.n_seen, self.n_sampled = 1, 0, 0

    def add(self, x: Tensor, weight: Tensor) -> None:
        """Sample from rows (n_samples, n_columns) with weights (n_samples,)."""
        rows = slice(-self.n_seen % self.stride, None, self.stride)
        # A view would keep the whole batch in memory.
        self._keep(x[rows].clone(), weight[rows].clone())
        self.n_seen += len(x)
        while self.n_sampled > self.max_rows:
            x, weight = self._rows()
            self.sampled, self.stride, self.n_sampled = [], 2 * self.stride, 0
            self._keep(x[::2], weight[::2])

    def columns(self) -> SortedColumns:
        """Return the columns of the sampled rows that have a weight, on the CPU."""
        x, weight = (part.cpu() for part in self._rows())
        return SortedColumns(x[weight > 0], weight[weight > 0])

    def _keep(self, x: Tensor, weight: Tensor) -> None:
        self.sampled.append((x, weight))
        self.n_sampled += len(x)

    def _rows(self) -> tuple[Tensor, Tensor]:
        x, weight = (torch.cat(parts) for parts in zip(*self.sampled, strict=True))
        return x, weight


class SortedColumns:
    """Columns of a sample, each sorted, with the distribution function at each value.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_columns)
    weight : Tensor of shape (n_samples,)
        Positive.

    Attributes
    ----------
    values : Tensor of shape (n_columns, n_samples)
    cdf : Tensor of shape (n_columns, n_samples)
        In double precision; the last is 1.
    """

    def __init__(self, x: Tensor, weight: Tensor) -> None:
        self.values, order = x.T.contiguous().sort(dim=1)
        self._weight = (weight.double() / weight.double().sum())[order]
        cdf = self._weight.cumsum(dim=1)
        self.cdf = cdf / cdf[:, -1:]

    def quantiles(self, levels: Tensor) -> Tensor:
        """Return the values at levels (n_columns, n_levels)."""
        # A little below each level, so that rounding does not move a quantile by a row.
        positions = torch.searchsorted(self.cdf, levels - 1e-6)
        return self.values.gather(1, positions.clamp_max(self.values.shape[1] - 1))

    def side_medians(self) -> tuple[Tensor, Tensor]:
        """Return the medians of the values below and of those above the median."""
        median = self.quantiles(torch.full((len(self.cdf), 1), 0.5, dtype=self.cdf.dtype))
        cdf = torch.nn.functional.pad(self.cdf, (1, 0))
        below = cdf.gather(1, torch.searchsorted(self.values, median))
        not_above = cdf.gather(1, torch.searchsorted(self.values, median, right=True))
        lower, upper = self.quantiles(torch.cat([below / 2, (1 + not_above) / 2], dim=1)).unbind(1)
        return lower, upper

    def moments_between(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the values from low to high of each column."""
        values = self.values.double()
        inside = (values >= low.unsqueeze(1)) & (values <= high.unsqueeze(1))
        weight = self._weight * inside
        weight /= weight.sum(dim=1, keepdim=True)
        mean = (weight * values).sum(dim=1, keepdim=True)
        variance = (weight * (values - mean) ** 2).sum(dim=1)
        return mean.squeeze(1), variance.sqrt()
