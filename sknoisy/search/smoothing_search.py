"""Search over smoothing rates that trains all candidates of a fold together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from os import PathLike
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn import get_config
from sklearn.base import _fit_context, is_classifier
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.utils import indexable
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_method_params, _num_samples

from sknoisy._runtime.torch_settings import default_torch_settings
from sknoisy._validation.constraints import check_params
from sknoisy._validation.groups import check_groups
from sknoisy._validation.params import HintedParams
from sknoisy.search._candidates import Candidates, WholeSearch, last_step
from sknoisy.search._checkpoint import SearchCheckpoint
from sknoisy.search._compatibility import labels_to_split
from sknoisy.search._proxy import CandidateProxy, RecordingSplitter, scorer_of_proxies
from sknoisy.search._results import rates_and_scores, refuse_all_nan

__all__ = ["SmoothingSearchCV", "one_standard_error"]

RATES = (-8.0, -4.0, -2.0, -1.0, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8)


class SmoothingSearchCV(HintedParams, GridSearchCV):
    """Search the smoothing rate, with vectorised training of all candidates of a fold.

    Results and attributes are the same as of scikit-learn's ``GridSearchCV``, up to rounding.
    Networks that differ only in the smoothing rate have the same initial weights and batches, so
    one batched product computes all of them, instead of one training after another.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
        The classifier, or a pipeline that ends in one; the steps before it are fitted once per
        fold. Its method must be only a loss: "ce", "gce", "mae", "sce", "nce_rce", "js", "jal",
        "anl", "bi_tempered", "confidence_penalty", or a custom
        :class:`~sknoisy.methods.ClassLoss`.
    smoothing : sequence of float, default=(-8, -4, -2, -1, -.6, -.4, -.2, 0, .2, .4, .6, .8)
        Smoothing rates; an entry may be an array with one rate for each class.
    param_grid : dict, default=None
        Values of numeric parameters of the loss, ``method__name``, as for ``GridSearchCV``. All are
        combined with all rates.
    cv : int, cross-validation generator or iterable, default=5
        How to split the samples into folds.
    scoring : str, callable, list, tuple or dict, default=None
        One or several scores; None: accuracy. For noisy labels see
        :func:`~sknoisy.metrics.make_noisy_scorer`.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all samples. With several scores: the name of the score
        that selects it. Or a function from ``cv_results_`` to the index of the best candidate, such
        as :func:`one_standard_error`.
    n_jobs : int, default=None
        Number of threads that train and score networks. On a GPU one thread trains all networks.
    error_score : "raise" or float, default=nan
        Score of a candidate that could not be fitted.
    return_train_score : bool, default=False
        Whether to score the training sets too.
    verbose : int, default=0
        The higher, the more is printed.
    checkpoint : str, path-like or None, default=None
        Folder where the search stores its trainings: the same call then goes on where a killed one
        stopped, trains no finished candidate again, and ends with the same results, except for
        times. The splitter must split alike. Networks that are trained together have one folder;
        the refit has its own. As for :class:`~sknoisy.NoisyLabelClassifier`, other data or
        parameters are refused, and the files are pickles.
    checkpoint_every : int, default=1
        Number of epochs from one checkpoint to the next.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in ``GridSearchCV``; the fit time of a candidate is its part of the time of training all
        candidates together.
    best_estimator_ : estimator
        The best candidate, fitted to all samples. Needs ``refit``, as all predictions do.
    best_params_, best_score_, best_index_
        Parameters, score and index of the best candidate.
    scorer_, n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As in ``GridSearchCV``.

    Raises
    ------
    TypeError
        In ``fit``, if the candidates cannot be trained together: use ``GridSearchCV``.
    ValueError
        In ``fit``, if all scores are NaN.

    See Also
    --------
    sknoisy.plots.SmoothingCurveDisplay : Draws the scores over the rates.

    Notes
    -----
    If the loss of a candidate becomes NaN, only this candidate fails. With ``random_state=None``
    all candidates that are trained together have the same initial weights, while ``GridSearchCV``
    draws new weights for each.

    Folds are trained together if they need the same number of steps (the built-in MLP without
    dropout) or have equal sizes (any other network). The training sets of all folds are then in
    memory; if they would take more than a quarter of the free memory, folds are trained one after
    another. Threads train custom modules one after another, because these draw from torch's single
    random generator.

    Plain attributes of a module are shared by all candidates: keep state in buffers that are
    changed in place. ``precision="bf16-mixed"`` and ``compile`` apply to the refit only; all else
    is computed in float32.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelClassifier, SmoothingSearchCV
    >>> from sknoisy.noise import corrupt_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> y = corrupt_labels(y, 0.4, random_state=0)
    >>> clf = NoisyLabelClassifier("ce", max_epochs=10, random_state=0)
    >>> search = SmoothingSearchCV(clf, smoothing=[-4, 0, 0.4], cv=3).fit(X, y)
    >>> len(search.cv_results_["params"])
    3
    """

    _parameter_constraints: dict = {
        **{k: v for k, v in GridSearchCV._parameter_constraints.items() if k != "pre_dispatch"},
        "smoothing": ["array-like"],
        "param_grid": [dict, None],
        "checkpoint": [str, PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        smoothing: Sequence[Any] = RATES,
        *,
        param_grid: Mapping[str, Sequence[Any]] | None = None,
        cv: Any = 5,
        scoring: Any = None,
        refit: bool | str | Callable[[dict], int] = True,
        n_jobs: int | None = None,
        error_score: str | float = np.nan,
        return_train_score: bool = False,
        verbose: int = 0,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
    ) -> None:
        self.estimator = estimator
        self.smoothing = smoothing
        self.param_grid = param_grid
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.n_jobs = n_jobs
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.verbose = verbose
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, *, groups: Any = None, **params: Any) -> SmoothingSearchCV:
        """Score all candidates, and fit the best one.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or images
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The given labels. Soft labels need ``scoring=None``, the expected accuracy; folds are
            stratified by their most likely class.
        groups : array-like of shape (n_samples,), default=None
            Groups of samples that depend on each other, for the splitter (such as
            :class:`~sklearn.model_selection.GroupKFold`) and for ``fit`` of the classifier. With
            metadata routing, both must request it, as they do by default.
        **params
            Parameters of ``fit`` of the estimator, of the splitter and of the scorers, as for
            ``GridSearchCV``.

        Returns
        -------
        self
        """
        labels = labels_to_split(X, y)
        X, y = indexable(X, y)
        rows = np.arange(_num_samples(X))
        check_groups(groups, len(rows))
        params = params if groups is None else {**params, "groups": groups}
        # Without metadata routing, scikit-learn gives groups to the splitter only.
        for_fit = None if get_config()["enable_metadata_routing"] else groups
        splitter = check_cv(self.cv, labels, classifier=is_classifier(self.estimator))
        cv = RecordingSplitter(splitter, labels)
        with warnings.catch_warnings():
            # The inner search raises the same warnings.
            warnings.simplefilter("ignore")
            routed = self._get_routed_params_for_fit(_check_method_params(X, params))
        with SearchCheckpoint.opened(self, X, y, params) as checkpoint:
            return self._fit(X, y, rows, cv, params, routed, for_fit, checkpoint)

    def _fit(
        self,
        X: Any,
        y: Any,
        rows: np.ndarray,
        cv: RecordingSplitter,
        params: dict[str, Any],
        routed: Any,
        for_fit: Any,
        checkpoint: SearchCheckpoint | None,
    ) -> SmoothingSearchCV:
        whole = WholeSearch(cv.train, X, y, routed.estimator.fit)
        candidates = Candidates(
            self.estimator,
            self.smoothing,
            self.param_grid,
            rows,
            self.n_jobs,
            whole,
            for_fit,
            checkpoint,
        )
        inner = GridSearchCV(
            CandidateProxy(self.estimator, candidates),
            candidates.grid,
            scoring=self._proxy_scoring(),
            n_jobs=self.n_jobs,
            refit=self.refit,
            cv=cv,
            verbose=self.verbose,
            error_score=self.error_score,
            return_train_score=self.return_train_score,
        )
        if callbacks := getattr(self, "_skl_callbacks", None):
            inner.set_callbacks(*callbacks)
        try:
            deterministic = last_step(self.estimator)[1].deterministic
            with default_torch_settings(deterministic), parallel_config(backend="threading"):
                inner.fit(X, y, **params, row_=rows)
        except Exception:
            if candidates.refusal is not None:
                raise candidates.refusal from None
            raise
        refuse_all_nan(inner.cv_results_, self.refit, partial(self._score_again, inner, X, y))
        self.__dict__.update(self._fitted_attributes(inner, candidates))
        return self

    def _score_again(self, inner: GridSearchCV, X: Any, y: Any) -> None:
        if hasattr(inner, "best_estimator_"):
            scorers, _ = self._get_scorers()
            scorers(inner.best_estimator_.fitted_, X, y)

    def _validate_params(self) -> None:
        params = self.get_params(deep=False)
        check_params(type(self).__name__, self._parameter_constraints, params)

    def _proxy_scoring(self) -> Any:
        """Return the scorers of this search, wrapped so that they get the fitted candidate."""
        if self.scoring is None:
            return None
        scorers, _ = self._get_scorers()
        several = getattr(scorers, "_scorers", None)
        if several is None:
            return scorer_of_proxies(scorers)
        return {name: scorer_of_proxies(scorer) for name, scorer in several.items()}

    def _fitted_attributes(self, inner: GridSearchCV, candidates: Candidates) -> dict[str, Any]:
        attributes = {k: v for k, v in vars(inner).items() if k.endswith("_") and k[0] != "_"}
        results = attributes["cv_results_"]
        results.update(candidates.fit_times(results["mean_fit_time"].shape))
        if "best_estimator_" in attributes:
            attributes["best_estimator_"] = attributes["best_estimator_"].fitted_
        # The scorers of the inner search are wrapped, so they are replaced.
        scorers, _ = self._get_scorers()
        attributes["scorer_"] = getattr(scorers, "_scorers", scorers)
        return attributes


def one_standard_error(cv_results: Mapping[str, Any], metric: str | None = None) -> int:
    """Choose the rate nearest to zero whose score is within one standard error of the best.

    Use it as ``refit`` of a search over ``smoothing``. It chooses the candidate that changes the
    targets least; "auto" only if no numeric rate is within one standard error. The standard error
    of the mean is ``std_test_score / sqrt(n_splits - 1)``, since ``std_test_score`` divides by
    ``n_splits``.

    Parameters
    ----------
    cv_results : dict
        The ``cv_results_`` of a search. For a halving search only the last iteration is used.
    metric : str, default=None
        Name of the score, in a search with several scores:
        ``refit=partial(one_standard_error, metric="accuracy")``.

    Returns
    -------
    int
        Index of the candidate.

    Raises
    ------
    ValueError
        If ``smoothing`` was not searched, or the score does not exist or is NaN for all candidates.

    References
    ----------
    Breiman et al., "Classification and Regression Trees", 1984, Section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.search import one_standard_error
    >>> results = {"param_smoothing": np.array([-4.0, -1.0, 0.0])}
    >>> results |= {"split0_test_score": [0.81, 0.8, 0.6], "split1_test_score": [0.77, 0.77, 0.6]}
    >>> results |= {"mean_test_score": np.array([0.79, 0.785, 0.6])}
    >>> results |= {"std_test_score": np.array([0.02, 0.015, 0.0])}
    >>> one_standard_error(results)
    1
    """
    rates, mean, error = rates_and_scores(cv_results, metric)
    if np.isnan(mean).all():
        raise ValueError("All scores of the search are NaN, so no candidate can be chosen.")
    best = int(np.nanargmax(mean))
    good = np.flatnonzero(mean >= mean[best] - error[best])
    distances = [_distance(rates[i]) for i in good]
    # Among equal distances the highest score is chosen.
    return int(min(zip(distances, -mean[good], good, strict=True))[2])


def _distance(rate: Any) -> float:
    """Return the distance of a rate (or its farthest class rate) from zero; inf for "auto"."""
    return np.inf if isinstance(rate, str) else np.abs(np.asarray(rate, dtype=float)).max()
