"""Bootstrapping: targets that mix the given label with the network's prediction."""

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
    """Mix the given label with the network's prediction.

    The gradient is smaller for labels that the network contradicts. With the default weight of the
    label, a network that can memorise all labels still does so: in the robustness benchmark the
    method is hardly better than cross-entropy. For heavy noise and a large network, hard
    predictions and a ``beta`` of about 0.1 are better. Warm-up makes the first predictions useful.

    Cost: one network, one pass per step, nothing kept per sample. Needs: nothing.

    Parameters
    ----------
    kind : {"hard", "soft"}, default="hard"
        Whether the prediction is the most likely class or the probabilities of all classes.
    beta : float or "auto", default="auto"
        Weight of the given label, in [0, 1]; 1 is cross-entropy. "auto": 0.8 with hard
        predictions, 0.95 with soft ones.

    References
    ----------
    Reed et al., "Training Deep Neural Networks on Noisy Labels with Bootstrapping", ICLR 2015
    workshop. There is no gradient through hard predictions. The gradient through soft predictions
    adds minimum-entropy regularisation to cross-entropy, as in the paper; without it, only the
    gradient of cross-entropy times ``beta`` would be left. Departure: warm-up, a tenth of the
    epochs.

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
            prediction = one_hot(logits.argmax(dim=-1), logits.shape[-1], logits.dtype)
        else:
            prediction = log_p.exp()
        default = 0.8 if self.kind == "hard" else 0.95
        beta = default if self.beta == "auto" else float(self.beta)
        return -expected_loss(log_p, beta * batch.target + (1.0 - beta) * prediction)
