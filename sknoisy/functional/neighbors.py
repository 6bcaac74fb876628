"""Nearest neighbours and the distribution of their labels."""

from __future__ import annotations

import torch
from torch import Tensor

from sknoisy.functional._scalars import check_count

__all__ = ["knn_label_distribution", "nearest_neighbors", "self_and_nearest_neighbors"]


def nearest_neighbors(
    queries: Tensor,
    base: Tensor,
    k: int,
    chunk_size: int = 4096,
    groups: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Find the k nearest rows by Euclidean distance, with an exact search.

    Parameters
    ----------
    queries : Tensor of shape (n_queries, n_features)
    base : Tensor of shape (n_base, n_features)
    k : int
        At most n_base.
    chunk_size : int, default=4096
        Number of queries compared together, which bounds the memory.
    groups : pair of Tensors of shape (n_queries,) and (n_base,), int64, default=None
        Numbers of the groups of queries and rows. Rows of the group of a query come after all
        others. None: each row is a group of its own.

    Returns
    -------
    Tensor of shape (n_queries, k), int64
        Positions in ``base``, the nearest first. A query that is a row of ``base`` is its own
        neighbour.

    Examples
    --------
    >>> import torch
    >>> nearest_neighbors(torch.tensor([[1.0]]), torch.tensor([[5.0], [2.0], [0.5]]), 2)
    tensor([[2, 1]])
    """
    check_count("nearest_neighbors", "k", k, 0, len(base))
    check_count("nearest_neighbors", "chunk_size", chunk_size, 1)
    half = 0.5 * (base**2).sum(dim=1)
    neighbors = []
    for start in range(0, max(len(queries), 1), chunk_size):
        chunk = slice(start, start + chunk_size)
        scores = torch.addmm(-half, queries[chunk], base.T)
        if groups is not None:
            scores.masked_fill_(groups[0][chunk].unsqueeze(1) == groups[1], -torch.inf)
        neighbors.append(scores.topk(k, dim=1).indices)
    return torch.cat(neighbors)


def self_and_nearest_neighbors(
    features: Tensor, n_neighbors: int, groups: Tensor | None = None
) -> Tensor:
    """Find the nearest other rows of each row, and put the row itself first.

    Parameters
    ----------
    features : Tensor of shape (n_rows, n_features)
    n_neighbors : int
        Number of other rows to find; all of them if there are fewer.
    groups : Tensor of shape (n_rows,), int64, default=None
        Number of the group of each row. Rows of its own group, such as copies, are found only if
        there are not enough others. None: each row is a group of its own.

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
    check_count("self_and_nearest_neighbors", "n_neighbors", n_neighbors, 0)
    row = torch.arange(len(features), device=features.device).unsqueeze(1)
    if groups is not None:
        n = min(n_neighbors, len(features) - 1)
        nearest = nearest_neighbors(features, features, n, groups=(groups, groups))
        return torch.cat([row, nearest], dim=1)
    nearest = nearest_neighbors(features, features, min(n_neighbors + 1, len(features)))
    # If other rows are equal, the row may come later in its list, or be missing from it.
    nearest = nearest.gather(1, (nearest != row).to(torch.uint8).argsort(dim=1, stable=True))
    return torch.cat([row, nearest[:, 1:]], dim=1)


def knn_label_distribution(
    features: Tensor, target: Tensor, k: int = 20, groups: Tensor | None = None
) -> Tensor:
    """Average the labels of the k nearest other rows.

    The label of a row itself has no influence on its result, and neither have the labels of the
    other rows of its group.

    Parameters
    ----------
    features : Tensor of shape (n_samples, n_features)
        Compared by the cosine similarity of the centred rows.
    target : Tensor of shape (n_samples, n_classes)
        Given labels as distributions.
    k : int, default=20
        Number of neighbours; all other rows if there are fewer.
    groups : Tensor of shape (n_samples,), int64, default=None
        Number of the group of each row; None: each row is a group of its own.

    Returns
    -------
    Tensor of shape (n_samples, n_classes)
        A row without others, or without rows of other groups, gets its own label.

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
    check_count("knn_label_distribution", "k", k, 1)
    k = min(k, len(features) - 1)
    if not k:
        return target
    z = torch.nn.functional.normalize(features - features.mean(dim=0), dim=-1)
    if groups is not None:
        return _label_distribution_of_other_groups(z, target, k, groups)
    neighbors = nearest_neighbors(z, z, k + 1)
    rows = torch.arange(len(z), device=z.device).unsqueeze(1)
    # If other rows are equal, the row may be missing from its list: then drop the last neighbour.
    others = neighbors != rows
    others &= others.cumsum(dim=1) <= k
    return (target[neighbors] * others.unsqueeze(-1)).sum(dim=1) / k


def _label_distribution_of_other_groups(
    z: Tensor, target: Tensor, k: int, groups: Tensor
) -> Tensor:
    """Average the labels of the k nearest rows of other groups; without any, take the own label."""
    neighbors = nearest_neighbors(z, z, k, groups=(groups, groups))
    others = groups[neighbors] != groups.unsqueeze(1)
    n_others = others.sum(dim=1, keepdim=True)
    mean = (target[neighbors] * others.unsqueeze(-1)).sum(dim=1) / n_others.clamp_min(1)
    return torch.where(n_others > 0, mean, target)
