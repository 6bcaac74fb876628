"""The candidates of a search, trained together for each fold."""

from __future__ import annotations

import copy
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from sknoisy._runtime.devices import find_device, free_memory
from sknoisy.classifier import NoisyLabelClassifier
from sknoisy.networks._stacked import NotStackable
from sknoisy.search._compatibility import check_sweepable
from sknoisy.search._fold import Fold
from sknoisy.search._vectorized import train_folds

__all__ = ["Candidates", "Splits"]


def _last_step(estimator: Any) -> tuple[str, NoisyLabelClassifier]:
    """The classifier that an estimator ends in, and what its parameters are called there."""
    if isinstance(estimator, NoisyLabelClassifier):
        return "", estimator
    if isinstance(estimator, Pipeline) and estimator.steps:
        name, last = estimator.steps[-1]
        inside, classifier = _last_step(last)
        return f"{name}__{inside}", classifier
    raise TypeError(
        "The 'estimator' parameter of SmoothingSearchCV must be a NoisyLabelClassifier, or a "
        f"Pipeline that ends in one. Got {estimator!r} instead; use GridSearchCV."
    )


def _with_last_step(estimator: Any, last: Any) -> Any:
    """An estimator that ends in something else, and is as it was before that."""
    if not isinstance(estimator, Pipeline):
        return last
    made = copy.copy(estimator)
    name, inside = estimator.steps[-1]
    made.steps = [*estimator.steps[:-1], (name, _with_last_step(inside, last))]
    return made


class Candidates:
    """All candidates of a search, trained for a fold when the first of them is asked for.

    Parameters
    ----------
    estimator : NoisyLabelClassifier or Pipeline
    smoothing : sequence
    param_grid : dict or None
    every_row : ndarray of shape (n_samples,)
        What the best is fitted to in the end, alone.
    n_jobs : int or None, default=None
        Threads that networks are spread over, on a CPU.

    Attributes
    ----------
    everything : tuple of (Splits, X, y, dict) or None
        How the rows are split, and what ``fit`` of the estimator would be given with all of them;
        if there is room for that, all folds are trained when the first is asked for.
    """

    def __init__(
        self,
        estimator: Any,
        smoothing: Sequence[Any],
        param_grid: Any,
        every_row: np.ndarray,
        n_jobs: int | None = None,
    ) -> None:
        self.prefix, classifier = _last_step(estimator)
        if isinstance(smoothing, Mapping):
            raise TypeError(
                "The 'smoothing' parameter of SmoothingSearchCV must be a sequence of rates. Got "
                f"{smoothing!r}; numbers of the method go into 'param_grid'."
            )
        rates = list(smoothing)
        for rate in rates:
            if isinstance(rate, str) or not np.issubdtype(np.asarray(rate).dtype, np.number):
                raise TypeError(
                    "The 'smoothing' parameter of SmoothingSearchCV must hold numbers. Got "
                    f"{rate!r}; use GridSearchCV."
                )
        others = dict(param_grid or {})
        own = f"{self.prefix}method__"
        strange = [name for name in others if not name.startswith(own)]
        if strange:
            raise TypeError(
                f"The 'param_grid' parameter of SmoothingSearchCV may have numbers of the method, "
                f"named {own}*. Got {strange[0]!r}; use GridSearchCV."
            )
        self.grid = {**others, f"{self.prefix}smoothing": rates}
        self.all = list(ParameterGrid(self.grid))
        check_sweepable([clone(classifier).set_params(**self._own(each)) for each in self.all])
        self.every_row, self.n_jobs = every_row, effective_n_jobs(n_jobs)
        # Threads would take turns on a GPU.
        on_cpu = find_device(classifier.device).type == "cpu"
        self.n_threads = self.n_jobs if on_cpu else 1
        self.everything: tuple[Splits, Any, Any, Mapping[str, Any]] | None = None
        self.refusal: TypeError | None = None
        self._folds: dict[bytes, _Trained] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def _own(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {name.removeprefix(self.prefix): value for name, value in params.items()}

    def fitted(
        self, estimator: Any, wanted: dict, X: Any, y: Any, rows: np.ndarray, params: dict
    ) -> Any:
        """One candidate fitted to some rows."""
        if np.array_equal(rows, self.every_row):
            return estimator.fit(X, y, **params)
        fold = self._fold(rows)
        with self._turn if self._together else fold.lock:
            if not fold.outcome:
                self._train(estimator, {fold: lambda: (X, y, params), **self._others(estimator)})
        place = self._place(wanted)
        found = fold.outcome[place]
        # Each is asked for once.
        fold.outcome[place] = None
        if isinstance(found, NotStackable):
            self.refusal = TypeError(f"{found} Use GridSearchCV.")
        if isinstance(found, Exception):
            # Told several times, it is to say each time where it came from, and no more.
            raise found.with_traceback(fold.origins[id(found)])
        return estimator.fit(X, y, **params) if found is None else found

    @cached_property
    def _together(self) -> bool:
        """Whether there is room for what all folds are fitted to."""
        if self.everything is None:
            return False
        splits, X, *_ = self.everything
        return len(splits.train) * _n_bytes(X) <= free_memory(torch.device("cpu")) / 4

    def _fold(self, rows: np.ndarray) -> _Trained:
        with self._lock:
            return self._folds.setdefault(np.asarray(rows).tobytes(), _Trained())

    def _others(self, estimator: Any) -> dict[_Trained, Callable[[], tuple[Any, Any, dict]]]:
        """How to cut what folds that wait are fitted to, as a grid search cuts it."""
        if not self._together:
            return {}
        assert self.everything is not None
        splits, X, y, params = self.everything
        # Some name rows by masks, or from behind.
        parts = [self.every_row[train] for train in splits.train]

        def cut(rows: np.ndarray) -> tuple[Any, Any, dict]:
            own = _check_method_params(X, params, indices=rows)
            return *_safe_split(estimator, X, y, rows), own

        return {
            self._fold(rows): partial(cut, rows)
            for rows in parts
            if not np.array_equal(rows, self.every_row) and not self._fold(rows).outcome
        }

    def _train(
        self, estimator: Any, given: dict[_Trained, Callable[[], tuple[Any, Any, dict]]]
    ) -> None:
        """Train folds, of which the first is asked for now."""
        begin = time.perf_counter()
        _, classifier = _last_step(estimator)
        asked, ready = next(iter(given)), {}
        for fold, cut in given.items():
            candidates = [clone(classifier).set_params(**self._own(each)) for each in self.all]
            caught = _Caught(classifier)
            before = _with_last_step(clone(estimator), caught)
            try:
                X, y, params = cut()
                before.fit(X, y, **params)
                ready[fold] = before, Fold(candidates, caught.X_, caught.y_, **caught.params_)
            except Exception as error:
                if fold is not asked and isinstance(error, (MemoryError, torch.OutOfMemoryError)):
                    # There may be room for it when it is asked for.
                    continue
                fold.outcome = [error] * len(candidates)
        share, n_threads = (1.0, self.n_threads) if self._together else (1 / self.n_jobs, 1)
        train_folds([begun for _, begun in ready.values()], share, n_threads)
        for fold, (before, begun) in ready.items():
            fold.outcome = [
                one if isinstance(one, Exception) else _with_last_step(before, one)
                for one in begun.outcome
            ]
        for fold in given:
            errors = [each for each in fold.outcome if isinstance(each, Exception)]
            fold.origins = {id(error): error.__traceback__ for error in errors}
            fold.seconds = (time.perf_counter() - begin) / len(given)

    def _place(self, wanted: Mapping[str, Any]) -> int:
        for place, params in enumerate(self.all):
            if all(np.array_equal(wanted[name], value) for name, value in params.items()):
                return place
        raise RuntimeError("This candidate is none of the search.")

    def times(self, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """What a fit took, as the share of a candidate in the training of its fold."""
        each = [fold.seconds / len(self.all) for fold in self._folds.values()]
        if not each:
            return {}
        return {
            "mean_fit_time": np.full(shape, np.mean(each)),
            "std_fit_time": np.full(shape, np.std(each)),
        }


class _Trained:
    """What a fold came to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.outcome: list[Any] = []
        self.origins: dict[int, Any] = {}
        self.seconds = 0.0


def _n_bytes(X: Any) -> int:
    if sp.issparse(X):
        return int(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
    return X.nbytes if isinstance(X, np.ndarray) else sys.getsizeof(X)


class Splits:
    """A splitter that notes the training rows of all folds before it hands out the first.

    Parameters
    ----------
    cv : splitter

    Attributes
    ----------
    train : list of ndarray
    """

    def __init__(self, cv: Any) -> None:
        self.cv = cv
        self.train: list[np.ndarray] = []

    def split(self, X: Any, y: Any = None, **params: Any) -> Iterator[tuple[Any, Any]]:
        pairs = list(self.cv.split(X, y, **params))
        self.train = [train for train, _ in pairs]
        return iter(pairs)

    def get_n_splits(self, X: Any = None, y: Any = None, **params: Any) -> int:
        return self.cv.get_n_splits(X, y, **params)

    def get_metadata_routing(self) -> Any:
        return get_routing_for_object(self.cv)


class _Caught(ClassifierMixin, BaseEstimator):
    """The last step of a pipeline, which only notes what reaches it."""

    def __init__(self, classifier: NoisyLabelClassifier) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any = None, **params: Any) -> _Caught:
        self.X_, self.y_, self.params_ = X, y, params
        return self

    def get_metadata_routing(self) -> Any:
        return self.classifier.get_metadata_routing()
