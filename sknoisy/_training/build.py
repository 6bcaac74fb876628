"""Building of the skorch net and the training run of an estimator."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import nn

from sknoisy._data.dataset import hold_out
from sknoisy._data.rows import Rows
from sknoisy._runtime.devices import find_device
from sknoisy._training.net import OPTIMIZERS, SkorchNet
from sknoisy._training.processes import Processes
from sknoisy._training.run import TrainingRun
from sknoisy._training.same_rows import check_same_rows, rows_digest
from sknoisy._training.settings import Settings, holds_out_rows
from sknoisy._training.training_set import TrainingSet
from sknoisy._validation.frames import refuse_frame_in_another_order
from sknoisy._validation.given_labels import compact_codes
from sknoisy._validation.params import (
    accepted_params,
    check_accepted,
    parameters_of,
    params_of_part,
)
from sknoisy.methods import METHODS, Method, make_method
from sknoisy.networks import CNN, IMAGE_NETWORKS, MLP

__all__ = ["DTYPES", "fitted_attributes", "make_run", "method_of"]

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bf16-mixed": torch.float32}


def method_of(estimator: BaseEstimator) -> Method:
    """Make the method of an estimator, with its parameters."""
    return make_method(estimator.method, **params_of_part(estimator, "method"))


def make_run(
    estimator: BaseEstimator,
    training_set: TrainingSet,
    net: SkorchNet | None = None,
    seed: int | None = None,
) -> tuple[SkorchNet, TrainingRun, int]:
    """Make the net and the run with which an estimator is trained on a training set.

    Parameters
    ----------
    estimator : BaseEstimator
    training_set : TrainingSet
    net : SkorchNet or None, default=None
        The net of an earlier fit that is continued; None: make a new net.
    seed : int or None, default=None
        Seed of a training that began before; None: a new one is drawn.

    Returns
    -------
    net : SkorchNet
        A new net builds its network when it is first trained.
    run : TrainingRun
    seed : int
        Seed of the random numbers of a new net.
    """
    # A trained net keeps its device, although "auto" may now find another one.
    device = find_device(estimator.device) if net is None else torch.device(net.device)
    dtype = DTYPES[estimator.precision] if net is None else net.dtype
    labels = training_set.labels
    method = method_of(estimator) if net is None else net.criterion
    _check_trusted_is_used(method, training_set.trusted)
    processes = Processes.launched_on(estimator.device)
    if seed is None:
        rng = check_random_state(estimator.random_state)
        seed = processes.broadcast(rng.randint(np.iinfo(np.int32).max))
    train, held_out = np.flatnonzero(training_set.weight), None
    if holds_out_rows(estimator, method):
        fraction = estimator.validation_fraction
        train, held_out = hold_out(
            labels.codes, training_set.weight, fraction, seed, training_set.groups
        )
    if net is None:
        columns = training_set.fit_columns(users_module=callable(estimator.module))
    else:
        columns = net.columns_
        if columns is not None and columns.is_constant.any():
            # Weights for other values of a constant column are trained from now on.
            columns = columns.continued(training_set.fit_columns(columns.holds_constants))
    data = training_set.on_device(device, dtype, train, columns)
    processes.check_same_inputs(
        estimator,
        data.rows,
        labels,
        training_set.weight,
        training_set.trusted,
        training_set.groups,
    )
    settings = Settings.of(estimator, method, len(labels.classes), data.rows.row_shape)
    if net is None:
        for name, value in method.get_params(deep=False).items():
            refuse_frame_in_another_order(f"method__{name}", value, labels.classes)
        net = _make_net(estimator, method, data.rows, settings, len(labels.classes), device)
        net.columns_ = columns
        net.rows_digest_ = rows_digest(training_set)
    else:
        check_same_rows(net, training_set)
    validation = None if held_out is None else data.part(torch.from_numpy(held_out))
    return net, TrainingRun(data, validation, settings, columns, processes), seed


def _make_net(
    estimator: BaseEstimator,
    method: Method,
    rows: Rows,
    settings: Settings,
    n_classes: int,
    device: torch.device,
) -> SkorchNet:
    module = _network_of(estimator, rows.row_shape)
    params = _module_params(estimator, module, method, rows.row_shape[0], n_classes)
    return SkorchNet(
        module,
        criterion=method,
        optimizer=_optimizer(estimator),
        n_classes=n_classes,
        settings=settings,
        device=str(device),
        dtype=DTYPES[estimator.precision],
        mixed=estimator.precision == "bf16-mixed",
        compiles=estimator.compile,
        callbacks=estimator.callbacks,
        **{f"module__{name}": value for name, value in params.items()},
        **_prefixed(estimator, "optimizer"),
        **_prefixed(estimator, "callbacks"),
    )


def _network_of(estimator: BaseEstimator, row_shape: tuple[int, ...]) -> Any:
    is_table, module = len(row_shape) == 1, estimator.module
    if isinstance(module, str):
        if is_table:
            raise ValueError(
                f"The 'module' parameter {module!r} is a network for images. Got samples of "
                f"{row_shape[0]} features: use None or a network of your own."
            )
        return IMAGE_NETWORKS[module]
    if module is None:
        return MLP if is_table else CNN
    return module


def _prefixed(estimator: BaseEstimator, part: str) -> dict[str, Any]:
    return {f"{part}__{name}": value for name, value in params_of_part(estimator, part).items()}


def _module_params(
    estimator: BaseEstimator, module: Any, method: Method, n_in: int, n_out: int
) -> dict[str, Any]:
    given = params_of_part(estimator, "module")
    if isinstance(module, nn.Module):
        if given:
            raise ValueError(
                f"The 'module' parameter is an instance, so {[f'module__{k}' for k in given]} "
                "have no effect; pass the class."
            )
        return {}
    preferred = method.module_params if estimator.module is None else {}
    # The arguments of a functools.partial are the user's, too.
    fixed = getattr(module, "keywords", {})
    default = {} if _is_factory(module) else {"n_in": n_in, "n_out": n_out, **preferred}
    default = {name: value for name, value in default.items() if name not in fixed}
    params = {**accepted_params(module, default), **given}
    check_accepted("module", module, params)
    return params


def _is_factory(module: Any) -> bool:
    """Whether a callable is of a package whose factories take any keywords, but fail with ours."""
    function = getattr(module, "func", module)
    return getattr(function, "__module__", "").partition(".")[0] in ("torchvision", "timm")


def _optimizer(estimator: BaseEstimator) -> Any:
    optimizer: Any = estimator.optimizer
    optimizer = OPTIMIZERS[optimizer] if isinstance(optimizer, str) else optimizer
    if isinstance(optimizer, type) and not issubclass(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"The 'optimizer' parameter must be a str among {sorted(OPTIMIZERS)} or a class of "
            f"torch optimizers. Got {optimizer!r} instead."
        )
    given = params_of_part(estimator, "optimizer")
    if "lr" in getattr(optimizer, "keywords", {}):
        raise ValueError(
            "The 'optimizer' parameter must not have an lr of its own: the learning rate is the "
            f"'lr' parameter. Got {optimizer!r} beside lr={estimator.lr!r}."
        )
    if "lr" in given:
        raise ValueError(
            "The 'optimizer__lr' parameter must not be given: the learning rate is the 'lr' "
            f"parameter. Got optimizer__lr={given['lr']!r} beside lr={estimator.lr!r}."
        )
    check_accepted("optimizer", optimizer, given, {"param_groups"})
    known = parameters_of(optimizer)
    for name, value in given.items():
        default = known[name].default if name in known else None
        if isinstance(value, bool) and isinstance(default, Real) and not isinstance(default, bool):
            raise ValueError(
                f"The 'optimizer__{name}' parameter must be a number. Got {value!r} instead."
            )
    return optimizer


def _check_trusted_is_used(method: Method, trusted: np.ndarray | None) -> None:
    if trusted is None or method.uses_trusted:
        return
    names = sorted(name for name, kind in METHODS.items() if kind().uses_trusted)
    raise ValueError(
        f"The 'method' parameter must be one that uses 'trusted' samples: one of {names} with its "
        f"default parameters, or your own. Got {method!r} instead."
    )


def fitted_attributes(
    net: SkorchNet, training_set: TrainingSet, quality: np.ndarray
) -> dict[str, Any]:
    """Return the fitted attributes of an estimator, from its trained net.

    Parameters
    ----------
    net : SkorchNet
    training_set : TrainingSet
    quality : ndarray of shape (n_samples,)
        Label quality of each sample.
    """
    rule, noise, labels = net.settings.smoothing, net.noise_, training_set.labels
    rate, n_contradicting = rule.rate(noise), training_set.n_contradicting
    # The labels are kept to recognise them, and for a report on their noise.
    codes = compact_codes(labels)
    attributes: dict[str, Any] = {
        # A label without a most likely class is neither right nor wrong.
        "label_quality_": np.where(codes < len(labels.classes), quality, np.nan),
        "_codes": codes,
        "_groups": _groups_to_keep(net, training_set.groups),
        "n_iter_": len(net.history),
        "smoothing_": rate if isinstance(rate, float) else np.array(rate),
    }
    if rule.is_auto and noise is not None:
        attributes["noise_report_"] = replace(
            noise, classes=labels.classes, n_contradicting=n_contradicting
        )
    attributes["_n_contradicting"] = n_contradicting
    return {**attributes, "net_": net, "classes_": labels.classes}


def _groups_to_keep(net: SkorchNet, groups: np.ndarray | None) -> np.ndarray | None:
    """Return groups in the smallest integer type, for a report; None without a later report."""
    if groups is None or net.criterion_.oob_predictions is None:
        return None
    return groups.astype(np.min_scalar_type(groups.max()))
