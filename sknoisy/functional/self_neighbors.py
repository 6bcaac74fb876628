"""Each row together with its nearest neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional.neighbors import nearest_neighbors

__all__ = ["self_and_nearest_neighbors"]


def self_and_nearest_neighbors(features: Tensor, n_neighbors: int) -> Tensor:
    """Find the nearest other rows of each row, and put the row itself first.

    Parameters
    ----------
    features : Tensor of shape (n_rows, n_features)
    n_neighbors : int
        Other rows to find; where there are fewer, all.

    Returns
    -------
    Tensor of shape (n_rows, at most n_neighbors + 1), int64

    Examples
    --------
    >>> import torch
    >>> self_and_nearest_neighbors(torch.tensor([[0.0], [1.0], [5.0]]), 1)
    tensor([[0, 1],
            [1, 0],
            [2, 1]])
    """
    row = torch.arange(len(features), device=features.device).unsqueeze(1)
    nearest = nearest_neighbors(features, features, min(n_neighbors + 1, len(features)))
    # A row need not come first where others are equal to it, nor be there where many are.
    nearest = nearest.gather(1, (nearest != row).to(torch.uint8).argsort(dim=1, stable=True))
    return torch.cat([row, nearest[:, 1:]], dim=1)
