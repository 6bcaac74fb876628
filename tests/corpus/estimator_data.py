"""X, y, weights, trusted samples and groups of the classifier; test_wrong_input.py has more."""

import datetime
import decimal

import numpy as np
import pandas as pd
import torch

from sknoisy import NoisyLabelClassifier
from tests.corpus._cases import Bad, X, fitted, fitted_to_images, images, rng, y
from tests.factories import short

MASK = r"trusted must be a boolean mask of shape \(60,\). Got an array of"
GROUPS = r"'groups' parameter must be an array-like of shape \(60,\).* Got one of shape"
SOFT = "must be soft labels, whose rows are at least 0 and sum to 1.* Got row 0 with minimum"
NOT_FITTED = "NoisyLabelClassifier instance is not fitted yet"
ROWS = "ELR keeps state for each .* same 60 rows. Got"


def streamed(second_X, second_y=y, method="elr"):
    clf = short(method).partial_fit(X, y, classes=[0, 1, 2])
    return clf.partial_fit(second_X, second_y)


BAD = {
    "X of a number": Bad(lambda: short().fit(5, y), "Expected 2D array, got scalar array"),
    "X of 3 nested lists": Bad(lambda: short().fit([[[1], [2]]] * 60, y), "dim 3, while dim 2"),
    "spectral bands last": Bad(
        lambda: short().fit(rng.random((60, 32, 32, 12)), y), r"channels first.*transpose\(0, 3"
    ),
    "NaN in an image": Bad(
        lambda: short().fit(np.where(images > 0.99, np.nan, images), y), "Input X contains NaN"
    ),
    "predict nothing": Bad(lambda: fitted().predict([]), "Expected 2D array, got 1D array"),
    "predict a list": Bad(lambda: fitted().predict([1, 2, 3, 4]), "got 1D array.*Reshape"),
    "predict text": Bad(lambda: fitted().predict("a"), "X must be an array of samples.* Got 'a'"),
    "predict infinity": Bad(
        lambda: fitted().predict(np.full((2, 4), np.inf)), "infinity in columns"
    ),
    "predict a table for images": Bad(
        lambda: fitted_to_images().predict(X), "X has 4 .* expecting 3"
    ),
    "predict other channels": Bad(
        lambda: fitted_to_images().predict(images[:, :2]), "X has 2 .* expecting 3"
    ),
    "predict one image": Bad(
        lambda: fitted_to_images().predict(images[0]), r"dim 3, while dim 4 .*X\[None\]"
    ),
    "predict channels last": Bad(
        lambda: fitted_to_images().predict(images.transpose(0, 2, 3, 1)),
        r"channels last, but .* channels first: pass X.transpose\(0, 3, 1, 2\)",
    ),
    "y of mixed types": Bad(
        lambda: short().fit(X, np.array([1, "a", 2.5] * 20, dtype=object)),
        r"y must all hold numbers or all strings. Got \[1, 'a', 2.5",
    ),
    "y of tuples": Bad(lambda: short().fit(X, [(1, 2)] * 60), f"{SOFT} 1 and sum 3"),
    "y of a dict": Bad(lambda: short().fit(X, {"a": 1}), r"1d array, got an array of shape \(\)"),
    "y of a set": Bad(lambda: short().fit(X, {*y}), r"1d array, got an array of shape \(\)"),
    "y of a generator": Bad(lambda: short().fit(X, (i for i in y)), r"got an array of shape \(\)"),
    "y of text": Bad(lambda: short().fit(X, "abc"), r"1d array, got an array of shape \(\)"),
    "y of decimals": Bad(
        lambda: short().fit(X, [decimal.Decimal(int(i)) for i in y]), "Unknown label type"
    ),
    "y of booleans and None": Bad(
        lambda: short().fit(X, [True, None] * 30), "y contains None: 30 of"
    ),
    "probabilities as y": Bad(
        lambda: short().fit(X, rng.random(60)), "continuous.*pass soft labels"
    ),
    "soft labels below 0": Bad(lambda: short().fit(X, np.eye(3)[y] - 0.1), f"{SOFT} -0.1"),
    "soft labels of sum 2": Bad(lambda: short().fit(X, 2 * np.eye(3)[y]), f"{SOFT} 0 and sum 2"),
    "soft labels of NaN": Bad(
        lambda: short().fit(X, np.where(np.eye(3)[y] == 1, np.nan, 0)), "y contains NaN: 60 of 60"
    ),
    "uniform soft labels": Bad(
        lambda: short().fit(X, np.full((60, 3), 1 / 3)), "y must have a soft label that is not uni"
    ),
    "soft labels of 3 dimensions": Bad(lambda: short().fit(X, np.ones((60, 3, 1))), "dim 3"),
    "soft labels of equal names": Bad(
        lambda: short().fit(X, pd.DataFrame(np.eye(3)[y], columns=list("aab"))),
        r"columns of soft labels must be different .* Got \['a', 'a', 'b'\]",
    ),
    "more soft classes later": Bad(
        lambda: short().fit(X, y).partial_fit(X, np.eye(4)[y]),
        r"columns of y must be the classes \[0, 1, 2\]. Got 4",
    ),
    "numbers as trusted": Bad(lambda: short("l2rw").fit(X, y, trusted=np.arange(60)), MASK),
    "positions as trusted": Bad(lambda: short("l2rw").fit(X, y, trusted=[0, 1]), f"{MASK} int64"),
    "text as trusted": Bad(lambda: short("l2rw").fit(X, y, trusted=["a"] * 60), f"{MASK} <U1"),
    "NaN as trusted": Bad(lambda: short("l2rw").fit(X, y, trusted=[np.nan] * 60), f"{MASK} float"),
    "short trusted": Bad(
        lambda: short("l2rw").fit(X, y, trusted=np.ones(59, bool)), f"{MASK} bool"
    ),
    "no trusted": Bad(
        lambda: short("l2rw").fit(X, y, trusted=np.zeros(60, bool)), "marks no sample"
    ),
    "unused trusted": Bad(
        lambda: short().fit(X, y, trusted=np.ones(60, bool)),
        r"'method' parameter must be one that uses 'trusted'.* Got CrossEntropy\(\)",
    ),
    "short groups": Bad(lambda: short().fit(X, y, groups=np.arange(59)), rf"{GROUPS} \(59,\)"),
    "groups of 2 dimensions": Bad(
        lambda: short().fit(X, y, groups=np.ones((60, 2))), rf"{GROUPS} \(60, 2\)"
    ),
    "one number as groups": Bad(lambda: short().fit(X, y, groups=3), rf"{GROUPS} \(\)"),
    "text as groups": Bad(lambda: short().fit(X, y, groups="a"), rf"{GROUPS} \(\)"),
    "missing groups": Bad(
        lambda: short().fit(X, y, groups=[None] * 60), "groups contains None: 60 of 60"
    ),
    "one group": Bad(
        lambda: short("bagging").fit(X, y, groups=np.zeros(60)), "'groups' .* at least 2 .* Got 1"
    ),
    "weights for other rows": Bad(
        lambda: fitted().score(X, y, sample_weight=np.ones(5)), r"\(5,\), expected \(60,\)"
    ),
    "score of other rows": Bad(lambda: fitted().score(X[:5], y), r"inconsistent .*\[60, 5\]"),
    "score of text labels": Bad(lambda: fitted().score(X, y.astype(str)), "Mix of label .*Got"),
    "score of fractions": Bad(
        lambda: fitted().score(X, y + 0.5), "mix of continuous and multiclass"
    ),
    "module_ before fit": Bad(lambda: NoisyLabelClassifier().module_, NOT_FITTED),
    "history_ before fit": Bad(lambda: NoisyLabelClassifier().history_, NOT_FITTED),
    "noise_rate_ before fit": Bad(lambda: NoisyLabelClassifier().noise_rate_, NOT_FITTED),
    "fewer rows for per-sample state": Bad(lambda: streamed(X[:40], y[:40]), f"{ROWS} 40 rows"),
    "other rows for per-sample state": Bad(
        lambda: streamed(X[::-1] + 1, y[::-1]), f"{ROWS} as many rows, but with other values of X"
    ),
    "shuffled rows for per-sample state": Bad(
        lambda: streamed(X[::-1], y[::-1]), f"{ROWS} as many"
    ),
}

GOOD = {
    "dates as labels": lambda: short().fit(X, np.array(["2020", "2021"], dtype="M8[Y]")[y % 2]),
    "large labels": lambda: short().fit(X, y.astype(np.uint64) + 2**63),
    "whole floats as labels": lambda: short().fit(X, y.astype(float)),
    "constant table": lambda: short().fit(np.ones((60, 4)), y),
    "2 rows": lambda: short().fit(X[:2], [0, 1]),
    "one column": lambda: short().fit(X[:, :1], y),
    "tuples of rows": lambda: short().fit(tuple(map(tuple, X.tolist())), tuple(y.tolist())),
    "datetime labels": lambda: short().fit(
        X, np.array([datetime.date(2020, 1, i + 1) for i in y], dtype="M8[D]")
    ),
    "groups of text": lambda: short("bagging").fit(X, y, groups=np.array(list("abcdef"))[y]),
    "weights of integers": lambda: short().fit(X, y, sample_weight=np.arange(60)),
    "weights of booleans": lambda: short().fit(X, y, sample_weight=y > 0),
    "soft labels of tensors": lambda: short().fit(X, torch.eye(3)[torch.tensor(y)]),
    "trusted of a list": lambda: short("l2rw").fit(X, y, trusted=[i < 20 for i in range(60)]),
    "the same rows again": lambda: streamed(X.copy()),
    "the same rows in double precision": lambda: streamed(X.astype(float)),
    "the same rows with other labels": lambda: streamed(X, np.roll(y, 1)),
    "a stream without per-sample state": lambda: streamed(X[::-1] + 1, y[::-1], method="gce"),
}
