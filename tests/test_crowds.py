"""Votes of several annotators become soft labels."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from sknoisy import NoisyLabelClassifier
from sknoisy.crowds import soft_labels

nan = np.nan
EXPECTED = [[0.5, 0.5], [0, 1], [0.5, 0.5]]


def of_ints(kind):
    return pd.DataFrame({"p": [0, 1, None], "q": [1, None, None]}).astype(kind)


WIDE = {
    "floats": lambda: np.array([[0, 1], [1, nan], [nan, nan]]),
    "lists": lambda: [[0, 1], [1, None], [None, None]],
    "tuples": lambda: ((0, 1), (1, None), (None, None)),
    "lists of unequal lengths": lambda: [[0, 1], [1], []],
    "objects": lambda: np.array([[0, 1], [1, pd.NA], [None, nan]], dtype=object),
    "masked": lambda: np.ma.masked_equal([[0, 1], [1, -1], [-1, -1]], -1),
    "tensor": lambda: torch.tensor([[0, 1], [1, nan], [nan, nan]]),
    "Int64": lambda: of_ints("Int64"),
    "frame of floats": lambda: of_ints("float64"),
}


@pytest.mark.parametrize("kind", WIDE)
def test_numbers_of_any_container_are_votes(kind):
    result = soft_labels(WIDE[kind]())
    assert result.columns.tolist() == [0, 1] and result.columns.dtype.kind == "i"
    np.testing.assert_array_equal(result, EXPECTED)


NAMES = [["no", "yes"], ["yes", None], [None, None]]
NAMED = {
    "lists": lambda: NAMES,
    "tuples": lambda: tuple(map(tuple, NAMES)),
    "frame": lambda: pd.DataFrame(NAMES),
    "categories": lambda: pd.DataFrame(NAMES).astype("category"),
    "string": lambda: pd.DataFrame(NAMES).astype("string"),
    "booleans": lambda: pd.DataFrame(NAMES).replace({"no": False, "yes": True}).astype("boolean"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_strings_and_booleans_are_votes(kind):
    result = soft_labels(NAMED[kind]())
    expected = [False, True] if kind == "booleans" else ["no", "yes"]
    assert result.columns.tolist() == expected
    np.testing.assert_array_equal(result, EXPECTED)


def test_tables_of_polars_are_votes():
    pl = pytest.importorskip("polars")
    wide = pl.DataFrame(NAMES, schema=["a", "b"], orient="row")
    np.testing.assert_array_equal(soft_labels(wide), EXPECTED)
    counts = pl.DataFrame({"no": [1, None, 0], "yes": [1, 3, None]})
    np.testing.assert_array_equal(soft_labels(counts, layout="counts"), EXPECTED)
    long = pl.DataFrame({"sample": [0, 0, 1], "annotator": "abb", "label": ["no", "yes", "yes"]})
    result = soft_labels(long, layout="long", samples=pl.Series([0, 1, 2]))
    np.testing.assert_array_equal(result, EXPECTED)


COUNTS = {
    "array": np.array([[1, 1], [0, 3], [0, 0]]),
    "floats": [[0.5, 0.5], [0, 0.1], [0, nan]],
    "tuples": ((1, 1), (0, 3), (0, 0)),
    "csr": sp.csr_array([[1, 1], [0, 3], [0, 0]]),
    "crosstab": pd.DataFrame({0: [1, nan, nan], 1: [1, 3, nan]}),
    "Int64": pd.DataFrame({0: [1, None, 0], 1: [1, 3, None]}, dtype="Int64"),
}


@pytest.mark.parametrize("kind", COUNTS)
def test_counts_are_normalised(kind):
    result = soft_labels(COUNTS[kind], layout="counts")
    assert result.columns.tolist() == [0, 1]
    np.testing.assert_allclose(result, EXPECTED)


LONG = pd.DataFrame(
    {"sample": ["b", "b", "d", "d"], "annotator": ["x", "y", "x", "y"], "label": [0, 1, 1, None]}
)


@pytest.mark.parametrize(
    "votes",
    [
        LONG,
        LONG.convert_dtypes(),
        LONG.sample(frac=1, random_state=0),
        tuple(LONG[name] for name in LONG),
        ([*"bbdd"], None, [0, 1, 1, None]),
        [np.array([*"bbdd"]), np.arange(4), np.array([0, 1, 1, nan])],
    ],
    ids=["frame", "nullable", "shuffled", "series", "lists without annotators", "list of arrays"],
)
def test_long_tables_are_votes(votes):
    result = soft_labels(votes, layout="long", samples=["b", "d", "a"])
    assert result.index.tolist() == ["b", "d", "a"]
    assert result.columns.tolist() == [0, 1]
    np.testing.assert_array_equal(result, EXPECTED)
    assert soft_labels(votes, layout="long").index.tolist() == ["b", "d"]


def test_columns_of_long_tables_have_any_names():
    table = LONG.set_axis(["task", "worker", "answer"], axis=1)
    result = soft_labels(table, layout="long", columns=("task", "worker", "answer"))
    np.testing.assert_array_equal(result, EXPECTED[:2])


def test_an_annotator_has_one_vote_on_a_sample():
    table = [0, 0, 0, 0, 1], [*"xxxyx"], ["a", "a", "b", "b", "b"]
    result = soft_labels(table, layout="long")
    np.testing.assert_allclose(result, [[1 / 3, 2 / 3], [0, 1]])
    result = soft_labels((table[0], None, table[2]), layout="long")
    np.testing.assert_allclose(result, [[1 / 2, 1 / 2], [0, 1]])


def test_all_classes_get_a_column():
    result = soft_labels([["b", "b"], [None, None]], classes=["a", "b", "c"])
    assert result.columns.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(result, [[0, 1, 0], [1 / 3] * 3])
    result = soft_labels([[0, 2], [0, 0]], layout="counts", classes=["a", "b"])
    assert result.columns.tolist() == ["a", "b"]


def test_the_index_of_a_frame_is_kept():
    votes = pd.DataFrame(NAMES, index=["r", "s", "t"])
    assert soft_labels(votes).index.tolist() == ["r", "s", "t"]
    counts = pd.DataFrame([[1, 1], [0, 3]], index=["r", "s"], columns=["no", "yes"])
    assert soft_labels(counts, layout="counts").index.tolist() == ["r", "s"]
    assert counts.dtypes.eq(np.int64).all()


def test_soft_labels_of_votes_are_trained_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    names = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    votes = np.where(rng.random((60, 3)) < 0.7, names[:, None], None)
    clf = NoisyLabelClassifier("ce", max_epochs=30, random_state=0).fit(X, soft_labels(votes))
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.score(X, names) > 0.9


WRONG = {
    "one dimension": ([0, 1], {}, "must have 2 dimensions"),
    "a Series": (pd.Series([0, 1]), {}, "must have 2 dimensions"),
    "three dimensions": (np.zeros((2, 2, 2)), {}, "must have 2 dimensions"),
    "None": (None, {}, "must have 2 dimensions.*Got None"),
    "strings": (["ab", "cd"], {}, "must have 2 dimensions"),
    "a string": ("ab", {}, "must have 2 dimensions.*Got 'ab'"),
    "empty": (np.zeros((0, 3)), {}, "at least one vote"),
    "no annotators": (np.zeros((3, 0)), {}, "at least one vote"),
    "nobody voted": ([[None, None]], {}, "at least one vote"),
    "no counts": ([[0, 0]], {"layout": "counts"}, "at least one vote"),
    "probabilities": ([[0.2, 0.8]], {}, r"strings, booleans or whole numbers. Got \[0.2, 0.8\]"),
    "infinity": ([[0, np.inf]], {}, "strings, booleans or whole numbers"),
    "dates": ([[pd.Timestamp(0), pd.Timestamp(1)]], {}, "strings, booleans or whole numbers"),
    "mixed": ([["a", 1]], {}, "must all hold numbers or all strings"),
    "one class": ([["a", "a"]], {}, r"at least 2 classes. Got \['a'\]; pass 'classes'"),
    "unknown": ([[0, 5]], {"classes": [0, 1]}, r"got \[5\] beside \[0, 1\]"),
    "unsorted": ([[0, 1]], {"classes": [1, 0]}, "classes must be sorted"),
    "negative": ([[1, -1]], {"layout": "counts"}, "at least 0 with layout='counts'. Got -1 to 1"),
    "text as counts": (pd.DataFrame([[1, "x"]]), {"layout": "counts"}, "must hold numbers with"),
    "other classes": (
        pd.DataFrame([[1, 2]], columns=["a", "b"]),
        {"layout": "counts", "classes": ["a", "c"]},
        r"must be the classes, each once. Got \['a', 'b'\] beside \['a', 'c'\]",
    ),
    "a layout": ([[0, 1]], {"layout": "table"}, r"among \['counts', 'long', 'wide'\]. Got 'table'"),
    "a long table": (LONG, {}, "pass layout='long'"),
    "wide samples": ([[0, 1]], {"samples": [0]}, "must be None, unless layout='long'"),
    "no column": (LONG, {"layout": "long", "columns": ["task", "w", "l"]}, "no column 'task'"),
    "two columns": (LONG, {"layout": "long", "columns": ["sample", "label"]}, "3 names"),
    "samples": (LONG, {"layout": "long", "samples": ["a", "b"]}, r"votes on \['d'\] beside them"),
    "samples twice": (LONG, {"layout": "long", "samples": ["b", "b", "d"]}, "each sample once"),
    "no name": (LONG.replace("b", None), {"layout": "long"}, "names of samples .* not be missing"),
    "lengths": (([0, 1], None, [0]), {"layout": "long"}, r"inconsistent numbers .* \[2, 1\]"),
    "long without its layout": (
        (["a", "b"], ["x", "y"], ["no", "yes"]),
        {},
        "annotators and labels, pass layout='long'",
    ),
    "two arrays": (([0, 1], [0, 1]), {"layout": "long"}, "must have 3 columns.* Got 2"),
}


@pytest.mark.parametrize(("votes", "params", "match"), WRONG.values(), ids=WRONG)
def test_wrong_votes_are_refused(votes, params, match):
    with pytest.raises(ValueError, match=match):
        soft_labels(votes, **params)


def test_several_labels_in_an_entry_are_refused():
    with pytest.raises(TypeError, match="one label in each entry"):
        soft_labels([[[0, 1], [1]]])


def test_counts_without_their_layout_raise_a_warning():
    counts = np.array([[2, 1], [3, 0], [1, 2], [0, 3]] * 3)
    with pytest.warns(UserWarning, match="has the sum 3.*pass layout='counts'") as record:
        soft_labels(counts)
    assert record[0].filename == __file__


def test_counters_are_no_votes_for_their_keys():
    with pytest.raises(ValueError, match=r"pandas.DataFrame\(votes\) with layout='counts'"):
        soft_labels([{"a": 3, "b": 1}, {"b": 5, "a": 1}])


def test_classes_of_counts_name_all_columns():
    with pytest.raises(ValueError, match=r"'classes' parameter .* name the 2 columns of counts"):
        soft_labels([[1, 2], [3, 4]], layout="counts", classes=["a", "b", "c"])
