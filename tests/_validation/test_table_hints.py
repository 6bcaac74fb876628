"""Tables that are not all numbers are refused by the names of their columns, with a pipeline."""

import datetime

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sknoisy import NoisyLabelClassifier

rng = np.random.default_rng(0)
numbers = rng.normal(size=(60, 3))
y = (numbers[:, 0] > 0).astype(int)
frame = pd.DataFrame(numbers, columns=["a", "b", "c"])
city = np.array(["Rome", "Oslo"])[y]
holes = np.where(np.arange(60) % 5 == 0, np.nan, 1.0)


def make():
    return NoisyLabelClassifier("ce", max_epochs=1, random_state=0)


def polars_frame(**columns):
    pl = pytest.importorskip("polars")
    given = {name: values.tolist() for name, values in columns.items()}
    return pl.DataFrame({"a": numbers[:, 0].tolist(), **given}, strict=False)


def objects(values):
    return np.where(np.isnan(holes), None, values)


TEXT, MISSING = r"X has text in column {}\.", r"X has missing values in column {} \(12\)\."
TABLES = {
    "text": (lambda: frame.assign(city=city), [TEXT.format("'city'")]),
    "category": (lambda: frame.assign(city=pd.Categorical(city)), [TEXT.format("'city'")]),
    "string": (lambda: frame.assign(city=city).convert_dtypes(), [TEXT.format("'city'")]),
    "two columns": (lambda: frame.assign(u=city, v=city), ["X has text in columns 'u', 'v'"]),
    "polars text": (lambda: polars_frame(city=city), [TEXT.format("'city'")]),
    "array": (lambda: np.c_[numbers.astype(object), city], [TEXT.format(3)]),
    "array of strings": (lambda: np.c_[numbers.astype(str), city], [TEXT.format(3)]),
    "NaN": (lambda: frame.assign(age=holes), [MISSING.format("'age'")]),
    "Float64": (lambda: frame.assign(age=holes).convert_dtypes(), [MISSING.format("'age'")]),
    "None": (lambda: frame.assign(age=objects(1.5)), [MISSING.format("'age'")]),
    "array of objects": (lambda: np.c_[numbers, objects(1.5)], [MISSING.format(3)]),
    "array with NaN": (lambda: np.c_[numbers, holes], [MISSING.format(3)]),
    "sparse": (lambda: sp.csr_array(np.c_[numbers, holes]), [MISSING.format(3)]),
    "polars null": (lambda: polars_frame(age=objects(1.5)), [MISSING.format("'age'")]),
    "polars NaN": (lambda: polars_frame(age=holes), [MISSING.format("'age'")]),
    "both": (
        lambda: frame.assign(city=city, age=holes),
        [TEXT.format("'city'"), MISSING.format("'age'")],
    ),
    "text with holes": (lambda: frame.assign(city=objects(city)), [TEXT.format("'city'")]),
}


@pytest.mark.parametrize(("table", "messages"), TABLES.values(), ids=TABLES)
def test_text_and_missing_values_are_named_with_a_pipeline_that_takes_them(table, messages):
    X = table()
    for message in messages:
        with pytest.raises(ValueError, match=message) as error:
            make().fit(X, y)
    pipeline = str(error.value).partition("Put in front what helps: ")[2].removesuffix(".")
    names = {
        "make_pipeline": make_pipeline,
        "make_column_transformer": make_column_transformer,
        "OneHotEncoder": OneHotEncoder,
        "SimpleImputer": SimpleImputer,
        "NoisyLabelClassifier": make,
    }
    assert eval(pipeline, names).fit(X, y).predict(X).shape == (60,)


def test_texts_that_do_not_repeat_are_no_categories():
    days = pd.date_range("2024", periods=60).astype(str)
    with pytest.raises(ValueError, match=r"Few texts repeat in column 'day': make numbers of da"):
        make().fit(frame.assign(day=days, city=city), y)
    with pytest.raises(ValueError, match=TEXT.format("'city'")) as error:
        make().fit(frame.assign(city=city), y)
    assert "Few texts repeat" not in str(error.value)


def test_text_and_missing_values_are_named_in_predict():
    clf = make().fit(frame, y)
    with pytest.raises(ValueError, match=r"X has missing values in column 'b' \(12\)"):
        clf.predict(frame.assign(b=holes))
    with pytest.raises(ValueError, match="X has text in column 'b'"):
        clf.predict_proba(frame.assign(b=city))


def test_text_among_numbers_is_named():
    with pytest.raises(ValueError, match=TEXT.format("'m'")):
        make().fit(frame.assign(m=[1, "x"] * 30), y)


def test_many_columns_are_not_all_named():
    X = pd.DataFrame({f"c{i}": city for i in range(25)})
    with pytest.raises(ValueError, match=r"columns 'c0', .*'c9' and 15 more\. .*, \[\.\.\.\]\)"):
        make().fit(X, y)


def test_infinity_is_named():
    with pytest.raises(ValueError, match=r"contains infinity.* X has infinity in column 'b'"):
        make().fit(frame.assign(b=np.inf), y)


@pytest.mark.parametrize(
    "cells",
    [
        [datetime.date(2024, 1, 1)] * 60,
        [datetime.time(1)] * 60,
        pd.Series([pd.Timestamp("2024")] * 60, dtype=object),
        pd.Categorical(pd.date_range("2024", periods=60)),
        pd.cut(numbers[:, 0], 3),
    ],
    ids=["dates", "times", "timestamps", "categories of dates", "categories of intervals"],
)
def test_dates_in_columns_of_objects_are_named(cells):
    with pytest.raises(TypeError, match=r"columns of dates, times, .*, \['when'\]"):
        make().fit(frame.assign(when=cells), y)


def test_other_cells_are_named():
    with pytest.raises((TypeError, ValueError), match="cells of type list in column 'tags'"):
        make().fit(frame.assign(tags=[[1, 2]] * 60), y)


def test_errors_about_labels_are_left_as_they_are():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[60, 59\]$"):
        make().fit(frame, y[:-1])
