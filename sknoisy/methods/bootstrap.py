"""Bootstrapping: labels mixed with what the network itself believes."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING

from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor

from sknoisy.functional import expected_loss, log_softmax, one_hot
from sknoisy.methods._base import Method

if TYPE_CHECKING:
    from sknoisy.methods._batch import Batch

__all__ = ["Bootstrap"]


class Bootstrap(Method):
    """Believe the given label in part, and the network's own prediction for the rest.

    A label the network contradicts pulls less. With the authors' trust in labels, a network able to
    learn them all by heart still does; where noise is heavy and the network large, a hard belief
    with a beta of 0.1 or so serves better. Warm-up gives the network something to believe.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    kind : {"hard", "soft"}, default="hard"
        Whether the belief is the likeliest class or the distribution over all.
    beta : float or "auto", default="auto"
        Trust in the given label, in [0, 1]; at 1 it is cross-entropy. "auto": 0.8 where the belief
        is hard, 0.95 where it is soft.

    References
    ----------
    Reed et al., "Training Deep Neural Networks on Noisy Labels with Bootstrapping", ICLR 2015
    workshop. The hard belief is a constant to the gradient. The soft one is not, as in the paper,
    where it makes the loss cross-entropy with a minimum of entropy: held constant, it would leave
    ``beta`` times the gradient of cross-entropy and nothing else. Departure: warm-up, a tenth of
    the epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = NoisyLabelClassifier(method="bootstrap", method__kind="soft", random_state=0)
    >>> bool(clf.fit(X, y).score(X, y) > 0.9)
    True
    """

    warmup = 0.1
    _parameter_constraints = {
        "kind": [StrOptions({"hard", "soft"})],
        "beta": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, kind: str = "hard", beta: float | str = "auto") -> None:
        self.kind = kind
        self.beta = beta

    def loss(self, logits: Tensor, batch: Batch) -> Tensor:
        log_p = log_softmax(logits)
        if self.kind == "hard":
            believed = one_hot(logits.argmax(dim=-1), logits.shape[-1], logits.dtype)
        else:
            believed = log_p.exp()
        usual = 0.8 if self.kind == "hard" else 0.95
        beta = usual if self.beta == "auto" else float(self.beta)
        return -expected_loss(log_p, beta * batch.target + (1.0 - beta) * believed)
