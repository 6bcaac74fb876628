"""Decorator that checks the arguments of all estimators."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples

from sknoisy._label_noise.estimators import FROM_PREDICTIONS
from sknoisy._predictions import out_of_sample_predictions, refuse_swapped
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._validation.constraints import Names, check_params, did_you_mean
from sknoisy._validation.frames import on_host
from sknoisy._validation.labels import (
    check_labels,
    check_trusted,
    encode,
    sorted_classes,
)
from sknoisy._validation.shapes import check_same_length, check_table

__all__ = ["check_arguments", "check_ranges"]

P = ParamSpec("P")
R = TypeVar("R")

_CONSTRAINTS = {
    "min_samples": [Interval(Integral, 1, None, closed="left")],
    "z_score": [Interval(Real, 0, None, closed="left")],
    "quantile": [Interval(Real, 0, 1, closed="both")],
    "metric": [Names(set(itertools.chain(*VALID_METRICS.values()))), callable],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "method": [Names(set(FROM_PREDICTIONS))],
    "confidence_level": [Interval(Real, 0, 1, closed="neither")],
    "n_resamples": [Interval(Integral, 1, None, closed="left")],
    "min_rate": [Interval(Real, 0, 1, closed="left")],
    "random_state": ["random_state"],
}


def check_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate an estimator so that its arguments are checked before it is called.

    The function gets encoded labels as ``y``, the sorted classes as ``classes``, and out-of-sample
    probabilities as ``clf_or_proba`` or numbers as ``features``. Its signature and docstring are
    kept.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if unknown := [name for name in kwargs if name not in signature.parameters]:
            raise TypeError(
                f"{function.__name__}() got an unexpected keyword argument {unknown[0]!r}."
                f"{did_you_mean(unknown[0], signature.parameters)}"
            )
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        values = bound.arguments
        check_ranges(function.__name__, values)
        check_data = _check_features if "features" in values else _check_predictions
        check_data(function.__name__, values)
        with default_torch_settings():
            return function(*bound.args, **bound.kwargs)

    return checked


def check_ranges(function: str, params: Mapping[str, Any]) -> None:
    """Check the parameters that have a constraint."""
    check_params(function, _CONSTRAINTS, params)


def _check_predictions(function: str, values: dict[str, Any]) -> None:
    given = values["y"]
    predictions = out_of_sample_predictions(
        values["clf_or_proba"], given, values["classes"], function
    )
    values.update(clf_or_proba=predictions.p, y=predictions.codes, classes=predictions.classes)
    if "trusted" not in values:
        return
    if values["trusted"] is None:
        raise ValueError(
            f"The 'trusted' parameter of {function} must be a boolean mask of the samples whose "
            "labels are known to be clean. Got None instead; 'most_confident' does not need it."
        )
    trusted = check_trusted(values["trusted"], _num_samples(given))
    assert trusted is not None
    values["trusted"] = trusted[predictions.positions]


def _check_features(function: str, values: dict[str, Any]) -> None:
    if callable(getattr(values["features"], "fit", None)):
        raise TypeError(
            f"The 'features' parameter of {function} must be an array-like of shape (n_samples, "
            f"n_features): it needs no model. Got {type(values['features']).__name__} instead."
        )
    order = "features of shape (n_samples, n_features) first, labels second"
    refuse_swapped(function, order, values["features"], values["y"])
    features = on_host(values["features"])
    check_table(features, "features", "n_features")
    values["features"] = check_array(
        features, accept_sparse="csr", dtype=np.float64, input_name="features"
    )
    (labels,) = check_labels(values["classes"], y=values["y"])
    classes = np.unique(labels) if values["classes"] is None else values["classes"]
    values["classes"] = sorted_classes(classes)
    values["y"] = encode(labels, values["classes"])
    check_same_length(y=values["y"], features=values["features"])
    if len(labels) < 3:
        raise ValueError(f"{function} needs at least 3 samples. Got {len(labels)} instead.")
