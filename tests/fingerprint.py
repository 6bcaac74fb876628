"""Print a hash of the numbers that sknoisy computes, one line per case.

A refactoring must not change them: run it before and after, on the same machine, and compare.

    python tests/fingerprint.py > before.txt
    python tests/fingerprint.py | diff before.txt -

It is no test, as the last bits differ between machines.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from sknoisy import METHODS, NoisyLabelClassifier, SmoothingSearchCV
from sknoisy.issues import find_label_issues
from sknoisy.metrics import METRICS, make_noisy_scorer
from sknoisy.noise import corrupt_labels
from sknoisy.transition import ESTIMATORS, estimate_transition, noise_rate

TRUSTING = ("forward", "backward", "bagging", "meta_label_net", "l2rw")


class Listener(Callback):
    """A callback that listens to single batches, and so makes the loop take the other path."""

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        pass


def hash_of(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        values = np.asarray(part)
        if values.dtype == object:
            values = values.astype(str)
        digest.update(f"{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def table() -> tuple[np.ndarray, np.ndarray]:
    X, y = make_blobs(150, n_features=5, centers=3, cluster_std=2.0, random_state=0)
    return X.astype(np.float32), corrupt_labels(y, 0.25, random_state=0)


def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    X = rng.random((60, 1, 8, 8), dtype=np.float32)
    X[np.arange(60), 0, 2 * y] += 2
    return X, y


def short(method: str = "ce", **params: Any) -> NoisyLabelClassifier:
    settings = {"max_epochs": 5, "warmup": 1, "lr": 0.01, "batch_size": 32, "random_state": 0}
    return NoisyLabelClassifier(method, **{**settings, **params})


def of_fit(clf: NoisyLabelClassifier, X: Any) -> str:
    history = clf.history_
    columns = [name for name in history[-1] if name.endswith(("loss", "acc", "agreement"))]
    rows = [[row[name] for row in history] for name in sorted(columns)]
    state = clf.method_.state_dict()
    learned = [state[name].double().numpy() for name in sorted(state)]
    return hash_of(
        clf.predict_proba(X), clf.label_quality_, clf.n_iter_, clf.smoothing_, *rows, *learned
    )


def trusted_mask(n: int) -> np.ndarray:
    return np.arange(n) % 5 == 0


def cases() -> Iterator[tuple[str, Callable[[], str]]]:
    X, y = table()
    pictures, shown = images()
    weight = np.random.default_rng(1).uniform(0, 2, len(y)).round(1)
    soft = np.eye(3)[y] * 0.8 + 0.2 / 3
    variants: dict[str, tuple[dict[str, Any], tuple, dict[str, Any]]] = {
        "table": ({}, (X, y), {}),
        "images": ({}, (pictures, shown), {}),
        "smoothing -1": ({"smoothing": -1.0}, (X, y), {}),
        "auto": ({"smoothing": "auto"}, (X, y), {}),
        "stopping": ({"early_stopping": True, "n_iter_no_change": 2}, (X, y), {}),
        "weights": ({"class_weight": "balanced"}, (X, y), {"sample_weight": weight}),
        "soft": ({"precision": "float64"}, (X, soft), {}),
        "sparse": ({"lr_schedule": "cosine"}, (sp.csr_array(X), y), {}),
        "listener": ({"callbacks": [Listener], "optimizer": "sgd"}, (X, y), {}),
        "bf16": ({"precision": "bf16-mixed"}, (X, y), {}),
    }
    for method in METHODS:
        for name, (params, data, given) in variants.items():
            if name == "bf16" and method == "meta_label_net":
                continue

            def fit(
                method: str = method, params: Any = params, data: Any = data, given: Any = given
            ) -> str:
                return of_fit(short(method, **params).fit(*data, **given), data[0])

            yield f"{method}: {name}", fit

        def continued(method: str = method) -> str:
            clf = short(method, warm_start=True).fit(X, y)
            clf = pickle.loads(pickle.dumps(clf)).fit(X, y)
            return of_fit(clf.partial_fit(X, y), X)

        yield f"{method}: continued", continued
        if method in TRUSTING:

            def trusting(method: str = method) -> str:
                return of_fit(short(method).fit(X, y, trusted=trusted_mask(len(y))), X)

            yield f"{method}: trusted", trusting

    def searched(method: str, grid: Any = None, **params: Any) -> str:
        clf = NoisyLabelClassifier(method, max_epochs=6, lr=0.01, random_state=0, **params)
        search = SmoothingSearchCV(clf, [-4, -1, 0, 0.4], param_grid=grid, cv=3).fit(X, y)
        means = search.cv_results_["mean_test_score"]
        return hash_of(means, search.predict_proba(X), search.best_estimator_.label_quality_)

    yield "search: ce", lambda: searched("ce")
    yield "search: gce", lambda: searched("gce", {"method__q": [0.3, 0.7]})
    yield "search: stopping", lambda: searched("ce", early_stopping=True, n_iter_no_change=2)
    yield "search: dropout", lambda: searched("ce", module__dropout=0.2)
    yield "search: balanced", lambda: searched("sce", class_weight="balanced", batch_size=32)

    def piped() -> str:
        pipe = make_pipeline(StandardScaler(), short("ce"))
        search = SmoothingSearchCV(pipe, [-1, 0, 0.4], cv=2).fit(X, y)
        return hash_of(search.cv_results_["mean_test_score"], search.predict_proba(X))

    yield "search: pipeline", piped

    def grid() -> str:
        search = GridSearchCV(short("elr"), {"smoothing": [-1, 0, 0.4]}, cv=2).fit(X, y)
        return hash_of(search.cv_results_["mean_test_score"], search.predict_proba(X))

    yield "search: grid", grid

    digits, right = load_digits(return_X_y=True)
    noisy = corrupt_labels(right, 0.3, random_state=0)

    def issues() -> str:
        clf = NoisyLabelClassifier(max_epochs=15, random_state=0).fit(digits, noisy)
        found = find_label_issues(clf, noisy)
        proba = clf.predict_proba(digits)
        said = find_label_issues(proba, noisy, return_all=True)
        columns = [part[name] for part in (found, said) for name in part.columns]
        return hash_of(*columns, found.index, found.attrs["n_wrong"], said.attrs["n_wrong"])

    yield "find_label_issues", issues

    def report() -> str:
        clf = NoisyLabelClassifier("ce", smoothing="auto", max_epochs=15, random_state=0)
        found = clf.fit(digits, noisy).noise_report_
        basis = (found.smoothing, found.disagreement, found.memorized, found.n_samples)
        return hash_of(found.rate, found.low, found.high, found.transition_matrix, *basis)

    yield "noise_report_", report
    for name in ESTIMATORS:

        def estimated(name: str = name) -> str:
            more = {"trusted": trusted_mask(len(noisy))} if name == "gold" else {}
            clf = NoisyLabelClassifier("ce", max_epochs=5, random_state=0)
            matrix = estimate_transition(digits, noisy, clf, method=name, cv=3, **more)
            return hash_of(matrix)

        yield f"estimate_transition: {name}", estimated

    yield (
        "estimate_transition: default",
        lambda: hash_of(estimate_transition(X, y, random_state=0)),
    )

    def rate() -> str:
        rng = np.random.default_rng(0)
        p = rng.dirichlet(np.ones(3) * 0.5, len(y))
        return hash_of(*noise_rate(p, y, random_state=0, n_resamples=50))

    yield "noise_rate", rate
    for metric in METRICS:

        def scored(metric: str = metric) -> str:
            clf = short("ce").fit(X, y)
            matrix = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
            given = {"transition_matrix": matrix} if "noise_corrected" in metric else {}
            return hash_of(make_noisy_scorer(metric, **given)(clf, X, y))

        yield f"scorer: {metric}", scored


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:]
    for name, compute in cases():
        if wanted and not any(part in name for part in wanted):
            continue
        try:
            print(f"{name:40} {compute()}", flush=True)
        except Exception as error:
            print(f"{name:40} {type(error).__name__}", flush=True)


if __name__ == "__main__":
    main()
