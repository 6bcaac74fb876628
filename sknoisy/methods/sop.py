"""SOP: give each label a correction of its own, which grows where the network disagrees."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import expected_loss, one_hot
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["SOP"]

_FLOOR = 1e-4
_PAPER_BATCH = 128


class SOP(Method):
    """Let each sample learn by how much its label is wrong.

    A correction of its own is added to the predictions of each training sample: up for the given
    class, down for others that the network prefers. It begins near zero and grows by a factor at
    each visit, so it takes over errors that last, but not what the network soon learns from other
    samples. Good for long trainings with symmetric noise; where errors depend on the class, raise
    ``lr_v``.

    Cost: one network, one pass per step, ``n_classes + 1`` numbers per sample. Needs: time for the
    corrections to grow, see ``start``.

    Parameters
    ----------
    lr_u : float, default=10.0
        Learning rate of the corrections up. With both rates at 0 it is cross-entropy, but for a
        floor of 1e-4 under the probabilities.
    lr_v : float, default=10.0
        Learning rate of the corrections down. The paper takes 10 for symmetric and 100 for
        asymmetric noise on ten classes; on a hundred, the same with ``lr_u=1``.
    start : float, default=1e-8
        Square root of the first corrections, in (0, 1]. With rates of 10, a label that is
        contradicted at each visit is corrected after about 70; from 1e-2, after 20. The higher it
        is, the more right labels are lost of samples that the network learns late.

    Attributes
    ----------
    u : Tensor of shape (n_samples, 1)
    v : Tensor of shape (n_samples, n_classes)
        The correction of row ``i`` of X, with target t, is ``u[i]**2 * t - v[i]**2 * (1 - t)``.

    References
    ----------
    Liu et al., "Robust Training under Label Noise by Over-parameterization", ICML 2022:
    cross-entropy trains the network and u, the squared error of the hard prediction u and v. The
    learning rates are those of its batches of 128: a visit moves u and v alike in batches of any
    size and at any sample weight, as each copy of a repeated sample would have its own. Departures:
    u and v begin at the standard deviation of the authors' random start, and are held between it
    and 1. Targets are cut to [0, 1] where they place a correction. SOP+ is not included.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="sop", random_state=0).fit(X, y)
    >>> clf.method_.v.shape
    torch.Size([150, 3])
    """

    per_sample = True
    _parameter_constraints = {
        "lr_u": [Interval(Real, 0, np.inf, closed="left")],
        "lr_v": [Interval(Real, 0, np.inf, closed="left")],
        "start": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, lr_u: float = 10.0, lr_v: float = 10.0, start: float = 1e-8) -> None:
        self.lr_u = lr_u
        self.lr_v = lr_v
        self.start = start

    def setup(self, net: NetworkView, y: Tensor) -> None:
        for name, width in (("u", 1), ("v", net.n_classes)):
            table = torch.full((len(y), width), self.start, dtype=net.dtype, device=y.device)
            self.register_buffer(name, table)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        index, target = batch.index, batch.target
        u, v = self.u.index_select(0, index), self.v.index_select(0, index)
        place = target.clamp(0.0, 1.0)
        shift = u**2 * place - v**2 * (1 - place)
        p = torch.softmax(logits, dim=-1)
        corrected = (p + shift).clamp_min(_FLOOR)
        total = corrected.sum(dim=-1)
        with torch.no_grad():
            # Slopes of both losses in the shift, then, by the chain rule, in u and v.
            paid = torch.where(corrected > _FLOOR, 1 / total.unsqueeze(-1) - target / corrected, 0)
            hard = one_hot(p.argmax(dim=-1), p.shape[-1], p.dtype)
            missed = 2 * (hard + shift - place)
            u_slope = 2 * u * expected_loss(paid + missed, place).unsqueeze(-1)
            v_slope = -2 * v * (1 - place) * missed
            self._move(self.u, index, u - self.lr_u / _PAPER_BATCH * u_slope)
            self._move(self.v, index, v - self.lr_v / _PAPER_BATCH * v_slope)
        return total.log() - expected_loss(corrected.log(), target)

    def _move(self, table: Tensor, index: Tensor, rows: Tensor) -> None:
        # A correction of zero would stay zero, and one above 1 explain more than there is.
        table.index_copy_(0, index, rows.clamp(self.start, 1.0))
