"""Jensen-Shannon loss: a loss between cross-entropy and mean absolute error."""

from __future__ import annotations

from numbers import Real

from sklearn.utils._param_validation import Interval
from torch import Tensor

from sknoisy.functional import class_jensen_shannon, log_softmax
from sknoisy.methods._base import ClassLoss

__all__ = ["JS"]


class JS(ClassLoss):
    """Minimise the Jensen-Shannon divergence of the given label and the prediction.

    Label and prediction are both compared with their mixture. The more weight the label has in it,
    the smaller is the gradient of samples whose label is unlikely: it is a bounded loss between
    cross-entropy, which learns fast, and ``mae``, which is robust but slow. Warm-up lets small
    classes be learned before the loss leaves them out.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    label_weight : float, default=0.9
        Weight of the label in the mixture, in (0, 1). The limit 0 is cross-entropy, the limit 1 is
        half of the mean absolute error.

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon Divergence Loss for Learning with Noisy
    Labels", NeurIPS 2021, Eq. 5 and 6: the loss of one view; ``gjs`` is that of two. The authors
    choose the weight by the noise, 0.1 to 0.9 on CIFAR-10. The loss of a soft label is the mean of
    the losses of its classes. Departure: warm-up, a tenth of the epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="js", method__label_weight=0.3, random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {"label_weight": [Interval(Real, 0, 1, closed="neither")]}

    def __init__(self, label_weight: float = 0.9) -> None:
        self.label_weight = label_weight

    def class_losses(self, logits: Tensor) -> Tensor:
        return class_jensen_shannon(log_softmax(logits), self.label_weight)
