"""Datasets, loaders and other containers of samples."""

import decimal

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from tests.corpus._cases import Bad, Items, X, fitted, images, y
from tests.factories import short

tensor = torch.tensor


def tensors(X=X, y=y):
    return TensorDataset(tensor(X), tensor(y))


def with_value(value, row=7):
    changed = X.astype(np.float64)
    changed[row, 1] = value
    return changed


class Endless(IterableDataset):
    def __iter__(self):
        return iter(())


class NoLength(Dataset):
    def __getitem__(self, i):
        return X[i], y[i]


ITEMS = r"items of a Dataset must be samples x or pairs \(x, y\)"
FINITE = "X contains NaN, infinity .* items of a Dataset must be finite.* Got such .* item"
VALUES = r"must not be passed: its values cannot be read. Got one of shape \(60, 4\)"

BAD = {
    "no item": Bad(lambda: short().fit(tensors(X[:0], y[:0])), "Dataset with 0 samples .* minimum"),
    "NaN in an item": Bad(lambda: short().fit(tensors(with_value(np.nan))), f"{FINITE} 7"),
    "NaN in the last item": Bad(
        lambda: short().fit(tensors(with_value(np.nan, row=59))), f"{FINITE} 59"
    ),
    "infinity in an item": Bad(lambda: short().fit(tensors(with_value(-np.inf))), f"{FINITE} 7"),
    "1e300 in an item": Bad(lambda: short().fit(tensors(with_value(1e300))), f"{FINITE} 7"),
    "NaN in a list of items": Bad(
        lambda: short().fit(Items([*map(tensor, with_value(np.nan))], y)), f"{FINITE} 7"
    ),
    "NaN in predict": Bad(lambda: fitted().predict(tensors(with_value(np.nan))), f"{FINITE} 7"),
    "NaN in items of images": Bad(
        lambda: short().fit(Items([*map(tensor, images[:-1]), tensor(images[0] * np.nan)], y)),
        f"{FINITE} 59",
    ),
    "complex items": Bad(lambda: short().fit(tensors(X + 1j)), "Complex data .*must be real"),
    "several shapes": Bad(
        lambda: short().fit(Items([tensor(X[0, :3]), *map(tensor, X[1:])], y)),
        r"items of a Dataset must have the same shape. Got shapes \(3,\), \(4,\)",
    ),
    "text": Bad(
        lambda: short().fit(Items(["a"] * 60, y)), f"{ITEMS}.*Got x of type str", TypeError
    ),
    "bytes": Bad(lambda: short().fit(Items([b"a"] * 60, y)), f"{ITEMS}.*type bytes", TypeError),
    "no samples": Bad(lambda: short().fit(Items([None] * 60, y)), f"{ITEMS}.*NoneType", TypeError),
    "dicts": Bad(lambda: short().fit(Items([{"x": 1}] * 60)), f"{ITEMS}.*type dict", TypeError),
    "numbers": Bad(lambda: short().fit(Items([tensor(1.0)] * 60, y)), "dim 1, while dim 2"),
    "no labels": Bad(lambda: short().fit(TensorDataset(tensor(X))), r"requires y .*pairs \(x, y\)"),
    "triples": Bad(
        lambda: short().fit(TensorDataset(tensor(X), tensor(y), tensor(y))), r"pairs \(x, y\)"
    ),
    "missing labels": Bad(
        lambda: short().fit(Items(X, [None, *y[1:]])), "y contains None: 1 of 60 .* first in row 0"
    ),
    "NaN labels": Bad(lambda: short().fit(Items(X, [np.nan, *y[1:]])), "y contains NaN: 1 of 60"),
    "continuous labels": Bad(lambda: short().fit(Items(X, y + 0.5)), "label type: continuous"),
    "matrices as labels": Bad(lambda: short().fit(Items(X, [torch.ones(2, 2)] * 60)), "dim 3"),
    "too few labels": Bad(
        lambda: short().fit(tensors(), y[:-1]), r"inconsistent numbers of samples: \[60, 59\]"
    ),
    "IterableDataset": Bad(
        lambda: short().fit(Endless()), "without a length, Endless,.*Pass a Dataset with", TypeError
    ),
    "DataLoader": Bad(
        lambda: short().fit(DataLoader(tensors())), "is a DataLoader; pass its Dataset", TypeError
    ),
    "generator": Bad(
        lambda: short().fit((x for x in X), y), "X is an iterator, generator; pass", TypeError
    ),
    "fewer columns in predict": Bad(
        lambda: fitted().predict(tensors(X[:, :3])), "X has 3 features, but .* expecting 4"
    ),
    "no item in predict": Bad(lambda: fitted().predict(tensors(X[:0], y[:0])), "0 samples"),
    "images in predict": Bad(
        lambda: fitted().predict(tensors(images)), "dim 4, while dim 2 is required .* as in fit"
    ),
    "sparse tensor": Bad(lambda: short().fit(tensor(X).to_sparse(), y), VALUES, TypeError),
    "meta tensor": Bad(
        lambda: short().fit(torch.empty(60, 4, device="meta"), y),
        f"device meta {VALUES}",
        TypeError,
    ),
    "sparse tensor in predict": Bad(
        lambda: fitted().predict(tensor(X).to_sparse()), VALUES, TypeError
    ),
    "records": Bad(
        lambda: short().fit(np.zeros(60, dtype=[("a", float), ("b", float)]), y),
        "X must be an array-like of numbers. Got array",
        TypeError,
    ),
    "function": Bad(
        lambda: short().fit(len, y), "X must be an array-like of numbers. Got <built-in", TypeError
    ),
    "sparse of 3 dimensions": Bad(lambda: short().fit(sp.coo_array(np.ones((60, 2, 2))), y), "3D"),
    "Series": Bad(lambda: short().fit(pd.Series(X[:, 0]), y), "2-dimensional .*Series.*Pass a"),
    "durations": Bad(
        lambda: short().fit(np.full((60, 2), np.timedelta64(1, "s")), y),
        "dates or durations .timedelta64.s..; make numbers",
        TypeError,
    ),
    "cells of bytes": Bad(
        lambda: short().fit(np.full((60, 2), b"a"), y), "to float: .*b'a'.*text in columns 0, 1"
    ),
    "huge integers": Bad(
        lambda: short().fit(np.full((60, 2), 10**40, dtype=object), y), "too large"
    ),
}

GOOD = {
    "tensors": lambda: short().fit(tensors()).predict(tensors()),
    "items of arrays": lambda: short().fit(Items(X, y)),
    "items of bytes": lambda: short().fit(Items((255 * images).astype(np.uint8), y)),
    "items of integers": lambda: short().fit(Items((9 * X).astype(int), y)),
    "items of half precision": lambda: short().fit(Items([tensor(x).half() for x in X], y)),
    "items without labels": lambda: short().fit(Items([tensor(x) for x in X]), y),
    "predict without labels": lambda: fitted().predict(TensorDataset(tensor(X))),
    "soft labels in items": lambda: short().fit(Items(X, list(np.eye(3)[y]))),
    "subset": lambda: short().fit(Subset(tensors(), range(30))),
    "text labels": lambda: short().fit(Items(X, np.array(["a", "b", "c"])[y])),
    "list of tensors": lambda: short().fit([tensor(x) for x in X], y),
    "decimals": lambda: short().fit(np.full((60, 2), decimal.Decimal(1)), y),
    "float tensor that is not contiguous": lambda: short().fit(tensor(X.T.copy()).T, y),
}
