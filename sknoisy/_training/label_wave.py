"""Label Wave: a score of epochs from the training set alone, without held-out samples."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

__all__ = ["LabelWave"]

# The authors' number of epochs to average over: 3 of 1, 2, 3, 5 and 10 predicted the accuracy best.
_WINDOW = 3


class LabelWave:
    """Score epochs by how few predictions for the training set change.

    While a network learns from clean labels, fewer and fewer predictions change from epoch to
    epoch; when it begins to memorise noisy labels, more of them change. The epoch with the fewest
    changes lies between the two.

    Parameters
    ----------
    weight : Tensor of shape (n_rows,)
        Weight of each row of X; 0 if the row is not trained on.

    References
    ----------
    Yuan et al., "Early Stopping Against Label Noise Without Validation Data", ICLR 2024, Eq. 2 to 4
    and Algorithm 1. As in the authors' code, predictions are those of the training steps, which
    cost nothing. Departures: an epoch in which all samples are predicted as one class is not
    scored; rows count by their weight; the patience, which the paper does not give, is the
    estimator's ``n_iter_no_change``.
    """

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight
        self._previous: Tensor | None = None
        self._agreements: deque[float] = deque(maxlen=_WINDOW)

    def update(self, predicted: Tensor) -> float:
        """Record the predictions of an epoch, and return its score.

        Parameters
        ----------
        predicted : Tensor of shape (n_rows,), int64
            Predicted classes; -1 for rows that are not trained on.

        Returns
        -------
        float
            Fraction of rows that are predicted as in the epoch before, averaged over the last three
            epochs; NaN if there is no score yet.
        """
        if self._previous is not None:
            unchanged = (predicted == self._previous).to(self._weight.dtype)
            self._agreements.append(float(unchanged @ self._weight / self._weight.sum()))
        self._previous = predicted.clone()
        known = predicted[predicted >= 0]
        # An untrained network often predicts the most frequent class, and nothing changes at first.
        is_constant = bool(torch.all(known == known[:1]))
        if is_constant or len(self._agreements) < _WINDOW:
            return math.nan
        return sum(self._agreements) / _WINDOW
