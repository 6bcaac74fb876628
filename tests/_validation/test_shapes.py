"""Arguments of a wrong shape are refused by their own names: scikit-learn calls every column y."""

import inspect

import numpy as np
import pandas as pd
import pytest

from sknoisy import metrics, transition
from sknoisy._validation.shapes import as_column, check_same_length, check_table
from sknoisy.issues import find_label_issues
from sknoisy.metrics import issue_average_precision, issue_precision_at_k
from sknoisy.plots import MemorizationDisplay, TransitionMatrixDisplay

y = np.arange(60) % 3
PROBA = 0.7 * np.eye(3)[y] + 0.1
GOOD = {
    "clf_or_proba": PROBA,
    "proba": PROBA,
    "transition_matrix": 0.7 * np.eye(3) + 0.1,
    "features": np.c_[y, np.random.default_rng(0).normal(size=60)],
    "trusted": np.arange(60) % 2 == 0,
    "mislabelled": y == 1,
    "label_quality": np.linspace(0, 1, 60),
    "k": 3,
}
FUNCTIONS = [
    *(getattr(metrics, name) for name in metrics.__all__),
    *(getattr(transition, name) for name in transition.__all__),
    find_label_issues,
    issue_average_precision,
    issue_precision_at_k,
]
LABELS = ("y", "y_noisy", "y_pred", "mislabelled", "label_quality")


def required(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]


CASES = [
    pytest.param(function, name, id=f"{function.__name__}-{name}")
    for function in FUNCTIONS
    if inspect.isfunction(function)
    and function.__name__ not in ("make_noisy_scorer", "estimate_transition")
    for name in required(function)
    if name in (*LABELS, "proba", "transition_matrix", "features", "trusted")
]


@pytest.mark.parametrize(
    "value", [None, 3, "abc", np.zeros((60, 2, 2))], ids=["None", "int", "str", "3-D"]
)
@pytest.mark.parametrize(("function", "name"), CASES)
def test_errors_name_the_argument_of_a_wrong_shape(function, name, value):
    """``noise_corrected_accuracy(y, None, T)`` said that y should be a 1d array."""
    given = {key: GOOD.get(key, y) for key in required(function)}
    with pytest.raises((ValueError, TypeError), match=rf"(?s)\b{name}\b.*Got"):
        function(**{**given, name: value})


@pytest.mark.parametrize(
    "call",
    [
        lambda: TransitionMatrixDisplay.from_predictions(y, None),
        lambda: MemorizationDisplay.from_predictions(y, np.tile(y, (2, 1)), y_clean=3),
    ],
)
def test_displays_name_their_labels(call):
    with pytest.raises(TypeError, match=r"(y_noisy|y_clean) must be an array-like"):
        call()


@pytest.mark.parametrize("function", [metrics.noise_corrected_accuracy, metrics.peer_accuracy])
def test_errors_name_the_arrays_of_different_lengths(function):
    given = {key: GOOD.get(key, y) for key in required(function)}
    with pytest.raises(ValueError, match=r"\[60, 59\] in y_noisy, y_pred"):
        function(**{**given, "y_pred": y[:-1]})


def test_an_empty_array_of_weights_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'sample_weight' parameter .* Got \[\]"):
        metrics.peer_accuracy(y, y, sample_weight=[])


@pytest.mark.parametrize("values", [[1, 2], (1, 2), np.array([[1], [2]]), pd.Series([1, 2])])
def test_columns_of_any_container_become_arrays_of_one_dimension(values):
    np.testing.assert_array_equal(as_column(values, "y"), [1, 2])


def test_ragged_rows_are_left_to_scikit_learn():
    check_table([[1, 2], [3]], "proba", "n_classes")


def test_arrays_that_may_be_missing_are_skipped():
    check_same_length(optional=("X",), y=[1, 2], X=None)
    with pytest.raises(TypeError, match=r"X must be an array-like .* Got None"):
        check_same_length(y=[1, 2], X=None)
