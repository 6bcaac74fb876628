"""Early stopping: the best epoch of a training, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["EarlyStopping"]


class EarlyStopping:
    """Follow the epoch scores of one or more networks that train together.

    The score is the ``epoch_score`` of the method or, if the method has none, the accuracy on
    held-out samples; or that of :class:`~sknoisy._training.label_wave.LabelWave`. Held-out labels
    are noisy too: the accuracy still ranks epochs, but the loss does not, since it has no lower
    limit at a negative smoothing rate.

    Parameters
    ----------
    patience : int or None
        Epochs without a better score before a network stops; None: it never stops.
    n_members : int, default=1
        Number of networks.

    Attributes
    ----------
    best_score : ndarray of shape (n_members,)
        Best score of each network; -inf before the first score.
    n_epochs_without_gain : ndarray of shape (n_members,)
        Number of epochs since the best score.
    """

    def __init__(self, patience: int | None, n_members: int = 1) -> None:
        self.patience = patience
        self.best_score = np.full(n_members, -np.inf)
        self.n_epochs_without_gain = np.zeros(n_members, dtype=int)

    def update(
        self, scores: Sequence[float | None], skipped: bool | np.ndarray = False
    ) -> np.ndarray:
        """Record the scores of an epoch, and return which networks have a new best score.

        Parameters
        ----------
        scores : sequence of float or None, of shape (n_members,)
            None: the epoch has no score and does not count. -inf: scores have not started yet.
        skipped : bool or ndarray of bool of shape (n_members,), default=False
            Whether the epoch does not count because it is part of warm-up.

        Returns
        -------
        ndarray of bool of shape (n_members,)
        """
        has_score = np.array([score is not None for score in scores])
        values = np.array([-np.inf if score is None else float(score) for score in scores])
        not_started = skipped | (has_score & (values == -np.inf))
        improved = has_score & ~not_started & (values > self.best_score)
        self.best_score = np.where(improved, values, self.best_score)
        self.n_epochs_without_gain += has_score
        self.n_epochs_without_gain[improved | not_started] = 0
        return improved

    @property
    def has_stopped(self) -> np.ndarray:
        """Mask of the networks that have not improved for ``patience`` epochs, (n_members,)."""
        if self.patience is None:
            return np.zeros(len(self.best_score), dtype=bool)
        return self.n_epochs_without_gain >= self.patience
