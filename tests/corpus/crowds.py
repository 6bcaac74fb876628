"""Votes of annotators."""

import numpy as np
import pandas as pd

from sknoisy.crowds import soft_labels
from tests.corpus._cases import Bad

VOTES = "'votes' parameter of soft_labels must"
LONG = pd.DataFrame({"sample": [1, 1, 2], "annotator": [2, 3, 2], "label": [0, 1, 1]})

BAD = {
    "None": Bad(lambda: soft_labels(None), f"{VOTES} have 2 dimensions.* Got None"),
    "a number": Bad(lambda: soft_labels(3), f"{VOTES} have 2 dimensions.* Got 3"),
    "text": Bad(lambda: soft_labels("abc"), f"{VOTES} have 2 dimensions.* Got 'abc'"),
    "a dict of numbers": Bad(
        lambda: soft_labels({1: 2}), f"{VOTES} have 2 dimensions.* Got {{1: 2"
    ),
    "1 dimension": Bad(lambda: soft_labels([0, 1]), rf"{VOTES} have 2 .* Got \[0, 1\]"),
    "3 dimensions": Bad(lambda: soft_labels(np.zeros((2, 2, 2))), f"{VOTES} have 2 .* Got array"),
    "no row": Bad(lambda: soft_labels([]), f"{VOTES} hold at least one vote"),
    "no vote": Bad(lambda: soft_labels([[np.nan, np.nan]]), f"{VOTES} hold at least one vote"),
    "infinity": Bad(lambda: soft_labels([[np.inf, 1], [0, 1]]), f"{VOTES} hold .* Got .inf"),
    "fractions": Bad(lambda: soft_labels([[0.5, 1], [0, 1]]), f"{VOTES} hold .*whole.* Got .0.5"),
    "text and numbers": Bad(lambda: soft_labels([[0, "a"]]), "votes must all hold numbers .* Got"),
    "one class": Bad(lambda: soft_labels([[1, 1]]), r"at least 2 classes. Got \[1\]"),
    "layout": Bad(lambda: soft_labels([[0, 1]], layout="x"), r"'layout' .*\['counts'.* Got 'x'"),
    "layout None": Bad(
        lambda: soft_labels([[0, 1]], layout=None), "'layout' parameter .* Got None"
    ),
    "unknown class": Bad(
        lambda: soft_labels([[0, 1]], classes=[0]), r"votes; got \[1\] beside \[0"
    ),
    "equal classes": Bad(
        lambda: soft_labels([[0, 1]], classes=[0, 1, 1]), r"sorted and different. Got \[0, 1, 1\]"
    ),
    "negative counts": Bad(
        lambda: soft_labels([[0, -1], [1, 0]], layout="counts"), f"{VOTES} .* at least 0 .* Got -1"
    ),
    "counts of text": Bad(
        lambda: soft_labels([["a", "b"]], layout="counts"), f"{VOTES} hold numbers .* Got ..'a'"
    ),
    "counts of 0": Bad(lambda: soft_labels([[0, 0]], layout="counts"), f"{VOTES} .* at least one"),
    "long table of other names": Bad(
        lambda: soft_labels(LONG.set_axis(list("abc"), axis=1), layout="long"),
        r"no column 'sample', only \['a', 'b', 'c'\]. Name .* in 'columns'",
    ),
    "two names": Bad(
        lambda: soft_labels(LONG, layout="long", columns=("a", "b")),
        r"'columns' parameter .* sequence of 3 names. Got \('a', 'b'\)",
    ),
    "samples of a wide table": Bad(
        lambda: soft_labels([[0, 1]], samples=[1]), "'samples' .* must be None, .* Got .1. with lay"
    ),
    "unknown sample": Bad(
        lambda: soft_labels(LONG, layout="long", samples=[1]), r"'samples' .* all .* Got .*\[2\]"
    ),
    "equal samples": Bad(
        lambda: soft_labels(LONG, layout="long", samples=[1, 2, 2]), "'samples' .* each sample once"
    ),
    "long columns of several lengths": Bad(
        lambda: soft_labels(([1, 2], [1], [0, 1]), layout="long"), r"inconsistent .*\[2, 1, 2\]"
    ),
}

GOOD = {
    "long": lambda: soft_labels(LONG, layout="long"),
    "rows of several lengths": lambda: soft_labels([["a", "b"], ["a"]]),
    "counts": lambda: soft_labels([[2, 1], [0, 3]], layout="counts"),
    "dict of columns": lambda: soft_labels({"Ann": ["a", "b"], "Bob": ["a", "a"]}),
    "booleans": lambda: soft_labels([[True, False], [True, True]]),
}
