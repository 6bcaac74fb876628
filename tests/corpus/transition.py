"""Estimates of the transition matrix and of the noise rate."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from sknoisy import NoisyLabelClassifier
from sknoisy.transition import (
    anchor_points,
    confident_joint,
    dual_t,
    estimate_transition,
    gold,
    hoc,
    most_confident,
    noise_rate,
)
from tests.corpus._cases import PROBA, Bad, X, y

FIRST = r"takes a fitted model or probabilities of shape \(n_samples, n_classes\) first.* Got"
ROWS = "proba must have rows that are at least 0 and sum to 1. Got row 0 with minimum"
FLOAT = r"must be a float in the range \[0.0, 1.0\]. Got"

BAD = {
    "no labels": Bad(lambda: estimate_transition(X, None), "requires y to be passed"),
    "short labels": Bad(lambda: estimate_transition(X, y[:5]), r"inconsistent .*\[60, 5\]"),
    "NaN": Bad(lambda: estimate_transition(X * np.nan, y), "Input X contains NaN"),
    "number as estimator": Bad(
        lambda: estimate_transition(X, y, 3), "'estimator' .* predict_proba.* Got 3", TypeError
    ),
    "no probabilities": Bad(
        lambda: estimate_transition(X, y, LinearSVC()), "'estimator' .* Got LinearSVC", TypeError
    ),
    "1 fold": Bad(lambda: estimate_transition(X, y, cv=1), r"'cv' parameter .*\[2, inf\).* Got 1"),
    "misspelt method": Bad(
        lambda: estimate_transition(X, y, method="dualt"), "'method' .* Got 'dualt'.*mean 'dual_t'"
    ),
    "gold without trusted": Bad(
        lambda: estimate_transition(X, y, method="gold"), "'trusted' .* required .* trusted=None"
    ),
    "trusted without gold": Bad(
        lambda: estimate_transition(X, y, trusted=np.ones(60, bool)), "'trusted' .* None otherwise"
    ),
    "quantile of 2": Bad(
        lambda: estimate_transition(X, y, quantile=2, method="dual_t"), f"'quantile' .* {FLOAT} 2"
    ),
    "quantile of anchor points": Bad(lambda: anchor_points(PROBA, y, quantile=-1), f"{FLOAT} -1"),
    "one column": Bad(lambda: anchor_points(PROBA[:, 0], y), f"{FIRST} .*: are they swapped"),
    "rows of sum 2": Bad(lambda: anchor_points(2 * PROBA, y), f"{ROWS} 0.2 and sum 2"),
    "negative": Bad(lambda: anchor_points(-PROBA, y), f"{ROWS} -0.8 and sum -1"),
    "NaN probabilities": Bad(lambda: anchor_points(PROBA * np.nan, y), "Input proba contains NaN"),
    "fewer labels": Bad(
        lambda: anchor_points(PROBA, y[:5]), r"inconsistent .*\[5, 60\] in y, proba"
    ),
    "fewer classes": Bad(
        lambda: anchor_points(PROBA, y, classes=[0, 1]), r"3 columns, .* 2 classes: \[0, 1\]. Pass"
    ),
    "None": Bad(lambda: anchor_points(None, y), f"{FIRST} None", TypeError),
    "text": Bad(lambda: anchor_points("a", y), f"{FIRST} 'a'", TypeError),
    "not fitted": Bad(lambda: anchor_points(NoisyLabelClassifier(), y), "is not fitted yet"),
    "other classifier": Bad(
        lambda: anchor_points(LogisticRegression().fit(X, y), y),
        "no out-of-sample .*Pass",
        TypeError,
    ),
    "fractions": Bad(lambda: confident_joint(PROBA, y + 0.5), "continuous. y must .* Got .0.5"),
    "labels None": Bad(lambda: confident_joint(PROBA, None), "y must be .* Got None", TypeError),
    "quantile of text": Bad(lambda: dual_t(PROBA, y, quantile="a"), f"'quantile' .* {FLOAT} 'a'"),
    "gold of None": Bad(lambda: gold(PROBA, y, None), "'trusted' .* boolean mask .* Got None"),
    "gold of no sample": Bad(lambda: gold(PROBA, y, np.zeros(60, bool)), "trusted marks no sample"),
    "gold of positions": Bad(lambda: gold(PROBA, y, [0, 1]), r"trusted must .* Got .* int64"),
    "distance": Bad(lambda: hoc(X, y, metric="x"), "'metric' parameter of hoc must be .* Got 'x'"),
    "no step": Bad(lambda: hoc(X, y, max_iter=0), r"'max_iter' .*\[1, inf\). Got 0"),
    "2 samples": Bad(lambda: hoc(X[:2], y[:2]), "hoc needs at least 3 samples. Got 2"),
    "features of NaN": Bad(lambda: hoc(X * np.nan, y), "Input features contains NaN"),
    "class of one": Bad(lambda: hoc(X, y, classes=[0]), r"got \[1, 2\] beside \[0\]"),
    "no minimum": Bad(
        lambda: most_confident(PROBA, y, min_samples=0), r"'min_samples' .*\[1, inf\). Got 0"
    ),
    "score of NaN": Bad(lambda: most_confident(PROBA, y, z_score=np.nan), "'z_score' .* Got nan"),
    "method of the rate": Bad(lambda: noise_rate(PROBA, y, method="x"), "'method' .* Got 'x'"),
    "confidence of 1.5": Bad(
        lambda: noise_rate(PROBA, y, confidence_level=1.5),
        r"'confidence_level' .*\(0.0, 1.0\). Got",
    ),
    "no resample": Bad(lambda: noise_rate(PROBA, y, n_resamples=0), r"'n_resamples' .* Got 0"),
    "seed of text": Bad(
        lambda: noise_rate(PROBA, y, random_state="a"), "'random_state' .* Got 'a'"
    ),
}

GOOD = {
    "lists": lambda: anchor_points(PROBA.tolist(), y.tolist()),
    "text labels": lambda: confident_joint(PROBA, np.array(["a", "b", "c"])[y]),
    "quantile of 0": lambda: dual_t(PROBA, y, quantile=0),
    "class without samples": lambda: most_confident(PROBA, y % 2, classes=[0, 1, 2]),
    "single precision": lambda: confident_joint(PROBA.astype(np.float32), y),
}
