"""Wrong labels made on purpose."""

import numpy as np
from sklearn.svm import LinearSVC

from sknoisy.datasets import make_noisy_classification
from sknoisy.noise import (
    asymmetric,
    bad_label,
    corrupt_labels,
    instance_dependent,
    pair,
    symmetric,
)
from tests.corpus._cases import Bad, X, y

RATE = r"noise rate must be in the range \[0, 0.666667\].* Got"
MAPPING = "'mapping' parameter of asymmetric must"

BAD = {
    "one class": Bad(lambda: symmetric(1, 0.2), "'n_classes' parameter must be at least 2. Got 1"),
    "3.0 classes": Bad(lambda: symmetric(3.0, 0.2), "'n_classes' .* an int. Got 3.0", TypeError),
    "rate of 1.5": Bad(lambda: symmetric(3, 1.5), f"{RATE} 1.5"),
    "rate below 0": Bad(lambda: symmetric(3, -0.1), f"{RATE} -0.1"),
    "NaN": Bad(lambda: symmetric(3, np.nan), f"{RATE} nan"),
    "text": Bad(lambda: symmetric(3, "a"), "noise rate must be a number. Got 'a'", TypeError),
    "None": Bad(lambda: pair(3, None), "noise rate must be a number. Got None", TypeError),
    "pair of one class": Bad(lambda: pair(1, 0.2), "'n_classes' .* at least 2. Got 1"),
    "misspelt mapping": Bad(lambda: asymmetric(10, 0.2, "cifar11"), f"{MAPPING} .* Got 'cifar11'"),
    "mapping of 10 classes": Bad(
        lambda: asymmetric(3, 0.2, "cifar10"), "'n_classes' .* at least 10 with .*'cifar10'. Got 3"
    ),
    "mapping to no class": Bad(lambda: asymmetric(3, 0.2, {0: 5}), f"{MAPPING} .* 0 to 2. Got 5"),
    "mapping of text": Bad(lambda: asymmetric(3, 0.2, {"a": 1}), f"{MAPPING} .* Got 'a'"),
    "mapping of a number": Bad(lambda: asymmetric(3, 0.2, 3), f"{MAPPING} be a str .* Got 3"),
    "codes that are no classes": Bad(
        lambda: instance_dependent(X, y + 5, 3, 0.2), "'codes' .* from 0 to 2. Got 5 to 7"
    ),
    "X of 1 dimension": Bad(lambda: instance_dependent(X[:, 0], y, 3, 0.2), "Expected 2D array"),
    "X of NaN": Bad(lambda: instance_dependent(X * np.nan, y, 3, 0.2), "Input X contains NaN"),
    "short X": Bad(lambda: instance_dependent(X[:5], y, 3, 0.2), r"inconsistent .*\[5, 60\]"),
    "classes of text": Bad(
        lambda: instance_dependent(X, y, "3", 0.2), "an int. Got '3'", TypeError
    ),
    "BadLabel at a rate of 2": Bad(lambda: bad_label(X, y, 3, 2), f"{RATE} 2"),
    "BadLabel of a number": Bad(
        lambda: bad_label(X, y, 3, 0.2, estimator=3),
        "'estimator' .* predict_proba.* Got 3",
        TypeError,
    ),
    "BadLabel without probabilities": Bad(
        lambda: bad_label(X, y, 3, 0.2, estimator=LinearSVC()), "'estimator' .* Got Lin", TypeError
    ),
    "BadLabel of text": Bad(
        lambda: bad_label(X, y.astype(str), 3, 0.2), r"'codes' .* from 0 to 2. Got \['0'"
    ),
    "misspelt kind": Bad(lambda: corrupt_labels(y, 0.2, kind="a"), "'kind' .* must be .* Got 'a'"),
    "kind that needs X": Bad(
        lambda: corrupt_labels(y, 0.2, kind="instance"), "needs X .* Got X=None"
    ),
    "rate of 5": Bad(lambda: corrupt_labels(y, 5), f"{RATE} 5"),
    "labels None": Bad(lambda: corrupt_labels(None, 0.2), "y must be .* Got None", TypeError),
    "soft labels": Bad(lambda: corrupt_labels(np.eye(3), 0.2), r"y must .* Got shape \(3, 3\)"),
    "NaN labels": Bad(lambda: corrupt_labels([1, np.nan], 0.2), "y contains NaN: 1 of 2"),
    "no labels": Bad(lambda: corrupt_labels([], 0.2), r"y must have at least 2 classes. Got \[\]"),
    "equal labels": Bad(lambda: corrupt_labels(0 * y, 0.2), "at least 2 classes. Got .0."),
    "fractions": Bad(lambda: corrupt_labels(y + 0.5, 0.2), "continuous. y must .* Got .0.5, 1.5"),
    "text and numbers": Bad(
        lambda: corrupt_labels([1, "a"], 0.2), "y must all hold .* Got .1, 'a'"
    ),
    "matrix of 2 classes": Bad(
        lambda: corrupt_labels(y, np.eye(2)), r"'noise' .*\(3, 3\).* Got an array of shape \(2, 2\)"
    ),
    "negative matrix": Bad(
        lambda: corrupt_labels(y, -np.eye(3)), "'noise' .* at least 0 .* Got row 0"
    ),
    "classes without 2": Bad(
        lambda: corrupt_labels(y, 0.2, classes=[0, 1]), r"y; got \[2\] beside"
    ),
    "no samples": Bad(lambda: make_noisy_classification(0), r"'n_samples' .*\[1, inf\). Got 0"),
    "noise of 2": Bad(lambda: make_noisy_classification(100, noise=2), r"\[0, 0.5\].* Got 2"),
    "kind of samples": Bad(lambda: make_noisy_classification(100, kind="x"), "'kind' .* Got 'x'"),
    "no test samples": Bad(
        lambda: make_noisy_classification(100, test_size=0), "'test_size' .* Got 0"
    ),
}

GOOD = {
    "no noise": lambda: corrupt_labels(y, 0.0),
    "whole floats": lambda: corrupt_labels(y.astype(float), 0.2),
    "booleans": lambda: corrupt_labels(y > 0, 0.2),
    "two rates": lambda: corrupt_labels(y > 0, [0.2, 0.1]),
    "list of text": lambda: corrupt_labels(["a", "b", "a"], 0.2),
    "class without samples": lambda: corrupt_labels(y, 0.2, classes=[0, 1, 2, 3]),
    "own mapping": lambda: asymmetric(3, 0.2, {0: 2}),
    "3 rows": lambda: bad_label(X[:3], y[:3], 3, 0.2),
}
