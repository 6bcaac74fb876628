"""What the audit knows of each label: out-of-sample predictions, and what follows from them."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline

from sknoisy._audit.progress import Progress
from sknoisy._label_noise.report import NoiseReport
from sknoisy._predictions import OutOfSample
from sknoisy._training.build import method_of
from sknoisy._training.settings import max_epochs_of
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.issues._posterior import LabelPosterior
from sknoisy.methods import METHODS, Method
from sknoisy.search._proxy import proba_out_of_fold

__all__ = ["Evidence", "gather"]

_N_FOLDS = 5
_CLASSIFIER = "noisylabelclassifier"


@dataclass(frozen=True)
class Evidence:
    """Predictions for each row by a model that was not trained on it.

    Attributes
    ----------
    labels : LabelPosterior
        The probability of each true label.
    noise : NoiseReport
        The noise rate with its interval, and the transition matrix.
    origin : str
        How the predictions were made.
    warnings : tuple of str
        What the classifier warned of.
    seconds : float
        Wall time.
    """

    labels: LabelPosterior
    noise: NoiseReport
    origin: str
    warnings: tuple[str, ...]
    seconds: float

    @property
    def has_noise_rate(self) -> bool:
        """Whether there are enough samples, and predictions, to estimate the noise rate."""
        return self.is_informative and self.noise._has_enough_samples

    @property
    def is_informative(self) -> bool:
        """Whether the columns tell anything about the labels."""
        return not np.isnan(self.labels.proba).any()


def gather(
    X: Any,
    y: np.ndarray,
    encoder: BaseEstimator | None,
    clf: NoisyLabelClassifier,
    groups: np.ndarray,
    trusted: np.ndarray | None,
    progress: Progress,
) -> Evidence:
    """Fit a classifier once if it has out-of-bag predictions, otherwise in folds.

    Parameters
    ----------
    X : DataFrame or array
    y : ndarray of shape (n_samples,)
        The given labels.
    encoder : transformer or None
        Turns X into numbers.
    clf : NoisyLabelClassifier
    groups : ndarray of shape (n_samples,)
        Samples of one group are trained on or predicted together.
    trusted : ndarray of bool of shape (n_samples,) or None
        Samples whose labels are known to be clean.
    progress : Progress

    Returns
    -------
    Evidence
    """
    begin = time.monotonic()
    fit = _out_of_bag if _has_oob_predictions(clf.method) else _out_of_fold
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        labels, noise, origin = fit(X, y, encoder, clf, groups, trusted, progress)
    messages = tuple(dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning))
    return Evidence(labels, noise, origin, messages, time.monotonic() - begin)


def _has_oob_predictions(method: Any) -> bool:
    kind: Any = METHODS.get(method) if isinstance(method, str) else method
    kind = kind if isinstance(kind, type) else type(kind)
    return getattr(kind, "oob_predictions", None) is not Method.oob_predictions


def _out_of_bag(
    X: Any,
    y: np.ndarray,
    encoder: BaseEstimator | None,
    clf: NoisyLabelClassifier,
    groups: np.ndarray,
    trusted: np.ndarray | None,
    progress: Progress,
) -> tuple[LabelPosterior, NoiseReport, str]:
    n_epochs = max_epochs_of(clf, method_of(clf))
    clf.set_params(callbacks=[("audit_progress", progress.callback(n_epochs))])
    params = {f"{_CLASSIFIER}__groups": groups}
    if trusted is not None:
        params[f"{_CLASSIFIER}__trusted"] = trusted
    model = _pipeline(encoder, clf).fit(X, y, **params)
    progress.stage("Estimating the noise")
    labels = LabelPosterior.of(model, y, "auto", None, "audit")
    origin = "one fit; each row is judged by the networks that were not trained on it (out-of-bag)"
    return labels, model[-1].noise_report_, origin


def _out_of_fold(
    X: Any,
    y: np.ndarray,
    encoder: BaseEstimator | None,
    clf: NoisyLabelClassifier,
    groups: np.ndarray,
    trusted: np.ndarray | None,
    progress: Progress,
) -> tuple[LabelPosterior, NoiseReport, str]:
    if trusted is not None:
        raise ValueError(
            f"The 'trusted' parameter of audit needs a method with out-of-bag predictions, such "
            f"as 'distilled_pool' or 'bagging'. Got method={clf.method!r} instead."
        )
    progress.stage(f"Training in {_N_FOLDS} folds")
    classes, codes = np.unique(y, return_inverse=True)
    folds = StratifiedGroupKFold(_N_FOLDS, shuffle=True, random_state=0).split(codes, codes, groups)
    proba = proba_out_of_fold(_pipeline(encoder, clf), X, y, list(folds))
    progress.stage("Estimating the noise")
    labels = LabelPosterior.of(OutOfSample(proba), y, "auto", classes, "audit")
    noise = NoiseReport.from_predictions(
        codes, labels.predictions.p, "out-of-bag", labels_only=True, groups=groups
    )
    origin = f"{_N_FOLDS} folds; each row is judged by a network that was not trained on its fold"
    return labels, replace(noise, classes=classes), origin


def _pipeline(encoder: BaseEstimator | None, clf: NoisyLabelClassifier) -> Any:
    return make_pipeline(clf) if encoder is None else make_pipeline(encoder, clf)
