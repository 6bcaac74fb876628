"""Checks of the arguments of estimators."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from sknoisy._validation.labels import check_labels_and_proba

__all__ = ["_CONSTRAINTS", "_checked", "_in_range"]


_CONSTRAINTS = {
    "min_samples": [Interval(Integral, 1, None, closed="left")],
    "z_score": [Interval(Real, 0, None, closed="left")],
    "quantile": [Interval(Real, 0, 1, closed="both")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "confidence_level": [Interval(Real, 0, 1, closed="neither")],
    "n_resamples": [Interval(Integral, 1, None, closed="left")],
    "min_rate": [Interval(Real, 0, 1, closed="left")],
}


def _checked(y: Any, proba: Any, classes: Any) -> tuple[np.ndarray, np.ndarray]:
    return check_labels_and_proba(y, proba, classes)[:2]


def _in_range(function: str, **params: Any) -> None:
    validate_parameter_constraints(_CONSTRAINTS, params, function)
