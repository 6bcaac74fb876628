"""Labels of any container, and the refusal of missing ones."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from sknoisy import NoisyLabelClassifier
from sknoisy._validation.missing_labels import as_array_of_labels
from sknoisy.noise import corrupt_labels

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
codes = (X[:, 0] > 0).astype(int)
names = np.array(["no", "yes"])[codes]


def make():
    return NoisyLabelClassifier("ce", max_epochs=2, random_state=0)


def polars_series(values, **params):
    pl = pytest.importorskip("polars")
    return pl.Series(list(values), **params)


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "objects": lambda labels: np.array(labels, dtype=object),
    "Series": pd.Series,
    "Index": pd.Index,
    "category": lambda labels: pd.Series(labels, dtype="category"),
    "Categorical": pd.Categorical,
    "column": lambda labels: pd.DataFrame({"y": labels}),
    "nullable": lambda labels: pd.Series(labels).convert_dtypes(),
    "nullable array": lambda labels: pd.Series(labels).convert_dtypes().array,
    "polars": polars_series,
    "polars column": lambda labels: polars_series(labels).to_frame(),
}


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("labels", [names, codes], ids=["strings", "ints"])
def test_labels_of_any_container_keep_their_type(container, labels):
    """Nullable integers and booleans became floats."""
    if labels is codes and container is CONTAINERS["objects"]:
        pytest.skip("scikit-learn takes objects that are no strings for unknown labels")
    clf = make().fit(X, container(labels))
    assert_array_equal(clf.classes_, np.unique(labels))
    assert clf.classes_.dtype.kind in ("i" if labels is codes else "UO")
    assert_array_equal(clf.predict(X), make().fit(X, labels).predict(X))


@pytest.mark.parametrize("labels", [[True, False, True], [1, 2, 1], [0.5, 1.5, 0.5]])
def test_nullable_numbers_have_the_types_of_numpy(labels):
    array = as_array_of_labels(pd.Series(labels).convert_dtypes())
    assert_array_equal(array, labels)
    assert array.dtype == np.array(labels).dtype


def with_holes(hole, labels=names):
    changed = np.array(labels, dtype=object)
    changed[[3, 7]] = hole
    return changed


HOLES = {
    "None in objects": lambda: with_holes(None),
    "None in a list": lambda: with_holes(None).tolist(),
    "None among ints": lambda: with_holes(None, codes),
    "NaN in objects": lambda: with_holes(np.nan),
    "NaN in a list of strings": lambda: with_holes(np.nan).tolist(),
    "NaN in a list": lambda: with_holes(np.nan, codes).tolist(),
    "NaN": lambda: with_holes(np.nan, codes).astype(float),
    "pd.NA in objects": lambda: with_holes(pd.NA),
    "NaT": lambda: pd.Series(with_holes(pd.NaT)),
    "string": lambda: pd.Series(with_holes(pd.NA), dtype="string"),
    "Series": lambda: pd.Series(with_holes(None)),
    "Index": lambda: pd.Index(with_holes(None)),
    "column": lambda: pd.DataFrame({"y": with_holes(None)}),
    "category": lambda: pd.Series(pd.Categorical(with_holes(None))),
    "Categorical": lambda: pd.Categorical(with_holes(None)),
    "Int64": lambda: pd.Series(with_holes(pd.NA, codes), dtype="Int64"),
    "boolean": lambda: pd.Series(with_holes(pd.NA, codes > 0), dtype="boolean"),
    "masked": lambda: np.ma.array(names, mask=np.isin(np.arange(60), [3, 7])),
    "tensor": lambda: torch.tensor(with_holes(np.nan, codes).astype(float)),
    "polars strings": lambda: polars_series(with_holes(None)),
    "polars ints": lambda: polars_series(with_holes(None, codes)),
    "polars NaN": lambda: polars_series(with_holes(np.nan, codes).astype(float)),
    "polars column": lambda: polars_series(with_holes(None)).to_frame(),
}


@pytest.mark.parametrize("kind", HOLES)
def test_missing_labels_are_refused_with_their_number_and_first_row(kind):
    """NaN in a list of strings was a class "nan", and masks were ignored."""
    labels = HOLES[kind]()
    message = r"Input y contains (None|NaN): 2 of 60 entries are missing, the first in row 3\."
    with pytest.raises(ValueError, match=message):
        make().fit(X, labels)
    with pytest.raises(ValueError, match=message):
        corrupt_labels(labels, 0.2)


def test_missing_entries_of_soft_labels_are_refused():
    soft = pd.DataFrame(0.8 * np.eye(2)[codes] + 0.1)
    soft.loc[[3, 7], 1] = None
    for labels in (soft, soft.to_numpy(), soft.convert_dtypes()):
        with pytest.raises(ValueError, match=r"y contains NaN: 2 of 60 .* first in row 3"):
            make().fit(X, labels)


def test_strings_and_numbers_in_a_list_are_no_strings():
    """NumPy makes strings of them."""
    with pytest.raises(ValueError, match="y must all hold numbers or all strings"):
        make().fit(X, ["a", 1] * 30)


@pytest.mark.parametrize(
    "weight",
    [pd.Series([True, None] * 30, dtype="boolean"), [1, None] * 30, [1, np.nan] * 30],
    ids=["boolean", "None", "NaN"],
)
def test_missing_weights_are_refused_with_their_number_and_first_row(weight):
    with pytest.raises(ValueError, match=r"sample_weight contains NaN: 30 of 60 .* in row 1"):
        make().fit(X, codes, weight)


@pytest.mark.parametrize(
    "weight",
    [codes.astype(str), codes.astype(str).astype(object), codes + 1j, codes.astype("M8[D]")],
    ids=["strings", "strings as objects", "complex", "dates"],
)
def test_weights_that_are_no_numbers_are_refused(weight):
    with pytest.raises(ValueError, match=r"'sample_weight' parameter must be .* of numbers"):
        make().fit(X, codes, weight)
