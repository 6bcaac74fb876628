"""First eigenvectors of many matrices, computed together on any device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sknoisy.functional._scalars import check_scalar

__all__ = ["leading_eigenvectors"]

# Convergence is not tested after each step, because each test waits for the device.
_STEPS_PER_TEST = 4
_MAX_TESTS = 128


def leading_eigenvectors(matrices: Tensor, tol: float = 1e-6) -> Tensor:
    """Compute the eigenvector of the largest eigenvalue of each matrix by power iteration.

    Unlike :func:`torch.linalg.eigh` it works on all devices, and in single precision also with
    matrices of rank one. The larger the gap between the first two eigenvalues, the faster it
    converges; it stops after 512 steps at the latest.

    Parameters
    ----------
    matrices : Tensor of shape (n_matrices, n_features, n_features)
        Gram matrices: symmetric, without negative eigenvalues.
    tol : float, default=1e-6
        Stop when no entry changes by this much in 4 steps.

    Returns
    -------
    Tensor of shape (n_matrices, n_features)
        Unit vectors; zeros for a matrix of zeros.

    Examples
    --------
    >>> import torch
    >>> leading_eigenvectors(torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])).round()
    tensor([[1., 0.]])
    """
    check_scalar("leading_eigenvectors", "tol", tol, 0)
    largest = matrices.diagonal(dim1=1, dim2=2).argmax(dim=1)
    position = torch.arange(len(matrices), device=matrices.device)
    # A single column can be orthogonal to the eigenvector, as features are often exactly zero.
    start = matrices.sum(dim=2) + matrices[position, :, largest]
    vectors = F.normalize(start, dim=1).unsqueeze(2)
    for _ in range(_MAX_TESTS):
        before = vectors
        for _ in range(_STEPS_PER_TEST):
            vectors = F.normalize(matrices @ vectors, dim=1)
        if (vectors - before).abs().max() < tol:
            break
    return vectors.squeeze(2)
