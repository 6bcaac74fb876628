"""CutMix: samples with a part that comes from another sample of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_scalar
from sknoisy.functional.mixup import draw_coefficients, draw_partners

__all__ = ["Cut", "draw_cut"]


@dataclass(frozen=True)
class Cut:
    """Part of each sample that comes from its partner, and the label mixed accordingly.

    Attributes
    ----------
    partner : Tensor of shape (n_samples,), int64
        Position of the other sample of each pair.
    pasted : Tensor of bool, of the shape of a sample without its leading axes
        The entries that come from the partner.

    Examples
    --------
    >>> import torch
    >>> cut = Cut(torch.tensor([1, 0]), torch.tensor([True, False]))
    >>> cut(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 2.],
            [1., 4.]])
    >>> cut.mix(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.5000, 0.5000]])
    """

    partner: Tensor
    pasted: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Paste the part into each sample."""
        return torch.where(self.pasted, x.index_select(0, self.partner), x)

    def mix(self, target: Tensor) -> Tensor:
        """Mix targets by the fraction of entries that were pasted."""
        fraction = self.pasted.to(target.dtype).mean()
        return torch.lerp(target, target.index_select(0, self.partner), fraction)


def draw_cut(x: Tensor, weight: Tensor, alpha: float, probability: float = 1.0) -> Cut:
    """Draw a partner for each sample, and one part that is pasted from it for the whole batch.

    The expected fraction of pasted entries is 1 - c with c from Beta(alpha, alpha). In images of
    shape (channels, height, width) the part is a box of the proportions of the image, around a
    random pixel and cut off at the borders; in other samples, random entries of the last axis, such
    as the columns of a table. Partners are drawn as in :func:`draw_mixture`.

    Parameters
    ----------
    x : Tensor of shape (n_samples, ...)
    weight : Tensor of shape (n_samples,)
    alpha : float
        At least 0; with 0, nothing is pasted.
    probability : float, default=1.0
        Probability that anything is pasted, in [0, 1].

    Returns
    -------
    Cut

    Examples
    --------
    >>> import torch
    >>> draw_cut(torch.rand(4, 3), torch.ones(4), alpha=0.0).pasted
    tensor([False, False, False])
    """
    check_scalar("draw_cut", "alpha", alpha, 0)
    check_scalar("draw_cut", "probability", probability, 0, 1)
    partner = draw_partners(weight)
    # Drawn on the CPU, so that all devices get the same numbers. Tensors without dimensions are
    # passed by value, and need no copy to the device.
    coefficient = draw_coefficients(alpha)[0] if alpha else torch.ones(())
    is_applied = torch.rand(()) < probability
    if x.dim() == 4:
        pasted = _box(x.shape[-2:], coefficient, x.device)
    else:
        pasted = torch.rand(x.shape[-1], device=x.device) >= coefficient
    return Cut(partner, pasted & is_applied)


def _box(shape: torch.Size, coefficient: Tensor, device: torch.device) -> Tensor:
    """Return the mask of a box with this fraction of an image, less if it is at a border."""
    half, inside = 0.5 * (1 - coefficient).sqrt(), []
    for size in shape:
        centre = size * torch.rand(())
        positions = torch.arange(size, device=device) + (0.5 - centre)
        inside.append(positions.abs() < size * half)
    return inside[0].unsqueeze(1) & inside[1]
