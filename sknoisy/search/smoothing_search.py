"""A search over rates of smoothing that trains all candidates of a fold at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.base import _fit_context, is_classifier
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.utils import indexable
from sklearn.utils.validation import _check_method_params, _num_samples

from sknoisy.search._candidates import Candidates, WholeSearch
from sknoisy.search._proxy import CandidateProxy, ProxyScorer, RecordingSplitter
from sknoisy.search._results import rates_and_scores

__all__ = ["SmoothingSearchCV", "one_standard_error"]


RATES = (-8.0, -4.0, -2.0, -1.0, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8)


class SmoothingSearchCV(GridSearchCV):
    """Search the rate of label smoothing, with all rates of a fold in one training.

    It finds what scikit-learn's ``GridSearchCV`` finds, to rounding, and has its results and its
    attributes. But networks that differ only in the rate start alike and see the same batches, so
    one batched product serves them all, in place of one training after another.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
        The classifier, or a pipeline that ends in one, whose steps before it are fitted once for
        each fold. Its method must be only a loss: "ce", "gce", "mae", "sce", "nce_rce",
        "confidence_penalty", or a :class:`~sknoisy.methods.ClassLoss` of your own.
    smoothing : sequence of float, default=(-8, -4, -2, -1, -.6, -.4, -.2, 0, .2, .4, .6, .8)
        The rates; an entry may be an array of one rate for each class.
    param_grid : dict, default=None
        Further candidates, as for ``GridSearchCV``: numbers of the method, ``method__name``, which
        its loss computes with. All are combined with all rates.
    cv : int, cross-validation generator or iterable, default=5
        How to split.
    scoring : str, callable, list, tuple or dict, default=None
        How to score, one way or several; None: by accuracy. On noisy labels see
        :func:`~sknoisy.metrics.make_noisy_scorer`.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all samples; of several scores the name of the one that
        decides, or a function from ``cv_results_`` to the index of the best, such as
        :func:`one_standard_error`.
    n_jobs : int, default=None
        Threads that the networks are spread over, and scored in. On a GPU networks are trained in
        one.
    error_score : "raise" or float, default=nan
        What a candidate is given that could not be fitted.
    return_train_score : bool, default=False
        Whether to score the training parts too.
    verbose : int, default=0
        The higher, the more is printed.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As of ``GridSearchCV``; the time of a fit is the share of a candidate in that of all that
        were trained with it.
    best_estimator_ : estimator
        Fitted to all samples. Only with ``refit``, as all that predicts.
    best_params_, best_score_, best_index_
        Of the best candidate.
    scorer_, n_splits_, refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_
        As of ``GridSearchCV``.

    Raises
    ------
    TypeError
        In ``fit``, if the candidates cannot be trained at once: use ``GridSearchCV``.

    See Also
    --------
    sknoisy.plots.SmoothingCurveDisplay : Draws the scores over the rates.

    Notes
    -----
    Candidates whose loss becomes NaN fail alone. With ``random_state=None`` all candidates that are
    trained together start alike, where a ``GridSearchCV`` draws a start for each.

    Folds are trained in the same steps, each on its own rows: with the built-in MLP without dropout
    those that take the same number of steps, with any other network those of equal size. All cuts
    of X are in memory then; where they would take a quarter of what is free, each fold is trained
    by itself. In threads, modules of your own take turns, as they draw from torch's one random
    generator.

    What a module keeps in plain attributes is not kept apart for each candidate: let it be buffers,
    changed in place. ``precision="bf16-mixed"`` holds for the refit only; all else is computed in
    float32.

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

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> SmoothingSearchCV:
        """Score all candidates, and fit the best.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or images
            The samples.
        y : array-like of shape (n_samples,)
            The given labels.
        **params
            For the splitter (``groups``), for ``fit`` of the estimator and for the scorers, as in
            ``GridSearchCV``.

        Returns
        -------
        self
        """
        X, y = indexable(X, y)
        rows = np.arange(_num_samples(X))
        cv = RecordingSplitter(check_cv(self.cv, y, classifier=is_classifier(self.estimator)))
        with warnings.catch_warnings():
            # The inner search warns about the same.
            warnings.simplefilter("ignore")
            routed = self._get_routed_params_for_fit(_check_method_params(X, params))
        whole = WholeSearch(cv.train, X, y, routed.estimator.fit)
        candidates = Candidates(
            self.estimator, self.smoothing, self.param_grid, rows, self.n_jobs, whole
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
            with parallel_config(backend="threading"):
                inner.fit(X, y, **params, row_=rows)
        except Exception:
            if candidates.refusal is not None:
                raise candidates.refusal from None
            raise
        self.__dict__.update(self._fitted_attributes(inner, candidates))
        return self

    def _proxy_scoring(self) -> Any:
        """Return the scorers of this search, made to look behind the proxy."""
        if self.scoring is None:
            return None
        scorers, _ = self._get_scorers()
        several = getattr(scorers, "_scorers", None)
        if several is None:
            return ProxyScorer(scorers)
        return {name: ProxyScorer(scorer) for name, scorer in several.items()}

    def _fitted_attributes(self, inner: GridSearchCV, candidates: Candidates) -> dict[str, Any]:
        attributes = {k: v for k, v in vars(inner).items() if k.endswith("_") and k[0] != "_"}
        results = attributes["cv_results_"]
        results.update(candidates.fit_times(results["mean_fit_time"].shape))
        if "best_estimator_" in attributes:
            attributes["best_estimator_"] = attributes["best_estimator_"].fitted_
        # The scorer of the inner search knows the proxy.
        scorers, _ = self._get_scorers()
        attributes["scorer_"] = getattr(scorers, "_scorers", scorers)
        return attributes


def one_standard_error(cv_results: Mapping[str, Any], metric: str | None = None) -> int:
    """Choose the rate nearest to zero among those whose score is hardly below the best.

    For ``refit`` of a search over ``smoothing``: of the candidates within one standard error of the
    best mean, the one that changes the labels least; "auto" only where no number is among them. The
    error is that of a mean of as many folds, ``std_test_score / sqrt(n_splits - 1)``, since
    ``std_test_score`` divides by ``n_splits``.

    Parameters
    ----------
    cv_results : dict
        The ``cv_results_`` of a search. By halving, only the candidates of the last iteration
        count.
    metric : str, default=None
        Name of the score, of a search by several:
        ``refit=partial(one_standard_error, metric="accuracy")``.

    Returns
    -------
    int
        An index into the candidates.

    Raises
    ------
    ValueError
        If the rate was not searched, or there is no such score.

    References
    ----------
    Breiman et al., "Classification and Regression Trees", 1984, Section 3.4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.search.smoothing_search import one_standard_error
    >>> results = {"param_smoothing": np.array([-4.0, -1.0, 0.0])}
    >>> results |= {"split0_test_score": [0.81, 0.8, 0.6], "split1_test_score": [0.77, 0.77, 0.6]}
    >>> results |= {"mean_test_score": np.array([0.79, 0.785, 0.6])}
    >>> results |= {"std_test_score": np.array([0.02, 0.015, 0.0])}
    >>> one_standard_error(results)
    1
    """
    rates, mean, error = rates_and_scores(cv_results, metric)
    best = int(np.nanargmax(mean))
    near = np.flatnonzero(mean >= mean[best] - error[best])
    distance = [_distance(rates[i]) for i in near]
    # Of two at one distance, the better.
    return int(min(zip(distance, -mean[near], near, strict=True))[2])


def _distance(rate: Any) -> float:
    """How far a rate is from zero, that of the class farthest from it; of "auto" it is unknown."""
    return np.inf if isinstance(rate, str) else np.abs(np.asarray(rate, dtype=float)).max()
