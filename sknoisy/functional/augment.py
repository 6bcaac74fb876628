"""Random views of a batch, made on its device, for the methods that compare several of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["FeatureCorruption", "RandomFlip", "RandomShift", "default_augment"]


@dataclass(frozen=True)
class FeatureCorruption:
    """Give some entries of each row the value that a random row of the batch has there.

    What is left of a row still belongs to its class as long as the share is moderate, and each new
    value is one that the column really takes.

    Parameters
    ----------
    fraction : float, default=0.2
        Expected share of entries to replace, in [0, 1].

    References
    ----------
    Bahri et al., "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption",
    ICLR 2022, Algorithm 1; the authors replace a fixed number of columns, 60 %, and draw from the
    whole training set.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(6.0).reshape(3, 2)
    >>> view = FeatureCorruption(fraction=0.5)(x)
    >>> bool(torch.isin(view[:, 0], x[:, 0]).all())
    True
    """

    fraction: float = 0.2

    def __call__(self, x: Tensor) -> Tensor:
        donor = torch.randint(len(x), x.shape, device=x.device)
        replaced = torch.rand(x.shape, device=x.device) < self.fraction
        return torch.where(replaced, x.gather(0, donor), x)


@dataclass(frozen=True)
class RandomShift:
    """Shift each image by some pixels in both directions, repeating its border.

    Parameters
    ----------
    fraction : float, default=0.125
        Largest shift, as a share of the longer side.

    Examples
    --------
    >>> import torch
    >>> RandomShift()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    fraction: float = 0.125

    def __call__(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        far = round(self.fraction * max(height, width))
        padded = F.pad(x, (far, far, far, far), mode="replicate")
        down, right = torch.randint(2 * far + 1, (2, n, 1), device=x.device)
        rows = down + torch.arange(height, device=x.device)
        columns = right + torch.arange(width, device=x.device)
        each = torch.arange(n, device=x.device).view(n, 1, 1)
        # Advanced indices around the channels put them last.
        shifted = padded[each, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
        return shifted.contiguous()


@dataclass(frozen=True)
class RandomFlip:
    """Mirror each image left to right with a probability of one half, after another view of it.

    Parameters
    ----------
    first : callable, default=RandomShift()
        The view to mirror.

    Examples
    --------
    >>> import torch
    >>> RandomFlip()(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 3, 32, 32])
    """

    first: Callable[[Tensor], Tensor] = RandomShift()

    def __call__(self, x: Tensor) -> Tensor:
        x = self.first(x)
        mirrored = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
        return torch.where(mirrored, x.flip(-1), x)


def default_augment(ndim: int) -> Callable[[Tensor], Tensor]:
    """Return the view that suits samples of this many dimensions, the batch among them.

    Nothing is known of what images show, so they are shifted but not mirrored: a mirrored digit is
    another sign.
    """
    return RandomShift() if ndim == 4 else FeatureCorruption()
