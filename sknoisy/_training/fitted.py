"""Attributes of a fitted estimator that are computed from its trained net."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknoisy._label_noise.report import NoiseReport
from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._training.net import SkorchNet
from sknoisy._training.noise_inspection import report_out_of_bag
from sknoisy.methods import METHODS, Method

__all__ = ["FittedAttributesMixin"]


class FittedAttributesMixin:
    """Mixin for the attributes that a trained net has or from which they are computed."""

    net_: SkorchNet
    classes_: np.ndarray
    smoothing_: Any
    _codes: np.ndarray
    _trusted: np.ndarray | None
    _groups: np.ndarray | None
    _n_contradicting: int | None

    @property
    def module_(self) -> nn.Module:
        """The trained network; with several networks ``module_.network(i)`` returns one of them."""
        check_is_fitted(self, "net_")
        return self.net_.module_

    @property
    def method_(self) -> Method:
        """The method with its state."""
        check_is_fitted(self, "net_")
        return self.net_.criterion_

    @property
    def history_(self) -> Any:
        """A row for each epoch; ``history_[:, "train_loss"]`` is one column."""
        check_is_fitted(self, "net_")
        return self.net_.history

    @cached_property
    def noise_report_(self) -> NoiseReport:
        """The label noise, estimated when it is first asked for unless the fit has done so."""
        return self._noise_report("noise_report_")

    @property
    def noise_rate_(self) -> float:
        """Estimated fraction of mislabelled samples."""
        return self._noise_report("noise_rate_").rate

    @property
    def transition_matrix_(self) -> np.ndarray:
        """Estimated probabilities of given labels for each true label."""
        return self._noise_report("transition_matrix_").transition_matrix

    def _noise_report(self, name: str) -> NoiseReport:
        """Return the noise report, for the attribute of this name.

        The report of the fit, or one that was computed before, is in the instance's dictionary.
        """
        if (report := vars(self).get("noise_report_")) is not None:
            return report
        with default_torch_settings():
            report = report_out_of_bag(self.method_, self._codes, self._trusted, self._groups)
        if report is None:
            raise AttributeError(_missing(self, name))
        report = replace(
            report,
            classes=self.classes_,
            smoothing=self.smoothing_,
            n_contradicting=self._n_contradicting,
        )
        vars(self)["noise_report_"] = report
        return report


def _missing(estimator: Any, name: str) -> str:
    with_oob = [
        f"method={method!r}"
        for method, kind in METHODS.items()
        if kind.oob_predictions is not Method.oob_predictions
    ]
    return (
        f"{name} exists only with {' or '.join(with_oob)}, another method with out-of-bag "
        "predictions, or smoothing='auto' after warm-up. This "
        f"{type(estimator).__name__} was fitted with method={estimator.method!r} and "
        f"smoothing={estimator.smoothing!r}."
    )
