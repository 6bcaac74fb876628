"""Wrong input is refused with an error that states what it was and what is allowed."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import cross_val_score

from sknoisy.methods import METHODS
from sknoisy.noise import pair
from tests.factories import SKLEARN, short

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)).astype(np.float32)
y = np.arange(60) % 3
frame = pd.DataFrame(X, columns=list("abcd"))
images = rng.random((60, 3, 8, 8))
NAME = "NoisyLabelClassifier"


def with_cell(value, of=X):
    changed = of.astype(np.float64)
    changed.flat[0] = value
    return changed


def with_label(value, dtype=object):
    changed = y.astype(dtype)
    changed[3] = value
    return changed


# ---- X -------------------------------------------------------------------------------------------

WRONG_X = {
    "NaN": (with_cell(np.nan), ValueError, "Input X contains NaN.*does not accept missing values"),
    "inf": (with_cell(np.inf), ValueError, "Input X contains infinity or a value too large"),
    "1e300": (with_cell(1e300), ValueError, r"too large for dtype\('float32'\)"),
    "-1e300": (with_cell(-1e300), ValueError, r"too large for dtype\('float32'\)"),
    "NaN in sparse": (sp.csr_array(with_cell(np.nan)), ValueError, "Input X contains NaN"),
    "1e300 in sparse": (sp.csr_array(with_cell(1e300)), ValueError, r"dtype\('float32'\)"),
    "NaN in images": (with_cell(np.nan, images), ValueError, "Input X contains NaN"),
    "tiny images": (images * 1e-40, ValueError, "images X must be .*; multiply X by a"),
    "1-D": (X[:, 0], ValueError, "Expected 2D array, got 1D array instead.*Reshape your data"),
    "scalar": (3.0, ValueError, "Expected 2D array, got scalar array instead"),
    "3-D": (X.reshape(60, 2, 2), ValueError, f"dim 3, while dim 2 .* or 4 .*{NAME} without a 'mod"),
    "5-D": (X.reshape(60, 2, 2, 1, 1), ValueError, "dim 5, while dim 2"),
    "no column": (X[:, :0], ValueError, r"0 feature\(s\) \(shape=\(60, 0\)\) while a minimum of 1"),
    "no pixel": (images[..., :0], ValueError, r"\(\d+, 3, 8, 0\)"),
    "ragged": ([[1, 2], [3]] * 30, ValueError, "setting an array element with a sequence"),
    "a string": (np.array([["hello", 1, 2, 3]] * 60, dtype=object), ValueError, "float: 'hello'"),
    "strings": (
        np.full((60, 4), "hello"),
        ValueError,
        "could not convert string to float.*'hello'",
    ),
    "one string": ("hello", ValueError, "must be an array of samples, or a list of .* Got 'hello'"),
    "text column": (frame.assign(e="hello"), ValueError, "could not convert string to float"),
    "category": (frame.assign(e=pd.Categorical(["u"] * 60)), ValueError, "to float: 'u'"),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "None": (None, ValueError, "Expected 2D array, got scalar array"),
    "dict": ({"a": X}, TypeError, "not 'dict'"),
    "set": ({1, 2}, TypeError, "not 'set'"),
    "dates": (frame.assign(t=pd.Timestamp("2020")), TypeError, r"dates, times, .*\['t'\]"),
    "dates in UTC": (frame.assign(t=pd.Timestamp("2020", tz="UTC")), TypeError, r"\['t'\]"),
    "durations": (frame.assign(t=pd.Timedelta(1)), TypeError, r"dates, times, .*\['t'\]"),
    "array of dates": (np.full((60, 2), np.datetime64("2020")), TypeError, "dates or durations"),
    "pd.NA": (frame.astype("Float64").mask(frame > 1), ValueError, "Input X contains NaN"),
    "masked": (np.ma.masked_greater(X, 1), ValueError, "masked array.*fill them first"),
    "duplicate names": (frame.set_axis(list("aabc"), axis=1), ValueError, "(?i)duplicate|unique"),
    "mixed names": (frame.set_axis(["a", 1, "b", 2], axis=1), TypeError, r"\['int', 'str'\]"),
    "one row too few": (X[:-1], ValueError, r"inconsistent numbers of samples: \[59, 60\]"),
    "gradient": (torch.tensor(X, requires_grad=True), TypeError, r"gradient; pass X.detach\(\)"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), WRONG_X.values(), ids=WRONG_X)
def test_wrong_x_is_refused(wrong, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        short().fit(wrong, y)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_images_whose_squares_are_lost_are_refused(scale):
    """They were taken for constant."""
    with pytest.raises(ValueError, match=r"images X must be in the range \[1e-30, 1e\+120\]. Got"):
        short(precision="float64").fit(images * scale, y)
    assert short(max_epochs=1).fit(0 * images, y).n_iter_ == 1


@pytest.mark.parametrize(
    ("n_rows", "match"),
    [(0, r"Found array with 0 sample\(s\) \(shape=\(0, 4\)\)"), (1, "only one class")],
)
def test_too_few_rows_are_refused(n_rows, match):
    with pytest.raises(ValueError, match=match):
        short().fit(X[:n_rows], y[:n_rows])


# ---- y -------------------------------------------------------------------------------------------

WRONG_Y = {
    "None": (None, ValueError, "requires y to be passed, but the target y is None"),
    "NaN": (with_label(np.nan, float), ValueError, "Input y contains NaN"),
    "inf": (with_label(np.inf, float), ValueError, "Input y contains infinity"),
    "pd.NA": (pd.Series(y, dtype="Int64").mask(y == 2), ValueError, "y contains NaN"),
    "missing string": (pd.Series(["a", "b", None] * 20), ValueError, "y contains NaN"),
    "a None": (with_label(None), ValueError, "contains None: 1 of 60 .* is missing, .* in row 3"),
    "int and str": (with_label("a"), ValueError, "y must all hold numbers or all strings"),
    "continuous": (y + 0.5, ValueError, "Unknown label type: continuous"),
    "one class": (0 * y, ValueError, "at least 2 classes .* only one class"),
    "multilabel": (np.ones((60, 3), int), ValueError, r"rows are at least 0 and sum to 1"),
    "logits": (np.eye(3)[y] - 0.5, ValueError, r"Got row 0 with minimum -0.5 and sum -0.5"),
    "strings": (np.eye(3)[y].astype(str), ValueError, r"y should be a 1d array, got .* \(60, 3\)"),
    "empty": ([], ValueError, r"inconsistent numbers of samples: \[60, 0\]"),
    "short": (y[:-1], ValueError, r"inconsistent numbers of samples: \[60, 59\]"),
    "scalar": (1, ValueError, r"1d array, got an array of shape \(\)"),
    "complex": (y + 1j, ValueError, "Complex data not supported"),
    "bytes": (
        np.array([b"a", b"b", b"c"])[y],
        (TypeError, FutureWarning),
        "labels represented as bytes",
    ),
    "sets of labels": ([[1, 2], [3]] * 30, ValueError, "setting an array element"),
}


@pytest.mark.parametrize(("wrong", "error", "match"), WRONG_Y.values(), ids=WRONG_Y)
def test_wrong_y_is_refused(wrong, error, match):
    with pytest.raises(error, match=match):
        short().fit(X, wrong)


def test_column_of_labels_is_accepted_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        clf = short().fit(X, y[:, None])
    np.testing.assert_array_equal(clf.predict_proba(X), short().fit(X, y).predict_proba(X))


@pytest.mark.skipif(SKLEARN < (1, 7), reason="this scikit-learn has no warning")
def test_as_many_classes_as_rows_are_accepted_with_a_warning():
    with pytest.warns(UserWarning, match="number of unique classes is greater than 50%"):
        assert len(short().fit(X, np.arange(60)).classes_) == 60


@pytest.mark.parametrize("method", ["forward", "backward", "bagging"])
@pytest.mark.parametrize("as_instance", [False, True])
def test_transition_matrix_of_classes_in_another_order_is_refused(method, as_instance):
    names = np.array(["cat", "dog", "fox"])
    named = pd.DataFrame(pair(3, 0.3), index=names, columns=names)

    def fit(matrix):
        if as_instance:
            return short(method=METHODS[method](transition_matrix=matrix)).fit(X, names[y])
        return short(method=method, method__transition_matrix=matrix).fit(X, names[y])

    np.testing.assert_allclose(fit(named).method_.transition, named, atol=0.01)
    message = r"The columns of 'method__transition_matrix' must be the classes in their order, "
    with pytest.raises(ValueError, match=message):
        fit(named.iloc[::-1, ::-1])


# ---- weights -------------------------------------------------------------------------------------

WRONG_WEIGHTS = {
    "negative": (-np.ones(60), "Negative values in data passed to `sample_weight`"),
    "all zero": (np.zeros(60), "must contain at least one non-zero number"),
    "one class": ((y == 1) * 1.0, "at least 2 classes .* only one class with a positive weight"),
    "NaN": (np.full(60, np.nan), "sample_weight contains NaN"),
    "inf": (np.full(60, np.inf), "sample_weight contains infinity"),
    "short": (np.ones(59), r"sample_weight.shape == \(59,\), expected \(60,\)"),
    "2-D": (np.ones((60, 2)), "Sample weights must be 1D array or scalar"),
    "strings": (["a"] * 60, r"'sample_weight' parameter must be .* Got \['a'"),
}


@pytest.mark.parametrize(("wrong", "match"), WRONG_WEIGHTS.values(), ids=WRONG_WEIGHTS)
def test_wrong_sample_weight_is_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        short().fit(X, y, wrong)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({7: 1.0}, "not in class_weight"),
        ({0: -1.0}, "class_weight.*-1"),
        ({0: np.nan}, "class_weight.*nan"),
    ],
    ids=str,
)
def test_wrong_class_weight_is_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        short(class_weight=wrong).fit(X, y)


# ---- predicting ----------------------------------------------------------------------------------

WRONG_IN_PREDICT = {
    "fewer columns": (X[:, :3], ValueError, f"X has 3 features, but {NAME} is expecting 4"),
    "1-D": (X[0], ValueError, "Expected 2D array, got 1D array"),
    "3-D": (X.reshape(60, 4, 1), ValueError, "dim 3"),
    "images": (X.reshape(60, 4, 1, 1), ValueError, "dim 4"),
    "no rows": (X[:0], ValueError, r"0 sample\(s\)"),
    "NaN": (with_cell(np.nan), ValueError, "Input X contains NaN"),
    "1e300": (with_cell(1e300), ValueError, r"dtype\('float32'\)"),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "strings": ([["hello"] * 4], ValueError, "could not convert string to float"),
    "None": (None, ValueError, "Expected 2D array"),
    "gradient": (torch.tensor(X, requires_grad=True), TypeError, "detach"),
}


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predictions_before_fit_are_refused(method):
    with pytest.raises(NotFittedError, match=f"This {NAME} instance is not fitted yet"):
        getattr(short(), method)(X)


@pytest.fixture(scope="module")
def fitted():
    return short().fit(X, y)


@pytest.mark.parametrize(
    ("wrong", "error", "match"), WRONG_IN_PREDICT.values(), ids=WRONG_IN_PREDICT
)
def test_wrong_x_is_refused_in_predict(fitted, wrong, error, match):
    with pytest.raises(error, match=match):
        fitted.predict(wrong)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (frame[list("bacd")], "must be in the same order as they were in fit"),
        (frame[list("abc")], "yet now missing:\n- d"),
        (frame.rename(columns={"a": "z"}), "unseen at fit time:\n- z"),
    ],
    ids=["reordered", "missing", "unknown"],
)
def test_other_columns_are_refused_in_predict(wrong, match):
    with pytest.raises(ValueError, match=f"(?s)feature names should match.*{match}"):
        short().fit(frame, y).predict(wrong)


def test_column_names_in_only_fit_or_predict_give_a_warning(fitted):
    with pytest.warns(UserWarning, match="X has feature names, but .* fitted without"):
        fitted.predict(frame)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        short().fit(frame, y).predict(X)


@pytest.mark.parametrize(
    ("wrong", "match"),
    [(images[:, :1], "1 features.*expecting 3"), (images[:, :, 0, 0], "dim 2")],
    ids=["channels", "table"],
)
def test_other_images_are_refused_in_predict(wrong, match):
    clf = short().fit(images, y)
    with pytest.raises(ValueError, match=match):
        clf.predict(wrong)


def test_y_of_another_length_is_refused_in_score(fitted):
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[59, 60\]"):
        fitted.score(X, y[:-1])


# ---- partial_fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"y": y}, "classes must be passed on the first call to partial_fit"),
        ({"y": y, "classes": [0, 1]}, r"all valid labels that can be in y; got \[2\] .* \[0, 1\]"),
        ({"y": 0 * y, "classes": [0]}, r"'classes' of partial_fit .* at least 2. Got"),
    ],
    ids=["none", "label missing", "one"],
)
def test_wrong_classes_are_refused_in_the_first_partial_fit(call, match):
    with pytest.raises(ValueError, match=match):
        short().partial_fit(X, **call)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        ({"X": X, "y": y + 1}, r"labels that can be in y; got \[3\] beside \[0, 1, 2\]"),
        ({"X": X, "y": y.astype(str)}, "labels that can be in y"),
        ({"X": X, "y": y, "classes": [0, 1, 2, 3]}, "not the same as on last call to partial_fit"),
        ({"X": X[:, :3], "y": y}, "X has 3 features, but .* is expecting 4"),
        ({"X": X}, "requires y to be passed"),
    ],
    ids=["new label", "strings", "other classes", "columns", "no y"],
)
def test_other_classes_and_columns_are_refused_in_later_partial_fits(call, match):
    clf = short().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=match):
        clf.partial_fit(**call)


@pytest.mark.parametrize("params", [{"class_weight": "balanced"}, {"early_stopping": True}])
def test_parameters_that_need_all_rows_are_refused_in_partial_fit(params):
    with pytest.raises(ValueError, match=f"{next(iter(params))}.*not supported for partial_fit"):
        short(**params).partial_fit(X, y, classes=[0, 1, 2])


def test_new_label_is_refused_in_a_warm_start():
    with pytest.raises(ValueError, match=r"got \[3\] beside \[0, 1, 2\]"):
        short(warm_start=True).fit(X, y).fit(X, y + 1)


# ---- valid input ---------------------------------------------------------------------------------

VALID = {
    "lists": (X.tolist(), y.tolist()),
    "integers": ((9 * X).astype(int), y),
    "booleans": (X > 0, y),
    "uint8": ((9 * X).astype(np.uint8), y),
    "float16": (X.astype(np.float16), y),
    "long double": (X.astype(np.longdouble), y),
    "big endian": (X.astype(">f8"), y),
    "Fortran order": (np.asfortranarray(X), y),
    "reversed": (X[::-1, ::-1], y),
    "huge in float32": (with_cell(1e30), y),
    "csr": (sp.csr_array(X), y),
    "csc matrix": (sp.csc_matrix(X), y),
    "sparse integers": (sp.csr_array((2 * X).astype(int)), y),
    "tensor": (torch.tensor(X), torch.tensor(y)),
    "frame": (frame, pd.Series(y, index=range(60, 0, -1))),
    "nullable": (frame.astype("Float64"), pd.Series(y, dtype="Int64")),
    "mask without a masked cell": (np.ma.array(X), y),
    "constant column": (np.c_[X, np.ones(60)], y),
    "bool labels": (X, y > 0),
    "negative labels": (X, y - 5),
    "string labels": (X, np.array(["a", "b", "c"])[y]),
    "object labels": (X, np.array(["a", "b", "c"], dtype=object)[y]),
    "categories": (X, pd.Categorical(y)),
    "images": (images, y),
    "images of one pixel": (images[:, :, :1, :1], y),
    "images of one channel": (images[:, :1], y),
    "bytes of images": ((255 * images).astype(np.uint8), y),
}


@pytest.mark.parametrize(("X", "y"), VALID.values(), ids=VALID)
def test_valid_input_is_accepted(X, y):
    clf = short().fit(X, y)
    p = clf.predict_proba(X)
    assert p.shape == (60, len(np.unique(y)))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert set(clf.predict(X)) <= set(np.asarray(y).tolist())


def test_images_of_bytes_need_no_scaling():
    as_bytes = (255 * images).astype(np.uint8)
    scaled = as_bytes / 255
    np.testing.assert_allclose(
        short().fit(as_bytes, y).predict_proba(as_bytes),
        short().fit(scaled, y).predict_proba(scaled),
        rtol=1e-3,
    )


def test_error_about_a_parameter_is_raised_by_a_search():
    with pytest.raises(ValueError, match=r"'smoothing' parameter .* Got 2 instead"):
        cross_val_score(short(smoothing=2), *load_iris(return_X_y=True), error_score="raise")
