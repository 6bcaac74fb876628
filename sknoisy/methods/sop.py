"""SOP: learn a correction for each label, which grows while the network contradicts the label."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.methods._base import Method, NetworkView
from sknoisy.methods._over_parameterization import make_corrections, over_parameterized_losses

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["SOP"]


class SOP(Method):
    """Learn for each sample how noisy its label is.

    The predictions for each training sample are corrected: up for the given class, down for other
    classes that the network predicts. The correction starts near zero and grows by a factor each
    time the sample is in a batch. So it only compensates errors that persist, not errors that the
    network soon corrects by learning from other samples. It is designed for long training with
    symmetric noise; for class-conditional noise that is not symmetric, increase ``lr_v``.

    Cost: one network, one pass per step, ``n_classes + 1`` numbers per sample. Needs: enough epochs
    for the corrections to grow, see ``start``.

    Parameters
    ----------
    lr_u : float, default=10.0
        Learning rate of the upward corrections. With both rates at 0 it is cross-entropy with
        probabilities clipped at 1e-4.
    lr_v : float, default=10.0
        Learning rate of the downward corrections. The authors set 10 for symmetric and 100 for
        asymmetric noise on ten classes, and the same with ``lr_u=1`` on a hundred classes.
    start : float, default=1e-8
        Square root of the initial corrections, in (0, 1]. With rates of 10, a label that the
        network contradicts in each epoch is corrected after about 70 epochs; with 1e-2, after 20.
        The higher it is, the more clean labels of samples that are learned late are corrected too.

    Attributes
    ----------
    u : Tensor of shape (n_samples, 1)
    v : Tensor of shape (n_samples, n_classes)
        The correction of row ``i`` of X, with target t, is ``u[i]**2 * t - v[i]**2 * (1 - t)``.

    References
    ----------
    Liu et al., "Robust Training under Label Noise by Over-parameterization", ICML 2022:
    cross-entropy trains the network and u; the squared error of the hard prediction trains u and v.
    The learning rates are for the paper's batches of 128: steps of u and v do not depend on the
    batch size or on sample weights. Departures: u and v start at the standard deviation of the
    authors' random initial values, ``start``, and are clipped to [``start``, 1]; smoothed targets
    are clipped to [0, 1] in the correction. For SOP+ see ``sop_plus``.

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
        make_corrections(self, self.start, net, y)

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return over_parameterized_losses(self, logits, batch)
