"""CutMix: paste a part of another sample, and mix the labels by the size of the part."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import cross_entropy, draw_cut
from sknoisy.methods._base import Method, NetworkView

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["CutMix"]


class CutMix(Method):
    """Train on samples with a pasted part of another sample, and mix their labels by its size.

    In images the part is a box; in tables, random columns. All values of a mixed sample occur in
    the data, also those of categorical columns, in contrast to ``mixup``. This slows memorisation
    down, but does not prevent it. It is designed for images. In tables whose classes depend on few
    columns, or on how columns go together, the mixed labels are often wrong.

    Cost: one network, one pass per step, nothing kept per sample. Needs: samples of which a part is
    enough to recognise the class; longer training than cross-entropy.

    Parameters
    ----------
    alpha : float, default=1.0
        Parameter of the distribution of the fraction that is kept, Beta(alpha, alpha); at least 0.
        At 1 it is uniform. 0 is cross-entropy.
    probability : float, default=0.5
        Probability that a batch is mixed, in [0, 1]; 0 is cross-entropy.

    References
    ----------
    Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
    Features", ICCV 2019, Eq. 1 and 2. As in the authors' code, a batch has one box and is mixed
    with a permutation of itself, and labels are mixed by the area of the box within the image. With
    sample weights, partners are drawn in proportion to the weights. For tables: Somepalli et al.,
    "SAINT: Improved Neural Networks for Tabular Data via Row Attention and Contrastive
    Pre-Training", arXiv:2106.01342, 2021, Section 3.3, where it makes views without labels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="cutmix", random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.9)
    True
    """

    _parameter_constraints = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, alpha: float = 1.0, probability: float = 0.5) -> None:
        self.alpha = alpha
        self.probability = probability

    def prepare_batch(self, net: NetworkView, batch: Batch) -> Batch:
        cut = draw_cut(batch.x, batch.weight, self.alpha, self.probability)
        return batch.replace(x=cut(batch.x), target=cut.mix(batch.target))

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy(logits, batch.target)
