"""Bags: which networks of an ensemble are trained on which rows."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw_bags", "in_bag"]

# Bags repeat after this number of rows, so that they need no memory for each row.
_PERIOD = 1024


def draw_bags(n_networks: int, n_bags: int, n_groups: int | None = None) -> Tensor:
    """Draw bags at random, or evenly if there are few groups.

    Parameters
    ----------
    n_networks : int
    n_bags : int
        Number of networks that are trained on each row.
    n_groups : int or None, default=None
        Number of groups; None: each row is a group of its own.

    Returns
    -------
    Tensor of bool of shape (n_networks, 1024)
        Mask of the networks of a row or group; see :func:`in_bag`.

    Raises
    ------
    ValueError
        If there are too few groups for a group in each bag.
    """
    bags = torch.rand(n_networks, _PERIOD).argsort(dim=0) < n_bags
    return bags if n_groups is None else _bags_of_groups(bags, n_bags, n_groups)


def in_bag(bags: Tensor, group_or_row: Tensor) -> Tensor:
    """Return the mask of the networks trained on each row, (n_networks, n_rows)."""
    return bags.index_select(1, group_or_row % _PERIOD)


def _bags_of_groups(bags: Tensor, n_bags: int, n_groups: int) -> Tensor:
    """Return random bags, or even ones if there are so few groups that a bag may be empty.

    In even bags, the networks of each group are consecutive ones on a circle, from evenly spaced
    starts, so that all networks have nearly the same number of groups.
    """
    n_networks, n_columns = bags.shape
    if n_groups > 4 * n_networks and bags[:, :n_groups].any(dim=1).all():
        return bags
    if n_groups * n_bags < n_networks or n_groups < 2:
        needed = max(2, -(-n_networks // n_bags))
        raise ValueError(
            f"The 'groups' parameter must have at least {needed} groups, because each of the "
            f"{n_networks} bagged networks is trained on groups that others are not trained "
            f"on. Got {n_groups} instead."
        )
    starts = torch.arange(n_columns) * n_networks // n_groups
    position = (torch.arange(n_networks).unsqueeze(1) - starts) % n_networks
    return position < n_bags
