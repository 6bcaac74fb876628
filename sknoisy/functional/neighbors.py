"""Nearest neighbours, and the labels that they have."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["nearest_neighbors", "knn_label_distribution"]


def nearest_neighbors(queries: Tensor, base: Tensor, k: int, chunk: int = 4096) -> Tensor:
    """Find the nearest rows by Euclidean distance, exactly.

    Parameters
    ----------
    queries : Tensor of shape (n_queries, n_features)
    base : Tensor of shape (n_base, n_features)
    k : int
        At most n_base.
    chunk : int, default=4096
        Queries compared at once, which bounds the memory.

    Returns
    -------
    Tensor of shape (n_queries, k), int64
        Positions in base, the nearest first; a query that is itself in base finds itself.

    Examples
    --------
    >>> import torch
    >>> nearest_neighbors(torch.tensor([[1.0]]), torch.tensor([[5.0], [2.0], [0.5]]), 2)
    tensor([[2, 1]])
    """
    half = 0.5 * (base**2).sum(dim=1)
    found = [
        torch.addmm(-half, part, base.T).topk(k, dim=1).indices for part in queries.split(chunk)
    ]
    return torch.cat(found)


def knn_label_distribution(features: Tensor, target: Tensor, k: int = 20) -> Tensor:
    """Shares of the labels of the nearest other rows: what says of a row without its own label.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_features)
        Compared by direction.
    target : Tensor of shape (n_samples, n_classes)
        The given labels as distributions.
    k : int, default=20
        Neighbours, at most all other rows; a row alone speaks for itself.

    Returns
    -------
    Tensor of shape (n_samples, n_classes)

    Examples
    --------
    >>> import torch
    >>> features = torch.tensor([[0.0, 1.0], [0.1, 1.0], [0.2, 1.0], [1.0, 0.0]])
    >>> knn_label_distribution(features, torch.eye(2)[[0, 0, 1, 1]], k=1)
    tensor([[1., 0.],
            [1., 0.],
            [1., 0.],
            [0., 1.]])
    """
    k = min(k, len(features) - 1)
    if not k:
        return target
    z = torch.nn.functional.normalize(features - features.mean(dim=0), dim=-1)
    around = nearest_neighbors(z, z, k + 1)
    own = torch.arange(len(z), device=z.device).unsqueeze(1)
    # Of rows that are all equal, a row itself may not be among the nearest: then the last is one
    # too many.
    others = around != own
    others &= others.cumsum(dim=1) <= k
    return (target[around] * others.unsqueeze(-1)).sum(dim=1) / k
