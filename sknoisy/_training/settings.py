"""The settings of a training, derived from the parameters of an estimator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor

from sknoisy._label_noise.report import NoiseReport
from sknoisy._validation.matrices import as_float_array
from sknoisy.functional import logit_bound_for_rate, make_augment
from sknoisy.methods import Method

__all__ = [
    "MIN_SMOOTHING",
    "Settings",
    "SmoothingRule",
    "has_epoch_score",
    "holds_out_rows",
    "make_views",
    "max_epochs_of",
    "stops_early",
]

Rate = float | tuple[float, ...]

# The losses, which grow with the rate, and the squares of their gradients are numbers in single
# precision, and the limit differs from numbers that are a little lower.
MIN_SMOOTHING = -1e9
# With a very negative rate from the first epoch on, networks only learn simple boundaries.
_NEGATIVE_WARMUP = 0.1
# Part of the epochs that an adaptive warm-up leaves to the method.
_AFTER_WARMUP = 0.1


@dataclass(frozen=True)
class SmoothingRule:
    """The smoothing rate and the logit bound, given or derived from the estimated label noise.

    Parameters
    ----------
    smoothing : float, tuple of float or "auto"
        One rate, one rate per class, or "auto": the rate that a noise report recommends.
    logit_bound : float, None or "auto"
        "auto": a bound derived from the rate, if it is negative or "auto"; otherwise no bound.
    """

    smoothing: str | Rate
    logit_bound: str | float | None = "auto"

    @property
    def is_auto(self) -> bool:
        """Whether the rate is derived from the estimated label noise."""
        return isinstance(self.smoothing, str)

    @property
    def may_be_negative(self) -> bool:
        """Whether the rate of a class may be negative."""
        return isinstance(self.smoothing, str) or float(np.min(self.smoothing)) < 0

    def rate(self, noise: NoiseReport | None) -> Rate:
        """Return the smoothing rate; 0 for "auto" without a noise report."""
        if not isinstance(self.smoothing, str):
            return self.smoothing
        return 0.0 if noise is None else float(noise.smoothing)

    def bound(self, noise: NoiseReport | None) -> float | None:
        """Return the bound on the norm of the logits in training; None: no bound."""
        if not isinstance(self.logit_bound, str):
            return self.logit_bound
        if not self.may_be_negative:
            return None
        return logit_bound_for_rate(float(np.min(self.rate(noise))))


@dataclass(frozen=True)
class Settings:
    """Settings of one call of ``fit``, which may change when a later call continues training.

    Parameters
    ----------
    smoothing : SmoothingRule
    warmup_epochs : int
        Number of epochs on cross-entropy before the method starts; the largest number if warm-up
        is adaptive.
    adaptive_warmup : bool
        Whether warm-up ends when the loss of rows left out of it no longer decreases.
    augment : callable
        Makes a random view of a batch.
    augments_batches : bool
        Whether batches are replaced by random views of them: the user has chosen an ``augment``,
        and the method makes no views itself.
    patience : int or None
        Epochs without a better score before training stops; None: it does not stop early.
    label_wave : bool
        Whether epochs are scored by :class:`~sknoisy._training.label_wave.LabelWave`.
    lr, lr_schedule, max_epochs, batch_size, verbose
        As in :class:`~sknoisy.NoisyLabelClassifier`.
    """

    smoothing: SmoothingRule
    warmup_epochs: int
    adaptive_warmup: bool
    augment: Callable[[Tensor], Tensor]
    augments_batches: bool
    patience: int | None
    label_wave: bool
    lr: float
    lr_schedule: str | Callable[[float], float] | None
    max_epochs: int
    batch_size: int
    verbose: int

    @classmethod
    def of(
        cls,
        estimator: BaseEstimator,
        method: Method,
        n_classes: int,
        row_shape: tuple[int, ...],
    ) -> Settings:
        """Derive the settings from the parameters of an estimator."""
        rate = _smoothing_rate(estimator.smoothing, n_classes)
        if isinstance(rate, str) and method.corrects_labels:
            rate = 0.0
        rule = SmoothingRule(rate, estimator.logit_bound)
        max_epochs = max_epochs_of(estimator, method)
        # The rate and the noise report of smoothing="auto" need a warm-up of known length.
        adaptive = "auto" == estimator.warmup == method.warmup and not rule.may_be_negative
        return cls(
            smoothing=rule,
            warmup_epochs=_warmup_epochs(estimator.warmup, max_epochs, method, rule),
            adaptive_warmup=adaptive,
            augment=make_views(estimator.augment, row_shape),
            augments_batches=estimator.augment is not None and not method.makes_views,
            patience=estimator.n_iter_no_change if stops_early(estimator, method) else None,
            label_wave=estimator.early_stopping == "label_wave",
            # Numbers of NumPy, as randomised searches draw them, compute otherwise than Python's.
            lr=float(estimator.lr),
            lr_schedule=estimator.lr_schedule,
            max_epochs=int(max_epochs),
            batch_size=int(estimator.batch_size),
            verbose=int(estimator.verbose),
        )

    def for_skorch(self) -> dict[str, Any]:
        """Return the settings that are parameters of every skorch net."""
        names = ("lr", "max_epochs", "batch_size", "verbose")
        return {name: getattr(self, name) for name in names}


def make_views(augment: Any, row_shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """Return the function that makes random views, for the ``augment`` parameter."""
    name = "auto" if augment is None else augment
    return make_augment(name, row_shape) if isinstance(name, str) else name


def _smoothing_rate(smoothing: Any, n_classes: int) -> str | Rate:
    if isinstance(smoothing, str):
        return smoothing
    if isinstance(smoothing, Real):
        return float(smoothing)
    rates = as_float_array("smoothing", smoothing)
    in_range = ((rates >= MIN_SMOOTHING) & (rates <= 1)).all()
    if rates.shape != (n_classes,) or not in_range:
        raise ValueError(
            f"The 'smoothing' parameter must be a float or an array of {n_classes} rates, one for "
            f"each class, in the range [{MIN_SMOOTHING:g}, 1]. Got {rates.tolist()} instead."
        )
    return tuple(rates.tolist())


def max_epochs_of(estimator: BaseEstimator, method: Method) -> int:
    """Return the number of epochs of a fit; "auto": that of the method."""
    return int(method.max_epochs if estimator.max_epochs == "auto" else estimator.max_epochs)


def _warmup_epochs(warmup: Any, max_epochs: int, method: Method, rule: SmoothingRule) -> int:
    if warmup != "auto":
        return _n_epochs(warmup, max_epochs)
    if method.warmup == "auto":
        default = max_epochs - max(ceil(_AFTER_WARMUP * max_epochs), 1)
        default = 0 if rule.may_be_negative else default
    else:
        default = _n_epochs(method.warmup, max_epochs)
    if not rule.may_be_negative:
        return default
    # Leave at least one epoch in which the rate is used.
    return min(max(default, ceil(_NEGATIVE_WARMUP * max_epochs)), max_epochs - 1)


def _n_epochs(warmup: Any, max_epochs: int) -> int:
    """Convert a fraction of the epochs to a number: at least 1, if another epoch is left."""
    if isinstance(warmup, Integral):
        return int(warmup)
    fewest = min(1, max_epochs - 1) if warmup > 0 else 0
    return max(round(float(warmup) * max_epochs), fewest)


def stops_early(estimator: BaseEstimator, method: Method) -> bool:
    """Whether training stops when the score of the epochs no longer increases."""
    if estimator.early_stopping == "auto":
        return has_epoch_score(method)
    return bool(estimator.early_stopping)


def holds_out_rows(estimator: BaseEstimator, method: Method) -> bool:
    """Whether the epochs are scored on held-out rows."""
    by_rows = not isinstance(estimator.early_stopping, str) and bool(estimator.early_stopping)
    return by_rows and not has_epoch_score(method)


def has_epoch_score(method: Method) -> bool:
    """Whether a method computes a score of epochs itself, so that no rows are held out."""
    return type(method).epoch_score is not Method.epoch_score
