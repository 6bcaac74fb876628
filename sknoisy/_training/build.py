"""From the parameters of the estimator to a net, and to what a net may change between calls."""

from __future__ import annotations

from math import ceil
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.utils.validation import column_or_1d
from torch import nn

from sknoisy._data.rows import Rows
from sknoisy._training.net import OPTIMIZERS, Trainer
from sknoisy._validation.params import check_accepted, offered
from sknoisy.functional import default_augment, logit_bound_for_rate
from sknoisy.methods import Method, make_method
from sknoisy.networks import CNN, MLP

if TYPE_CHECKING:
    from sknoisy.classifier import NoisyLabelClassifier

__all__ = ["DTYPES", "judges", "make_net", "settings_of", "smoothing_rate", "stops_early"]


DTYPES = {"float32": torch.float32, "float64": torch.float64, "bf16-mixed": torch.float32}


# A very negative rate alone finds simple boundaries only.
_NEGATIVE_WARMUP = 0.1


def make_net(
    clf: NoisyLabelClassifier, rows: Rows, n_classes: int, device: torch.device
) -> Trainer:
    """Make the net that trains for an estimator; networks are built at its first training."""
    method = make_method(clf.method, **clf._given("method"))
    one = rows.span(0, 1)
    module: Any = (MLP if one.ndim == 2 else CNN) if clf.module is None else clf.module
    params = _module_params(clf, module, method, {"n_in": one.shape[1], "n_out": n_classes})
    optimizer = _optimizer(clf)
    return Trainer(
        module,
        criterion=method,
        optimizer=optimizer,
        n_classes=n_classes,
        device=str(device),
        dtype=DTYPES[clf.precision],
        mixed=clf.precision == "bf16-mixed",
        augment=default_augment(one.ndim) if clf.augment is None else clf.augment,
        callbacks=clf.callbacks,
        **settings_of(clf, method, n_classes),
        **{f"module__{name}": value for name, value in params.items()},
        **{f"optimizer__{name}": value for name, value in clf._given("optimizer").items()},
        **{f"callbacks__{name}": value for name, value in clf._given("callbacks").items()},
    )


def _module_params(
    clf: NoisyLabelClassifier, module: Any, method: Method, sizes: dict[str, int]
) -> dict[str, Any]:
    given = clf._given("module")
    if isinstance(module, nn.Module):
        if given:
            raise ValueError(
                f"The 'module' parameter is an instance, so {[f'module__{k}' for k in given]} "
                "have no effect; pass the class."
            )
        return {}
    wished = method.module_params if clf.module is None else {}
    params = {**offered(module, {**sizes, **wished}), **given}
    check_accepted("module", module, params)
    return params


def _optimizer(clf: NoisyLabelClassifier) -> Any:
    optimizer: Any = clf.optimizer
    optimizer = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    if isinstance(optimizer, type) and not issubclass(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"The 'optimizer' parameter must be a str among {sorted(OPTIMIZERS)} or a class of "
            f"torch optimizers. Got {optimizer!r} instead."
        )
    check_accepted("optimizer", optimizer, clf._given("optimizer"), {"param_groups"})
    return optimizer


def settings_of(clf: NoisyLabelClassifier, method: Method, n_classes: int) -> dict[str, Any]:
    """What may change from one call of fit to the next that goes on from it."""
    rate = smoothing_rate(clf.smoothing, n_classes)
    bound = _bound(rate)
    warmup = _epochs(method.warmup if clf.warmup == "auto" else clf.warmup, clf.max_epochs)
    if bound is not None and clf.warmup == "auto":
        least = min(ceil(_NEGATIVE_WARMUP * clf.max_epochs), clf.max_epochs - 1)
        # A rate that is never in use would be a surprise.
        warmup = min(max(warmup, least), clf.max_epochs - 1)
    return {
        "smoothing": rate,
        "warmup_epochs": warmup,
        "logit_bound": bound if clf.logit_bound == "auto" else clf.logit_bound,
        "lr": clf.lr,
        "lr_schedule": clf.lr_schedule,
        "max_epochs": clf.max_epochs,
        "batch_size": clf.batch_size,
        "patience": clf.n_iter_no_change if stops_early(clf, method) else None,
        "verbose": clf.verbose,
    }


def _epochs(warmup: Any, max_epochs: int) -> int:
    """Epochs of warm-up, of which a float is a fraction: at least an epoch, if there are others."""
    if isinstance(warmup, Integral):
        return int(warmup)
    least = min(1, max_epochs - 1) if warmup > 0 else 0
    return max(round(float(warmup) * max_epochs), least)


def _bound(rate: str | float | tuple[float, ...]) -> str | float | None:
    """How long logits may be under a negative rate; while that is not known, neither is this."""
    if isinstance(rate, str):
        return rate
    lowest = float(np.min(rate))
    return logit_bound_for_rate(lowest) if lowest < 0 else None


def stops_early(clf: NoisyLabelClassifier, method: Method) -> bool:
    """Whether training stops when epochs are no longer better."""
    return judges(method) if clf.early_stopping == "auto" else bool(clf.early_stopping)


def judges(method: Method) -> bool:
    """Whether a method tells how good an epoch was."""
    return type(method).epoch_score is not Method.epoch_score


def smoothing_rate(smoothing: Any, n_classes: int) -> str | float | tuple[float, ...]:
    """Rate of smoothing, one for each class, or "auto"."""
    if isinstance(smoothing, str):
        return smoothing
    if np.ndim(smoothing) == 0:
        return float(smoothing)
    rates = column_or_1d(smoothing, dtype=np.float64, input_name="smoothing")
    if len(rates) != n_classes or not (rates <= 1).all() or np.isinf(rates).any():
        raise ValueError(
            f"The 'smoothing' parameter must be a float or an array of {n_classes} rates, one for "
            f"each class, in the range (-inf, 1]. Got {rates.tolist()} instead."
        )
    return tuple(rates.tolist())
